import pytest
import torch
import torch.nn.functional as F

from mmvis_plugin.models.cavis import (ClipTargets, SlotCriterion,
                                       slot_criterion)

SIZE = (4, 6)


def items(count=2, slots=5, classes=3, seed=0, dtype=torch.float32):
    rng = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, slots, classes + 1, generator=rng, dtype=dtype)
    masks = torch.randn(count, slots, 1, 1, generator=rng, dtype=dtype)
    return logits, masks.expand(-1, -1, *SIZE).contiguous()


@pytest.fixture(autouse=True)
def points_in_the_middle(monkeypatch):
    """Sample away from the edges, beyond which masks are zero."""
    monkeypatch.setattr(
        slot_criterion, 'get_uncertain_point_coords_with_randomness',
        lambda masks, labels, count, *args: masks.new_full(
            (len(masks), count, 2), 0.5))


def constant_masks(*values):
    return torch.tensor(
        values, dtype=torch.bool)[:, None, None].expand(-1, *SIZE)


LABELS = [torch.tensor([2, 0]), torch.tensor([1, 1, 2])]
MASKS = [constant_masks(1, 0), constant_masks(0, 1, 1)]
SLOTS = [torch.tensor([3, 1]), torch.tensor([0, -1, 4])]


def by_hand(logits, masks, labels, truth, slots, points):
    """Losses from loops over items and slots."""
    cls, weights, mask, dice, count = 0., 0., 0., 0., 0
    for i, where in enumerate(slots):
        owners = {s: n for n, s in enumerate(where.tolist()) if s >= 0}
        for slot in range(logits.size(1)):
            owner = owners.get(slot)
            label = -1 if owner is None else labels[i][owner]
            weight = 0.1 if owner is None else 1.
            cls -= weight * logits[i, slot].log_softmax(0)[label]
            weights += weight
            if owner is None:
                continue
            count += 1
            p = masks[i, slot, 0, 0].sigmoid()
            t = truth[i][owner, 0, 0].float()
            mask += F.binary_cross_entropy(p, t)
            dice += 1 - (2 * points * p * t + 1) / (points * (p + t) + 1)
    return 2 * cls / weights, 5 * mask / count, 5 * dice / count


@pytest.mark.parametrize('num_frames', [1, 3])
def test_losses_by_hand(num_frames):
    criterion = SlotCriterion(3, num_points=16)
    logits, masks = items()
    found = criterion(logits, masks, LABELS, MASKS, SLOTS, num_frames)
    wanted = by_hand(logits, masks, LABELS, MASKS, SLOTS, 16 * num_frames)
    for key, value in zip(('loss_cls', 'loss_mask', 'loss_dice'), wanted):
        torch.testing.assert_close(found[key], value)


def test_weights_are_factors():
    logits, masks = items()
    args = (logits, masks, LABELS, MASKS, SLOTS)
    one = SlotCriterion(3, num_points=16)(*args)
    two = SlotCriterion(
        3, cls_weight=4., mask_weight=1., dice_weight=2.5,
        num_points=16)(*args)
    for key, factor in dict(loss_cls=2., loss_mask=.2, loss_dice=.5).items():
        torch.testing.assert_close(two[key], factor * one[key])


def test_without_objects_masks_have_a_zero_that_is_attached():
    logits, masks = items()
    masks.requires_grad_()
    nothing = [torch.zeros(0, dtype=torch.long)] * 2
    found = SlotCriterion(3)(logits, masks, nothing, [constant_masks()] * 2,
                             nothing)
    assert found['loss_mask'] == found['loss_dice'] == 0
    found['loss_mask'].backward()
    assert (masks.grad == 0).all()
    wanted = -2 * logits.log_softmax(-1)[..., -1].mean()
    torch.testing.assert_close(found['loss_cls'], wanted)


def test_half_precision_is_computed_in_float32():
    logits, masks = items(dtype=torch.bfloat16)
    criterion = SlotCriterion(3, num_points=16)
    with torch.autocast('cpu', torch.bfloat16):
        found = criterion(logits, masks, LABELS, MASKS, SLOTS)
    wanted = criterion(logits.float(), masks.float(), LABELS, MASKS, SLOTS)
    for key, value in found.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, wanted[key], rtol=1e-5, atol=1e-5)


def test_match_gives_objects_the_slots_that_look_like_them():
    criterion = SlotCriterion(3, num_points=64)
    logits, masks = torch.zeros(1, 4, 4), torch.full((1, 4, *SIZE), -9.)
    truth = torch.zeros(2, 1, *SIZE, dtype=torch.bool)
    truth[0, 0, :, :3], truth[1, 0, :, 3:] = True, True
    masks[0, 2, :, 3:], masks[0, 1, :, :3] = 9., 9.
    labels, ids = torch.tensor([1, 2]), torch.tensor([7, 8])
    present = torch.ones(2, 1, dtype=torch.bool)
    slots = criterion.match(logits, masks,
                            ClipTargets(ids, labels, truth, present))
    assert slots.tolist() == [1, 2]
    assert criterion.matcher.num_points == 64
