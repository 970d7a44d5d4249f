from pathlib import Path

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from mmvis_plugin.models.losses import (BoxDedupLoss, batched_box_dedup_loss,
                                        box_dedup_loss)
from mmvis_plugin.registry import MODELS

DATA = Path(__file__).parents[2] / 'data/inspro'


def random_boxes(*shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    corner = torch.rand(*shape, 2, generator=rng, dtype=torch.float64) * 200
    size = torch.rand(*shape, 2, generator=rng, dtype=torch.float64) * 90 + 5
    return torch.cat([corner, corner + size], -1)


def naive(pred, gt, matched, k, beta):
    """Eq. 4 for one image, by loops."""
    losses = []
    for x1, y1, x2, y2 in gt.tolist():
        ranked = []
        for slot, (a1, b1, a2, b2) in enumerate(pred.tolist()):
            if matched[slot]:
                continue
            width = max(min(x2, a2) - max(x1, a1), 0)
            height = max(min(y2, b2) - max(y1, b1), 0)
            areas = (x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1)
            iou = width * height / (areas - width * height)
            ranked.append((-iou, slot))
        loss = 0.
        for _, slot in sorted(ranked)[:k]:
            a1, b1, a2, b2 = pred[slot].tolist()
            dx, dy = (a1 + a2 - x1 - x2) / 2, (b1 + b2 - y1 - y2) / 2
            diagonal = (x2 - x1)**2 + (y2 - y1)**2
            loss += max(beta - (dx**2 + dy**2) / diagonal, 0)
        losses.append(loss / k)
    return torch.tensor(losses, dtype=torch.float64)


@pytest.mark.parametrize('case', [1, 2])
def test_reference_values_and_gradient(case):
    with np.load(DATA / f'inspro_dedup_case{case}.npz') as file:
        ref = {name: torch.from_numpy(file[name]) for name in file.files}
    pred = ref['pred_boxes'].requires_grad_()
    per_gt = box_dedup_loss(pred, ref['gt_boxes'], ref['matched_mask'],
                            int(ref['k']), float(ref['beta']))
    per_gt.mean().backward()
    exact = dict(rtol=0, atol=1e-10)
    torch.testing.assert_close(per_gt, ref['loss_per_gt'], **exact)
    torch.testing.assert_close(pred.grad, ref['grad_pred_boxes'], **exact)


def test_batch_with_padding_equals_single_images():
    sizes, num_gts = (2, 3), torch.tensor([[3, 0, 1], [2, 3, 0]])
    pred, gt = random_boxes(*sizes, 20), random_boxes(*sizes, 3, seed=1)
    gt_valid = torch.arange(3) < num_gts[..., None]
    matched = torch.rand(
        *sizes, 20, generator=torch.Generator().manual_seed(2)) < 0.3
    got = batched_box_dedup_loss(pred, gt, gt_valid, matched, 4, 0.3)
    for i, j in np.ndindex(sizes):
        num = num_gts[i, j]
        expected = naive(pred[i, j], gt[i, j, :num], matched[i, j], 4, 0.3)
        torch.testing.assert_close(got[i, j, :num], expected)
        assert (got[i, j, num:] == 0).all()
    assert (got > 0).any()


@pytest.mark.parametrize('num_negatives', [0, 1, 3])
def test_divisor_stays_k_with_few_negatives(num_negatives):
    gt = torch.tensor([[10., 10., 30., 30.]])
    pred = gt.repeat(4, 1)
    matched = torch.arange(4) >= num_negatives
    loss = box_dedup_loss(pred, gt, matched, k=5, beta=0.1)
    torch.testing.assert_close(loss, torch.tensor([num_negatives * 0.1 / 5]))


def test_ties_go_to_the_lower_slot():
    # all boxes miss the object, so every IoU is zero; slot 0 is matched
    gt = torch.tensor([[0., 0., 100., 100.]])
    far, near = [300., 0., 310., 10.], [101., 40., 103., 60.]
    loss = box_dedup_loss(
        torch.tensor([near, far, near]),
        gt,
        torch.tensor([True, False, False]),
        k=1,
        beta=0.2)
    assert loss == 0
    swapped = box_dedup_loss(
        torch.tensor([near, near, far]),
        gt,
        torch.tensor([True, False, False]),
        k=1,
        beta=0.2)
    torch.testing.assert_close(swapped, torch.tensor([0.2 - 52**2 / 20000]))


def test_gradient_reaches_free_centres_only():
    pred = random_boxes(12).requires_grad_()
    gt = random_boxes(2, seed=1).requires_grad_()
    matched = torch.arange(12) < 4
    box_dedup_loss(pred, gt.detach(), matched, 5, 2.).sum().backward()
    assert (pred.grad[:4] == 0).all() and (pred.grad[4:] != 0).any()
    # a centre moves both of its corners alike
    torch.testing.assert_close(pred.grad[:, :2], pred.grad[:, 2:])


@pytest.mark.parametrize('num_gts', [0, 2])
def test_no_object_keeps_the_graph(num_gts):
    pred = random_boxes(6).requires_grad_()
    gt = torch.zeros(num_gts, 4, dtype=torch.float64)
    loss = BoxDedupLoss()(
        pred,
        gt,
        torch.zeros(num_gts, dtype=torch.bool),
        torch.zeros(6, dtype=torch.bool),
        avg_factor=1.)
    loss.backward()
    assert loss == 0 and (pred.grad == 0).all()


def test_one_slot_that_is_matched():
    box = torch.tensor([[5., 5., 20., 20.]], requires_grad=True)
    loss = box_dedup_loss(box, box.detach(), torch.tensor([True]))
    assert loss.tolist() == [0.]


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_boxes_that_are_not_finite_are_no_negatives(bad):
    pred, gt = random_boxes(9), random_boxes(2, seed=1)
    matched = torch.arange(9) == 8
    expected = box_dedup_loss(pred[1:], gt, matched[1:], 5, 1.)
    pred[0, 1] = bad
    pred.requires_grad_()
    loss = box_dedup_loss(pred, gt, matched, 5, 1.)
    loss.sum().backward()
    torch.testing.assert_close(loss, expected)
    assert pred.grad.isfinite().all() and (pred.grad[0] == 0).all()


def test_half_precision_is_computed_in_fp32():
    gt = torch.tensor([[600., 300., 640., 350.]])
    pred = torch.tensor([[601.5, 301., 642., 352.]]).half()
    loss = box_dedup_loss(pred, gt, torch.tensor([False]))
    assert loss.dtype == torch.float32
    expected = naive(pred.double(), gt.double(), [False], 5, 0.1)
    torch.testing.assert_close(loss.double(), expected)


def test_module_weighs_and_averages():
    pred, gt = random_boxes(8), random_boxes(3, seed=1)
    gt_valid = torch.tensor([True, True, False])
    matched = torch.zeros(8, dtype=torch.bool)
    loss = MODELS.build(
        dict(type='BoxDedupLoss', k=3, beta=0.5, loss_weight=2.))
    per_gt = loss(pred, gt, gt_valid, matched)
    torch.testing.assert_close(per_gt[:2],
                               2 * naive(pred, gt[:2], matched, 3, 0.5))
    mean = loss(pred, gt, gt_valid, matched, avg_factor=torch.tensor(4.))
    torch.testing.assert_close(mean, per_gt.sum() / 4)


@pytest.mark.parametrize('wrong', [dict(k=0), dict(beta=0.)])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=f'{next(iter(wrong))} must be'):
        BoxDedupLoss(**wrong)


def test_shapes_do_not_depend_on_values():
    with FakeTensorMode():  # raises where the host would have to wait
        out = batched_box_dedup_loss(
            torch.rand(2, 9, 4), torch.rand(2, 3, 4),
            torch.ones(2, 3, dtype=torch.bool),
            torch.ones(2, 9, dtype=torch.bool))
    assert out.shape == (2, 3)
