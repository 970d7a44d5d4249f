import itertools

import pytest
import torch

from mmvis_plugin.models.cavis import ClipTargets, FirstAppearanceMatcher
from mmvis_plugin.registry import TASK_UTILS


@pytest.fixture
def matcher():
    return TASK_UTILS.build(dict(type='FirstAppearanceMatcher'))


def clip_targets(labels, masks, present=None):
    masks = masks.bool()
    if present is None:
        present = masks.flatten(2).any(2)
    return ClipTargets(torch.arange(len(labels)), labels, masks, present)


@pytest.mark.parametrize('case', [1, 2])
def test_reference_pairs(matcher, reference, case):
    ref = reference(f'match_{case}')
    targets = clip_targets(ref['gt_labels'], ref['gt_masks'], ref['gt_ids']
                           >= 0)
    slots = matcher.match(ref['pred_logits'], ref['pred_masks'], targets)
    assert slots[ref['matched_gt']].tolist() == ref['matched_query'].tolist()


def random_clip(num_slots, present, seed=0, classes=3, size=(8, 10)):
    rng = torch.Generator().manual_seed(seed)
    present = torch.tensor(present, dtype=torch.bool)
    num, frames = present.shape
    logits = torch.randn(frames, num_slots, classes + 1, generator=rng)
    masks = torch.randn(frames, num_slots, *size, generator=rng) * 3
    labels = torch.randint(classes, (num, ), generator=rng)
    gt_masks = torch.rand(num, frames, *size, generator=rng) < 0.4
    gt_masks &= present[..., None, None]
    return logits, masks, clip_targets(labels, gt_masks)


def pixel_cost(logits, masks, label, gt):
    """Cost of a slot for an object over all pixels."""
    prob = masks.double().sigmoid()
    gt = gt.double()
    bce = torch.nn.functional.binary_cross_entropy(prob, gt)
    dice = 1 - (2 * (prob * gt).sum() + 1) / (prob.sum() + gt.sum() + 1)
    return -2 * logits.double().softmax(-1)[label] + 5 * bce + 5 * dice


def test_cost_at_all_pixels(monkeypatch):
    matcher = FirstAppearanceMatcher(num_points=80)
    logits, masks, targets = random_clip(4, [[1], [1]])
    ys, xs = torch.meshgrid(
        (torch.arange(8) + 0.5) / 8, (torch.arange(10) + 0.5) / 10,
        indexing='ij')
    centres = torch.stack([xs, ys], -1).view(1, 80, 2)
    monkeypatch.setattr(torch, 'rand', lambda *size: centres.view(size))
    cost = matcher.cost(logits[0], masks[0], targets.labels, targets.masks[:,
                                                                           0])
    for q, n in itertools.product(range(4), range(2)):
        expected = pixel_cost(logits[0, q], masks[0, q], targets.labels[n],
                              targets.masks[n, 0])
        torch.testing.assert_close(
            cost[q, n].double(), expected, rtol=1e-5, atol=1e-5)


PRESENT = [[0, 1, 1], [1, 0, 1], [1, 1, 1], [0, 0, 1], [0, 1, 0]]


@pytest.mark.parametrize('seed', range(3))
def test_frames_are_matched_in_order_among_free_slots(matcher, seed):
    logits, masks, targets = random_clip(7, PRESENT, seed)
    torch.manual_seed(1)
    slots = matcher.match(logits, masks, targets).tolist()
    torch.manual_seed(1)
    free, expected = set(range(7)), {}
    for frame, fresh in enumerate([[1, 2], [0, 4], [3]]):
        cost = matcher.cost(logits[frame], masks[frame], targets.labels[fresh],
                            targets.masks[fresh, frame])
        best = min(
            itertools.permutations(free, len(fresh)),
            key=lambda pick: sum(
                float(cost[q, i]) for i, q in enumerate(pick)))
        expected.update(zip(fresh, best))
        free -= set(best)
    assert slots == [expected[i] for i in range(5)]


def test_absent_frames_do_not_count(matcher):
    logits, masks, targets = random_clip(7, PRESENT)
    torch.manual_seed(1)
    expected = matcher.match(logits, masks, targets)
    # object 3 appears on the last frame, where all others have their slot
    logits[2, expected[:3]] += 50
    torch.manual_seed(1)
    assert torch.equal(matcher.match(logits, masks, targets), expected)


def test_more_objects_than_slots(matcher):
    logits, masks, targets = random_clip(3, PRESENT)
    slots = matcher.match(logits, masks, targets).tolist()
    assert sorted(slots) == [-1, -1, 0, 1, 2]
    # who comes first is served first
    assert slots[1] >= 0 and slots[2] >= 0 and slots[3] == -1


def test_clip_without_objects(matcher):
    logits, masks, targets = random_clip(3, [[1, 1]])
    nothing = clip_targets(targets.labels[:0], targets.masks[:0])
    assert matcher.match(logits, masks, nothing).shape == (0, )


def test_predictions_that_are_not_finite_are_matched_last(matcher):
    logits, masks, targets = random_clip(4, [[1], [1]])
    masks[0, 0] = float('nan')
    logits[0, 2] = float('inf')
    slots = matcher.match(logits, masks, targets).tolist()
    assert sorted(slots) == [1, 3]


def test_masks_of_the_annotation_may_be_larger(matcher):
    logits, masks, targets = random_clip(4, [[1], [1], [1]])
    for slot, n in ((2, 0), (0, 1), (3, 2)):
        masks[0, slot] = targets.masks[n, 0].float() * 20 - 10
        logits[0, slot, targets.labels[n]] += 10
    large = targets.masks.repeat_interleave(4, -1).repeat_interleave(4, -2)
    slots = matcher.match(logits, masks, clip_targets(targets.labels, large))
    assert slots.tolist() == [2, 0, 3]


def test_mixed_precision(matcher):
    logits, masks, targets = random_clip(4, [[1], [1]])
    with torch.autocast('cpu', dtype=torch.bfloat16):
        cost = matcher.cost(logits[0].bfloat16(), masks[0].bfloat16(),
                            targets.labels, targets.masks[:, 0])
    assert cost.dtype == torch.float32 and cost.isfinite().all()
