import copy
import gzip
import json
import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from mmvis_plugin.evaluation.functional import box_tube_ap, box_tube_iou
from mmvis_plugin.utils.errors import AnnotationError

DATA = Path(__file__).parents[2] / 'data' / 'metrics'


@pytest.fixture(params='ab')
def case(request):
    with gzip.open(DATA / f'box_tube_ap_{request.param}.json.gz') as file:
        return json.load(file)


def assert_reference(results, expected):
    for key, value in expected.items():
        if value == -1:
            assert math.isnan(results[key]), key
        else:
            assert results[key] == pytest.approx(value, rel=0, abs=1e-9), key


def test_golden_cases(case):
    before = json.dumps(case)
    results = box_tube_ap(case['gt'], case['pred'], classwise=True)
    assert json.dumps(case) == before
    assert_reference(results, case['expected']['stats'])
    for category, expected in case['expected']['per_category'].items():
        assert_reference(results['per_category'][int(category)], expected)


def test_order_of_videos_does_not_matter(case):
    shuffled = copy.deepcopy(case)
    shuffled['gt']['videos'].reverse()
    for items in (shuffled['gt']['annotations'], shuffled['pred']):
        items.sort(key=lambda item: -item['video_id'])
    assert_reference(
        box_tube_ap(shuffled['gt'], shuffled['pred']),
        case['expected']['stats'])


def naive_iou(tube_a, tube_b):
    inter = union = 0.
    for a, b in zip(tube_a, tube_b):
        areas = [
            0. if math.isnan(box[0]) else box[2] * box[3] for box in (a, b)
        ]
        common = 0.
        if not (math.isnan(a[0]) or math.isnan(b[0])):
            width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
            height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
            common = max(width, 0.) * max(height, 0.)
        inter += common
        union += sum(areas) - common
    return inter / union if union > 0 else 0.


@pytest.mark.parametrize('limit', [1, 4000, 2**26])
def test_iou_against_loops_in_chunks_of_any_size(limit, monkeypatch):
    monkeypatch.setitem(box_tube_ap.__globals__, '_CHUNK_BYTES', limit)
    rng = np.random.default_rng(0)
    tubes = rng.uniform(0, 30, (9, 23, 4))
    tubes[rng.random((9, 23)) < 0.3] = np.nan
    tubes[3] = np.nan
    expected = [[naive_iou(a, b) for b in tubes[5:]] for a in tubes[:5]]
    np.testing.assert_allclose(
        box_tube_iou(tubes[:5], tubes[5:]), expected, rtol=1e-12)


def test_long_videos_take_little_memory():
    rng = np.random.default_rng(0)
    dets, tracks = rng.uniform(0, 99, (100, 5000, 4)), rng.uniform(
        0, 99, (30, 5000, 4))
    tracemalloc.start()
    ious = box_tube_iou(dets, tracks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # all frames at once would take 5000 x 3000 pairs of 64 bytes
    assert peak < 64 * 2**20
    assert ious[7, 3] == pytest.approx(naive_iou(dets[7], tracks[3]))


def small_case():
    gt = dict(
        videos=[dict(id=1, length=2)],
        categories=[dict(id=1)],
        annotations=[
            dict(video_id=1, category_id=1, bboxes=[[0, 0, 10, 10], None])
        ])
    pred = [
        dict(
            video_id=1, category_id=1, score=.5, bboxes=[[0, 0, 6, 10], None])
    ]
    return gt, pred


def test_one_box_of_iou_three_fifths():
    results = box_tube_ap(*small_case())
    # thresholds 0.5, 0.55 and 0.6 of ten are reached
    assert results['AP'] == pytest.approx(0.3)
    assert results['AP50'] == pytest.approx(1)
    assert results['AP75'] == 0


def test_empty_sides():
    gt, pred = small_case()
    assert box_tube_ap(gt, [])['AP'] == 0
    assert math.isnan(box_tube_ap(dict(gt, annotations=[]), pred)['AP'])


@pytest.mark.parametrize('change,message', [
    (dict(video_id=7), "prediction 0: video_id 7 is not among the 1 videos"),
    (dict(category_id=3), 'prediction 0 .video 1.: category_id 3'),
    (dict(score=float('nan')), 'prediction 0: score nan, expected a number'),
    (dict(bboxes=[None]), '1 bboxes for 2 frames, expected one per frame'),
    (dict(bboxes=None), 'bboxes is null'),
    (dict(bboxes=[[0, 0, -1, 2], None]), r'frame 0: box \[0, 0, -1, 2\]'),
    (dict(bboxes=[None, [0, 0, 1]]), r'frame 1: box \[0, 0, 1\], expected'),
])
def test_bad_results(change, message):
    gt, pred = small_case()
    with pytest.raises(AnnotationError, match=message):
        box_tube_ap(gt, [dict(pred[0], **change)])
