import math
from collections import Counter

import numpy as np
import pytest

from mmvis_plugin.evaluation.functional import (panoptic_tables, stq,
                                                stq_record, stq_results)
from ..panoptic_cases import random_video, read_case, vpq_case

SIDES = ('gt_sem', 'gt_inst', 'pred_sem', 'pred_inst')


def assert_reference(results, expected):
    for key, value in expected.items():
        if not key.startswith('Length'):
            assert results[key] == pytest.approx(value, rel=0, abs=1e-6), key
    assert results['SQ'] == results['IoU']
    assert results['SQ_per_seq'] == results['IoU_per_seq']


@pytest.mark.parametrize('name', ['stq_a', 'stq_b'])
def test_golden_cases(name):
    arrays, meta = read_case(name)
    maps = [[arrays[f'v{i}_{side}'] for i in range(len(arrays) // 4)]
            for side in SIDES]
    results = stq(*maps, meta['num_classes'], meta['things'])
    assert_reference(results, meta['expected'])
    # predicted void counts as a class only in the first case
    assert (results['mIoU'] > results['SQ']) == (name == 'stq_a')


@pytest.mark.parametrize('name', ['vpq_vipseg_a', 'vpq_vipseg_b'])
@pytest.mark.parametrize('numbering, key', [('clean', 'stq'),
                                            ('vipseg', 'stq_vipseg_script')])
def test_golden_cases_of_segments(name, numbering, key):
    videos, meta = vpq_case(name)
    ids = [category['id'] for category in meta['categories']]
    things = {c['id'] for c in meta['categories'] if c['isthing']}
    records = [
        stq_record(panoptic_tables(video, set(ids)), things, numbering)
        for video in videos
    ]
    results = stq_results(records, ids)
    assert_reference(results, meta['expected'][key])
    clean = stq_results(records, ids, count_void_class=False)
    assert clean['SQ'] == clean['mIoU'] == results['mIoU'] > results['SQ']
    with pytest.raises(ValueError, match="numbering='own', expected one of"):
        stq_record([], things, 'own')


def stq_by_loops(maps, num_classes, things):
    """Return AQ and SQ from dictionaries of pixels."""
    quality, tubes, confusion = 0., 0, Counter()
    for video in zip(*maps):
        gt, pred, both = Counter(), Counter(), Counter()
        pixels = zip(*(side.ravel().tolist() for side in video))
        for gt_sem, gt_inst, pred_sem, pred_inst in pixels:
            if gt_sem != 255:
                confusion[gt_sem, pred_sem] += 1
            g = gt_sem in things and (gt_sem, gt_inst)
            crowd = g and gt_inst == 0
            p = pred_sem in things and not crowd and (pred_sem, pred_inst)
            if g and not crowd:
                gt[g] += 1
            if p:
                pred[p] += 1
            if g and p:
                both[g, p] += 1
        tubes += len(gt)
        for (g, p), n in both.items():
            quality += n * n / (gt[g] + pred[p] - n) / gt[g]
    ious = []
    for c in range(num_classes):
        union = sum(n for pair, n in confusion.items() if c in pair)
        if union:
            ious.append(confusion[c, c] / union)
    void = any(p == 255 for _, p in confusion)
    return quality / max(tubes, 1), sum(ious) / (len(ious) + void)


@pytest.mark.parametrize('seed', range(6))
def test_agrees_with_loops_over_pixels(seed):
    rng = np.random.default_rng(seed)
    maps = [[], [], [], []]
    for length in (3, 1, 4):
        sem = rng.choice([0, 1, 2, 3, 255], (2, length, 4, 6))
        inst = rng.integers(0, 3, (2, length, 4, 6))
        # ids above 16 bits
        inst[inst == 2] = 2**20
        right = rng.random(sem[0].shape) < .6
        for part in (sem, inst):
            part[1][right] = part[0][right]
        for side, part in zip(maps, (sem[0], inst[0], sem[1], inst[1])):
            side.append(part)
    results = stq(*maps, 4, (1, 3))
    aq, sq = stq_by_loops(maps, 4, (1, 3))
    assert results['AQ'] == pytest.approx(aq, abs=1e-12) and aq > .1
    assert results['SQ'] == pytest.approx(sq, abs=1e-12)
    assert results['STQ'] == pytest.approx(math.sqrt(aq * sq), abs=1e-12)
    backwards = stq(*(side[::-1] for side in maps), 4, (1, 3))
    assert backwards['STQ'] == results['STQ']
    assert backwards['AQ_per_seq'] == results['AQ_per_seq'][::-1]


def video_of(gt_sem, gt_inst, pred_sem, pred_inst):
    sides = gt_sem, gt_inst, pred_sem, pred_inst
    return [[np.array([[side]])] for side in sides]


def scores(*sides):
    results = stq(*video_of(*sides), 2, (1, ))
    return results['STQ'], results['AQ'], results['SQ']


def test_hand_made_frames():
    assert scores([1, 1, 0], [4, 4, 0], [1, 1, 0], [9, 9, 0]) == (1, 1, 1)
    # predicted number 0 is a tube, annotated number 0 is crowd
    assert scores([1, 1], [4, 4], [1, 1], [0, 0]) == (1, 1, 1)
    assert scores([1, 1], [0, 0], [1, 1], [4, 4]) == (0, 0, 1)
    # crowd takes nothing from a tube that lies on it too
    assert scores([1, 1], [4, 0], [1, 1], [9, 9]) == (1, 1, 1)
    # but predictions on void and on stuff do
    assert scores([1, 255], [4, 0], [1, 1], [9, 9])[1] == .5
    assert scores([1, 0], [4, 0], [1, 1], [9, 9]) == (math.sqrt(.125), .5, .25)
    # predicted void is a third class
    assert scores([1, 0, 0], [4, 0, 0], [1, 0, 255],
                  [9, 0, 0])[2] == pytest.approx(.5)


def test_nothing_annotated_or_predicted():
    void = video_of([255, 255], [0, 0], [255, 255], [0, 0])
    for maps in (([], [], [], []), void):
        results = stq(*maps, 2, (1, ))
        assert results['AQ'] == 0
        assert math.isnan(results['STQ']) and math.isnan(results['SQ'])
    assert scores([1, 0], [4, 0], [255, 255], [0, 0]) == (0, 0, 0)


def test_bad_input():
    maps = video_of([1, 2], [4, 0], [1, 1], [9, 9])
    with pytest.raises(
            ValueError, match='video 0, frame 0: label 2, expected'):
        stq(*maps, 2, (1, ))
    with pytest.raises(ValueError, match='frame 0: predicted label 3, expec'):
        scores([0, 1], [0, 1], [0, 3], [0, 1])
    with pytest.raises(ValueError, match=r'videos, expected equal numbers'):
        stq(*maps[:3], [], 2, (1, ))
    with pytest.raises(ValueError, match=r'got \[1, 1, 1, 2\] frames'):
        stq(*maps[:3], [np.zeros((2, 1, 2))], 2, (1, ))


def test_classes_change_and_numbers_of_the_script():
    videos = [random_video(np.random.default_rng(s)) for s in range(5)]
    tables = [panoptic_tables(video, {0, 1, 2}) for video in videos]
    for video, frames in zip(videos, tables):
        first = video['gt_segments'][0][0]['id']
        seen = {(s['category_id'], s['id'])
                for frame in video['gt_segments']
                for s in frame if s['category_id'] > 0}
        crowd = {
            s['id']
            for frame in video['gt_segments']
            for s in frame if s['iscrowd']
        }
        clean, script = (
            stq_record(frames, (1, 2), kind) for kind in ('clean', 'vipseg'))
        assert script.num_tubes == sum(i != first for _, i in seen)
        assert clean.num_tubes == sum(i not in crowd for _, i in seen)
        assert (script.confusion == clean.confusion).all()
