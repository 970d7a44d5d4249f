import pytest
import torch

from mmvis_plugin.models.cavis import (pick_instances, pick_segments,
                                       slot_class_probs)


def test_probabilities_of_one_and_of_two_sources():
    logits = torch.tensor([[2., 0., 1.], [0., 0., 5.]])
    aux = torch.tensor([[0., 3., 0.], [4., 0., 0.]])
    probs = slot_class_probs(logits)
    torch.testing.assert_close(probs, logits.softmax(1))
    merged = slot_class_probs(logits, aux)
    for q in range(2):
        for k in range(2):
            expected = max(logits.softmax(1)[q, k], aux.softmax(1)[q, k])
            torch.testing.assert_close(merged[q, k], expected)
    # "no object" stays that of the first source
    torch.testing.assert_close(merged[:, 2], probs[:, 2])
    assert merged.sum() > 2


def test_half_precision_is_computed_in_fp32():
    assert slot_class_probs(torch.zeros(2, 3).half()).dtype == torch.float32


@pytest.mark.parametrize('topk', [1, 4, 6, 100])
def test_best_pairs_of_slot_and_class(topk):
    probs = torch.rand(3, 3, generator=torch.Generator().manual_seed(0))
    probs[:, 2] = 9.  # no object is never reported
    pairs = sorted(
        ((float(probs[q, k]), q, k) for q in range(3) for k in range(2)),
        reverse=True)[:topk]
    picks = pick_instances(probs, topk)
    assert picks.slots.tolist() == [q for _, q, _ in pairs]
    assert picks.labels.tolist() == [k for _, _, k in pairs]
    torch.testing.assert_close(picks.scores,
                               torch.tensor([p for p, _, _ in pairs]))


def test_certain_slots_in_their_order():
    probs = torch.tensor([[0.1, 0.85, 0.05], [0.05, 0.05, 0.9],
                          [0.8, 0.1, 0.1], [0.95, 0., 0.05], [0.4, 0.3, 0.3]])
    picks = pick_segments(probs, 0.8)
    assert picks.slots.tolist() == [0, 3]
    assert picks.labels.tolist() == [1, 0]
    torch.testing.assert_close(picks.scores, torch.tensor([0.85, 0.95]))
    assert pick_segments(probs, 0.99).slots.tolist() == []
