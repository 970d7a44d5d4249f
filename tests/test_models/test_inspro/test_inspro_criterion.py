"""The losses against loops over the equation, in float64."""
import copy
import math

import pytest
import torch
from mmengine.registry import init_default_scope

from mmvis_plugin import testing
from mmvis_plugin.models.inspro.inspro_state import StageOutputs
from mmvis_plugin.models.task_modules import PaddedGT
from mmvis_plugin.registry import MODELS

STAGES, SLOTS, CLASSES = 2, 6, 3


@pytest.fixture
def criterion(build):
    """Return a function that builds the criterion of the tiny config."""

    def make(**overrides):
        init_default_scope('mmdet')
        cfg = copy.deepcopy(build.cfg.roi_head.criterion)
        return MODELS.build({**cfg, **overrides})

    return make


@pytest.fixture
def mask_head():
    return MODELS.build(dict(type='InsProMaskHead'))


def make_case(ids, seed=0):
    rng = torch.Generator().manual_seed(seed)
    _, samples = testing.fake_clips(ids, CLASSES, seed)
    gt = PaddedGT.from_samples(samples, 'cpu')
    size = (len(ids), len(ids[0]), STAGES, SLOTS)
    corner = torch.rand(*size, 2, generator=rng) * torch.tensor([60., 40.])
    side = 8 + torch.rand(*size, 2, generator=rng) * 24
    outs = StageOutputs(
        torch.randn(*size, CLASSES, generator=rng),
        torch.cat([corner, corner + side], -1),
        torch.randn(*size, 169, generator=rng) * 0.3,
        mask_feats=torch.randn(*size[:2], 8, 8, 12, generator=rng))
    targets = torch.randint(
        0, 2, (*gt.valid.shape, 16, 24), generator=rng, dtype=torch.uint8)
    return outs, gt, targets


def focal(logit, target):
    p = 1 / (1 + math.exp(-logit))
    p_t = p if target else 1 - p
    alpha = 0.25 if target else 0.75
    return -alpha * (1 - p_t)**2 * math.log(p_t)


def giou(a, b):

    def area(box):
        return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)

    lo, hi = [max, max, min, min], [min, min, max, max]
    inter = area([f(x, y) for f, x, y in zip(lo, a, b)])
    hull = area([f(x, y) for f, x, y in zip(hi, a, b)])
    union = area(a) + area(b) - inter
    return inter / union - (hull - union) / hull


def dice(logits, target):
    p = logits.double().sigmoid()
    t = target.double()
    return 1 - 2 * (p * t).sum() / ((p * p).sum() + (t * t).sum() + 1e-5)


def naive(outs, gt, targets, assigned, mask_head):
    """Sum the terms of the equation one by one."""
    sums = {
        name: [0.] * STAGES
        for name in ('cls', 'bbox', 'iou', 'dedup', 'dice', 'mask_focal')
    }
    batch, num_frames = assigned.shape[:2]
    for t in range(num_frames):
        n_t = max(1, int(gt.valid[:, t].sum()))
        for b in range(batch):
            for s in range(STAGES):
                terms = frame_terms(outs, gt, targets, assigned, mask_head, b,
                                    t, s)
                for name, value in terms.items():
                    sums[name][s] += float(value) / n_t / num_frames
    return sums


def frame_terms(outs, gt, targets, assigned, mask_head, b, t, s):
    terms = dict.fromkeys(('cls', 'bbox', 'iou', 'dice', 'mask_focal'), 0.)
    slots = assigned[b, t, s].tolist()
    for n, g in enumerate(slots):
        for k in range(CLASSES):
            hit = g >= 0 and int(gt.labels[b, t, g]) == k
            terms['cls'] += 2 * focal(float(outs.logits[b, t, s, n, k]), hit)
        if g < 0:
            continue
        pred = outs.boxes[b, t, s, n].tolist()
        true = gt.boxes[b, t, g].tolist()
        size = gt.whwh[b, t].tolist()
        terms['bbox'] += 5 * sum(
            abs(x - y) / w for x, y, w in zip(pred, true, size))
        terms['iou'] += 2 * (1 - giou(pred, true))
        logits = mask_head(outs.mask_feats[b, t][None],
                           outs.mask_params[b, t, s, n][None, None],
                           outs.boxes[b, t, s, n][None, None])[0, 0]
        mask = targets[b, t, g]
        terms['dice'] += 5 * dice(logits, mask)
        terms['mask_focal'] += 5 * sum(
            focal(x, y)
            for x, y in zip(logits.flatten().tolist(),
                            mask.flatten().tolist())) / mask.numel()
    terms['dedup'] = dedup(outs.boxes[b, t, s].tolist(), slots,
                           gt.boxes[b, t][gt.valid[b, t]].tolist())
    return terms


def dedup(boxes, slots, objects, k=5, beta=0.1):

    def iou(a, b):
        w = min(a[2], b[2]) - max(a[0], b[0])
        h = min(a[3], b[3]) - max(a[1], b[1])
        inter = max(w, 0) * max(h, 0)
        total = sum((x[2] - x[0]) * (x[3] - x[1]) for x in (a, b))
        return inter / (total - inter)

    free = [box for box, g in zip(boxes, slots) if g < 0]
    loss = 0.
    for true in objects:
        ranked = sorted(free, key=lambda box: -iou(box, true))[:k]
        diagonal = (true[2] - true[0])**2 + (true[3] - true[1])**2
        for box in ranked:
            gap = sum(
                ((box[i] + box[i + 2]) / 2 - (true[i] + true[i + 2]) / 2)**2
                for i in (0, 1))
            loss += max(beta - gap / diagonal, 0) / k
    return loss


@pytest.mark.parametrize('ids', [
    [[[1, 2], [2, 3], [1]]],
    [[[1], []], [[4, 5], [4]]],
    [[[], []]],
])
def test_every_term_equals_the_equation(criterion, mask_head, ids):
    module = criterion()
    outs, gt, targets = make_case(ids)
    assigned = module.matcher.match_clips(outs.logits, outs.boxes, gt)
    expected = naive(outs, gt, targets, assigned, mask_head)
    found = module(outs, gt, mask_head, targets)
    assert len(found) == 6 * STAGES
    for name, values in expected.items():
        for stage, value in enumerate(values):
            key = f's{stage}.loss_{name}'
            assert float(found[key]) == pytest.approx(
                value, rel=2e-4, abs=1e-6), key


def test_terms_can_be_switched_and_weighted(criterion, mask_head):
    outs, gt, targets = make_case([[[1, 2]]])
    full = criterion()(outs, gt, mask_head, targets)
    other = criterion(
        loss_dedup=None,
        loss_weights=dict(cls=4., dice=1.))(outs, gt, mask_head, targets)
    assert not any('dedup' in key for key in other)
    torch.testing.assert_close(other['s0.loss_cls'], 2 * full['s0.loss_cls'])
    torch.testing.assert_close(other['s1.loss_dice'], full['s1.loss_dice'] / 5)
    torch.testing.assert_close(other['s1.loss_iou'], full['s1.loss_iou'])


def test_masks_of_some_stages(criterion, mask_head):
    outs, gt, targets = make_case([[[1, 2]]])
    full = criterion()(outs, gt, mask_head, targets)
    last = criterion(mask_stages=(1, ))(outs, gt, mask_head, targets)
    assert last['s0.loss_dice'] == 0 and last['s0.loss_mask_focal'] == 0
    torch.testing.assert_close(last['s1.loss_dice'], full['s1.loss_dice'])


def test_losses_of_some_frames(criterion, mask_head):
    """Frames without loss still decide which slot an object has."""
    module = criterion()
    outs, gt, targets = make_case([[[1], [2], [1, 2]]])
    assigned = module.matcher.match_clips(outs.logits, outs.boxes, gt)
    found = module(outs, gt, mask_head, targets, frames=[1, 2], prefix='lite')

    def cut(tensor):
        return tensor[:, 1:]

    part = StageOutputs(
        cut(outs.logits),
        cut(outs.boxes),
        cut(outs.mask_params),
        mask_feats=cut(outs.mask_feats))
    gt = PaddedGT(**{key: cut(value) for key, value in vars(gt).items()})
    expected = naive(part, gt, cut(targets), cut(assigned), mask_head)
    for name, values in expected.items():
        for stage, value in enumerate(values):
            assert float(found[f'lite{stage}.loss_{name}']) == pytest.approx(
                value, rel=2e-4, abs=1e-6)


def test_unknown_loss_names_are_explained(criterion):
    with pytest.raises(KeyError, match='boxx.*expected some of'):
        criterion(loss_weights=dict(boxx=1.))
