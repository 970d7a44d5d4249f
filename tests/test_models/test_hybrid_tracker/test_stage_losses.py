import pytest
import torch

from mmvis_plugin.models.hybrid_tracker import SimilarityFusion
from mmvis_plugin.models.hybrid_tracker.stage_losses import (EmbeddedPair,
                                                             SimilarPair,
                                                             fusion_losses,
                                                             instance_losses)
from mmvis_plugin.models.losses import DMLLoss


def embedded(ids_prev, ids_cur, seed=0):
    rng = torch.Generator().manual_seed(seed)
    embeds = [
        torch.randn(len(ids), 4, generator=rng, requires_grad=True)
        for ids in (ids_prev, ids_cur)
    ]
    return EmbeddedPair(*embeds, torch.tensor(ids_prev), torch.tensor(ids_cur))


def test_instance_losses_are_means():
    loss = DMLLoss()
    pairs = [embedded([1, 2, 3], [3, 1]), embedded([4, 5], [5, 4, 6], 1)]
    losses = instance_losses(pairs, loss)
    wanted = (loss(*pairs[0]) + loss(*pairs[1])) / 2
    torch.testing.assert_close(losses['loss_match'], wanted)
    right = [
        pair.ids_cur[(pair.emb_prev[i] @ pair.emb_cur.t()).argmax()] == number
        for pair in pairs for i, number in enumerate(pair.ids_prev)
        if number in pair.ids_cur
    ]
    assert losses['match_acc'] == sum(right) / len(right) == 2 / 4


@pytest.mark.parametrize('ids', [([1], [2]), ([], [2]), ([], [])])
def test_clips_without_a_common_id(ids):
    pair = embedded(*(torch.tensor(x).long().tolist() for x in ids))
    losses = instance_losses([pair], DMLLoss())
    assert losses['loss_match'] == losses['match_acc'] == 0
    losses['loss_match'].backward()
    assert all((emb.grad == 0).all() for emb in pair[:2])


def test_fusion_loss_by_hand():
    fusion = SimilarityFusion((0.3, 0.7))
    inst = torch.tensor([[.2, .8], [.5, .5], [.9, .1]])
    pix = torch.tensor([[.6, .1], [.0, .4], [.2, .2]], dtype=torch.float64)
    pair = SimilarPair(inst, pix, torch.tensor([5, 6, 7]), torch.tensor([7,
                                                                         5]))
    losses = fusion_losses([pair], fusion)
    logits = 10 * (0.3 * inst.double() + 0.7 * pix)
    logs = logits.log_softmax(1)
    wanted = -(logs[0, 1] + logs[2, 0]) / 2
    torch.testing.assert_close(losses['loss_fusion'], wanted.float())
    # fused: .48 and .31 in the first row, .41 and .17 in the last
    assert losses['match_acc'] == 0.5


def test_fusion_learns_which_tracker_is_right():
    fusion = SimilarityFusion((1 / 3, 2 / 3))
    ids = torch.arange(5)
    pair = SimilarPair(torch.eye(5), torch.eye(5).roll(1, 0), ids, ids)
    optimizer = torch.optim.SGD(fusion.parameters(), lr=0.1)
    first = fusion_losses([pair], fusion)
    for _ in range(50):
        optimizer.zero_grad()
        losses = fusion_losses([pair, pair], fusion)
        losses['loss_fusion'].backward()
        optimizer.step()
    assert first['match_acc'] == 0 and losses['match_acc'] == 1
    weights = fusion.conv.weight.flatten()
    assert weights[0] > weights[1]


def test_fusion_without_a_common_id():
    fusion = SimilarityFusion()
    pair = SimilarPair(
        torch.zeros(1, 1), torch.zeros(1, 1), torch.tensor([1]),
        torch.tensor([2]))
    losses = fusion_losses([pair], fusion)
    losses['loss_fusion'].backward()
    assert losses['loss_fusion'] == losses['match_acc'] == 0
    assert (fusion.conv.weight.grad == 0).all()
