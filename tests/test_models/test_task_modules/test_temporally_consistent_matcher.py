import math

import numpy as np
import pytest
import torch
from mmdet.models.task_modules import HungarianAssigner
from mmengine.structures import InstanceData
from scipy.optimize import linear_sum_assignment

from mmvis_plugin.models.task_modules import (PaddedGT,
                                              TemporallyConsistentMatcher)
from mmvis_plugin.registry import TASK_UTILS

NUM_CLASSES = 4


def random_boxes(rng, *shape):
    corner = torch.rand(*shape, 2, generator=rng) * 100
    size = torch.rand(*shape, 2, generator=rng) * 50 + 2
    return torch.cat([corner, corner + size], -1)


def random_clips(sizes, id_sets, seed=0):
    """Random predictions and objects.

    Args:
        sizes (tuple): Stages and slots.
        id_sets (list): Per clip and frame the ids that are visible.
    """
    rng = torch.Generator().manual_seed(seed)
    shape = (len(id_sets), len(id_sets[0]))
    num_gts = max([1] + [len(ids) for clip in id_sets for ids in clip])
    ids = torch.full((*shape, num_gts), -1)
    for b, t in np.ndindex(shape):
        ids[b, t, :len(id_sets[b][t])] = torch.tensor(id_sets[b][t])
    gt = PaddedGT(
        labels=torch.randint(0, NUM_CLASSES, ids.shape, generator=rng),
        boxes=random_boxes(rng, *ids.shape),
        ids=ids,
        valid=ids >= 0,
        whwh=torch.tensor([160., 120., 160., 120.]).expand(*shape, 4))
    logits = torch.randn(*shape, *sizes, NUM_CLASSES, generator=rng) * 2
    return logits, random_boxes(rng, *shape, *sizes), gt


def naive_cost(logits, box, label, gt_box, whwh):
    """Eq. 3 for one slot and one object."""
    prob = 1 / (1 + math.exp(-logits[label]))
    positive = -0.25 * (1 - prob)**2 * math.log(prob)
    negative = -0.75 * prob**2 * math.log(1 - prob)
    l1 = sum(abs(p - g) / s for p, g, s in zip(box, gt_box, whwh))
    (a1, b1, a2, b2), (x1, y1, x2, y2) = box, gt_box
    inter = max(min(a2, x2) - max(a1, x1), 0) * \
        max(min(b2, y2) - max(b1, y1), 0)
    union = (a2 - a1) * (b2 - b1) + (x2 - x1) * (y2 - y1) - inter
    hull = (max(a2, x2) - min(a1, x1)) * (max(b2, y2) - min(b1, y1))
    giou = inter / union - (hull - union) / hull
    return 2 * (positive - negative) + 5 * l1 - 2 * giou


def naive_match(cost, ids, valid, per_stage=True, tcm=True):
    """The rules of section 3, stage by stage."""
    num_frames, num_stages, num_slots, _ = cost.shape
    out, bind = np.full((num_frames, num_stages, num_slots), -1), {}
    for t in range(num_frames):
        if not tcm:
            bind = {}
        gts = [g for g in range(cost.shape[3]) if valid[t][g]]
        new = [g for g in gts if int(ids[t][g]) not in bind]
        free = [n for n in range(num_slots) if n not in bind.values()]
        for s in range(num_stages):
            for g in set(gts) - set(new):
                out[t, s, bind[int(ids[t][g])]] = g
            source = s if per_stage else num_stages - 1
            table = np.array([[cost[t, source, n, g] for g in new]
                              for n in free]).reshape(len(free), len(new))
            rows = list(zip(*linear_sum_assignment(table)))
            for i, j in rows:
                out[t, s, free[i]] = new[j]
        bind.update({int(ids[t][new[j]]): free[i] for i, j in rows})
    return torch.from_numpy(out)


def test_cost_matches_the_equation():
    logits, boxes, gt = random_clips((2, 3), [[[1, 2], [3]]])
    cost = TemporallyConsistentMatcher().cost(logits[0].double(),
                                              boxes[0].double(), gt.labels[0],
                                              gt.boxes[0], gt.whwh[0])
    assert cost.shape == (2, 2, 3, 2)
    for t, s, n, g in np.ndindex(*cost.shape):
        expected = naive_cost([float(x) for x in logits[0, t, s, n]],
                              boxes[0, t, s, n].tolist(),
                              int(gt.labels[0, t, g]),
                              gt.boxes[0, t, g].tolist(), gt.whwh[0,
                                                                  t].tolist())
        assert math.isclose(cost[t, s, n, g], expected, rel_tol=1e-6)


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_predictions_that_are_not_finite_are_matched_last(bad):
    logits, boxes, gt = random_clips((1, 4), [[[1, 2, 3]]])
    logits[0, 0, 0, 0] = bad
    boxes[0, 0, 0, 1, 2] = bad
    matched = TemporallyConsistentMatcher().match_clips(logits, boxes, gt)
    assert (matched[0, 0, 0, 2:] >= 0).all()  # two good slots
    assert (matched >= 0).sum() == 3


def test_extreme_logits_keep_the_cost_finite():
    logits, boxes, gt = random_clips((1, 2), [[[1]]])
    logits[0, 0, 0, 0] = 1e4
    logits[0, 0, 0, 1] = -1e4
    cost = TemporallyConsistentMatcher().cost(logits[0].half(),
                                              boxes[0].half(), gt.labels[0],
                                              gt.boxes[0], gt.whwh[0])
    assert cost.dtype == torch.float32 and cost.isfinite().all()
    assert cost[0, 0, 0, 0] < cost[0, 0, 1, 0]


@pytest.mark.parametrize('seed', range(3))
def test_first_frame_equals_the_assigner_of_mmdet(seed):
    logits, boxes, gt = random_clips((2, 12), [[[5, 1, 9]]], seed)
    assigner = HungarianAssigner([
        dict(type='FocalLossCost', weight=2.),
        dict(type='BBoxL1Cost', weight=5., box_format='xyxy'),
        dict(type='IoUCost', iou_mode='giou', weight=2.)
    ])
    target = InstanceData(labels=gt.labels[0, 0], bboxes=gt.boxes[0, 0])
    matched = TemporallyConsistentMatcher().match_clips(logits, boxes, gt)
    for stage in range(2):
        result = assigner.assign(
            InstanceData(
                scores=logits[0, 0, stage], bboxes=boxes[0, 0, stage]),
            target,
            img_meta=dict(img_shape=(120, 160)))
        assert matched[0, 0, stage].tolist() == \
            (result.gt_inds - 1).tolist()


def test_worked_example():
    # frame 0: 7 -> slot 2, 3 -> slot 0; frame 1: 3; frame 2: 3, 7, 9
    ids = np.array([[7, 3, -1], [3, -1, -1], [3, 7, 9]])
    cost = np.ones((3, 1, 5, 3))
    cost[0, 0, 2, 0] = cost[0, 0, 0, 1] = 0
    cost[1, 0, 4, 0] = 0  # closer to 3 than its own slot
    cost[2, 0, 1, 1] = 0  # closer to 7 than its own slot
    cost[2, 0, [0, 2, 3], 2] = [-2, -1, 0.5]  # 9 may only have 1, 3 or 4
    matched = TemporallyConsistentMatcher().match(cost, ids, ids >= 0)
    assert matched[:, 0].tolist() == [[1, -1, 0, -1, -1], [0, -1, -1, -1, -1],
                                      [0, -1, 1, 2, -1]]


def test_last_stage_makes_the_binding():
    ids = np.array([[4], [4]])
    cost = np.ones((2, 2, 3, 1))
    cost[0, 0, 0] = cost[0, 1, 2] = 0  # stage 0 prefers slot 0, stage 1 slot 2
    cost[1, :, 1] = 0
    matcher = TemporallyConsistentMatcher()
    assert matcher.match(cost, ids, ids >= 0).tolist() == [[[0, -1, -1],
                                                            [-1, -1, 0]],
                                                           [[-1, -1, 0],
                                                            [-1, -1, 0]]]
    matcher = TemporallyConsistentMatcher('last_stage')
    assert matcher.match(cost, ids, ids
                         >= 0).tolist() == [[[-1, -1, 0]] * 2] * 2


def test_surplus_objects_wait_for_a_free_slot():
    # two slots, three objects; nothing is ever freed
    ids = np.array([[1, 2, 3], [3, 1, -1], [3, 4, -1]])
    cost = np.zeros((3, 1, 2, 3))
    cost[0, 0, :, 0] = 5
    matched = TemporallyConsistentMatcher().match(cost, ids, ids >= 0)[:, 0]
    assert sorted(matched[0].tolist()) == [1, 2]
    slot_of_3 = matched[0].tolist().index(2)
    assert matched[1, slot_of_3] == 0 and matched[1, 1 - slot_of_3] == -1
    assert matched[2, slot_of_3] == 0 and matched[2, 1 - slot_of_3] == -1


def test_surplus_object_is_matched_once_a_slot_is_left():
    ids = np.array([[1, 2], [1, 2]])
    cost = np.zeros((2, 1, 2, 2))
    matcher = TemporallyConsistentMatcher()
    first = matcher.match(cost[:, :, :1], ids, ids >= 0)
    assert first[:, 0, 0].tolist() == [0, 0]
    second = matcher.match(cost, ids, ids >= 0)
    assert sorted(second[1, 0].tolist()) == [0, 1]


@pytest.mark.parametrize('tcm', [True, False])
@pytest.mark.parametrize('mode', ['per_stage', 'last_stage'])
@pytest.mark.parametrize('seed', range(4))
def test_random_clips_equal_the_rules(mode, tcm, seed):
    rng = np.random.default_rng(seed)
    id_sets = [[
        rng.permutation(8)[:rng.integers(0, 5)].tolist() for _ in range(5)
    ] for _ in range(3)]
    id_sets[0][0] = []
    logits, boxes, gt = random_clips((3, 7), id_sets, seed)
    matcher = TASK_UTILS.build(
        dict(type='TemporallyConsistentMatcher', match_mode=mode, tcm=tcm))
    matched = matcher.match_clips(logits, boxes, gt)
    for b in range(3):
        cost = matcher.cost(logits[b], boxes[b], gt.labels[b], gt.boxes[b],
                            gt.whwh[b])
        expected = naive_match(cost, gt.ids[b], gt.valid[b],
                               mode == 'per_stage', tcm)
        assert torch.equal(matched[b], expected)


def test_an_id_keeps_its_slot_and_a_slot_its_id():
    rng = np.random.default_rng(0)
    id_sets = [[
        rng.permutation(9)[:rng.integers(0, 6)].tolist() for _ in range(30)
    ]]
    logits, boxes, gt = random_clips((2, 10), id_sets)
    matched = TemporallyConsistentMatcher().match_clips(logits, boxes, gt)
    slot_of, reappeared = {}, 0
    for t, ids in enumerate(id_sets[0]):
        for g, obj in enumerate(ids):
            slot = matched[0, t, -1].tolist().index(g)
            reappeared += obj in slot_of and obj not in id_sets[0][t - 1]
            assert slot_of.setdefault(obj, slot) == slot
    assert len(set(slot_of.values())) == len(slot_of) == 9 and reappeared > 5


@pytest.mark.parametrize('clip', [[[], []], [[], [3]], [[3], []]])
def test_empty_frames(clip):
    logits, boxes, gt = random_clips((2, 3), [clip])
    matched = TemporallyConsistentMatcher().match_clips(logits, boxes, gt)
    assert (matched
            >= 0).sum(-1).tolist() == [[[len(ids)] * 2 for ids in clip]]


def test_one_slot():
    logits, boxes, gt = random_clips((2, 1), [[[3], [], [4], [4, 3]]])
    matched = TemporallyConsistentMatcher().match_clips(logits, boxes, gt)
    assert matched[0, :, 0, 0].tolist() == [0, -1, -1, 1]


def test_ids_survive_the_copy_bit_by_bit():
    big = (1 << 40) + 1  # not a float32, nor is big + 1 told from it
    logits, boxes, gt = random_clips((1, 4), [[[big, big + 1], [big + 1]]])
    matched = TemporallyConsistentMatcher().match_clips(logits, boxes, gt)
    slot = matched[0, 0, 0].tolist().index(1)
    assert matched[0, 1, 0, slot] == 0


def test_object_that_is_not_valid_is_ignored():
    logits, boxes, gt = random_clips((1, 4), [[[6, 8]]])
    gt.valid[0, 0, 0] = False
    matched = TemporallyConsistentMatcher().match_clips(logits, boxes, gt)
    assert sorted(matched.flatten().tolist()) == [-1, -1, -1, 1]


def test_an_id_twice_on_a_frame_is_refused():
    ids = np.array([[1, 2], [5, 5]])
    with pytest.raises(ValueError, match='frame 1 .* id 5 stands 2 times'):
        TemporallyConsistentMatcher().match(
            np.zeros((2, 1, 3, 2)), ids, ids >= 0)


def test_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="match_mode='first' is unknown"):
        TemporallyConsistentMatcher('first')
