import math

import numpy as np
import pytest

from mmvis_plugin.evaluation.functional import (CategoryRecord, accumulate,
                                                average_area, match_tracks,
                                                top_detections)


def match_by_loops(ious, ignore, crowd, threshold):
    """The matching of one area range and threshold, pair by pair."""
    order = sorted(range(len(ignore)), key=lambda track: ignore[track])
    taken, matched, ignored = set(), [], []
    for row in ious:
        best, best_iou = None, min(threshold, 1 - 1e-10)
        for track in order:
            if track in taken and not crowd[track]:
                continue
            if best is not None and not ignore[best] and ignore[track]:
                break
            if row[track] >= best_iou:
                best, best_iou = track, row[track]
        taken.add(best)
        matched.append(best is not None)
        ignored.append(best is not None and bool(ignore[best]))
    return matched, ignored


@pytest.mark.parametrize('seed', range(8))
def test_matching_agrees_with_loops(seed):
    rng = np.random.default_rng(seed)
    num_det, num_gt = rng.integers(0, 12), rng.integers(0, 6)
    # few distinct values: many ties, and 1.0 meets the bar of 1 - 1e-10
    ious = rng.choice([0, .5, .55, .7, .75, .95, 1], (num_det, num_gt))
    crowd = rng.random(num_gt) < 0.3
    ignore = crowd | (rng.random((4, num_gt)) < 0.4)
    matched, ignored = match_tracks(ious, ignore, crowd)
    assert matched.shape == ignored.shape == (4, 10, num_det)
    for index in range(4):
        for row, threshold in enumerate(np.linspace(.5, .95, 10)):
            expected = match_by_loops(ious, ignore[index], crowd, threshold)
            assert matched[index, row].tolist() == expected[0]
            assert ignored[index, row].tolist() == expected[1]


def test_order_of_detections_is_stable_and_cut_at_100():
    assert top_detections([.5, .9, .5, .9]).tolist() == [1, 3, 0, 2]
    assert top_detections([0.] * 150).tolist() == list(range(100))
    assert top_detections([]).tolist() == []


def test_average_area_skips_absent_frames():
    areas = [[4, 0, 8], [0, 0, 0], [1, 1, 1]]
    assert average_area(areas).tolist() == [6, 0, 1]
    assert average_area(np.zeros((0, 3))).tolist() == []


def record(scores, ious, det_areas=None, gt_areas=None, crowd=None):
    ious = np.array(ious, dtype=float)
    num_det, num_gt = ious.shape
    return CategoryRecord(
        np.array(scores, dtype=float),
        np.full(num_det, 50.) if det_areas is None else np.array(det_areas),
        ious,
        np.full(num_gt, 50.) if gt_areas is None else np.array(gt_areas),
        np.array(crowd or [False] * num_gt, dtype=bool))


def test_hand_made_case():
    # by score: hit of track 0, miss, hit of track 1 up to IoU 0.75
    videos = [{1: record([.9, .8, .7], [[1, 0], [.2, .3], [0, .75]])}]
    results = accumulate(videos, [1])
    half, two_thirds = 51 / 101, 50 / 101 * 2 / 3
    both, one = half + two_thirds, half
    assert results['AP50'] == pytest.approx(both)
    assert results['AP75'] == pytest.approx(both)
    assert results['AP'] == pytest.approx(.6 * both + .4 * one)
    assert results['AR1'] == pytest.approx(.5)
    assert results['AR10'] == results['AR100'] == pytest.approx(.8)
    assert results['AP_s'] == results['AP']
    assert math.isnan(results['AP_m']) and math.isnan(results['AR_l'])


def test_crowd_and_area_ignore_detections():
    crowd = {1: record([.9, .8], [[.9, 0], [0, .9]], crowd=[True, False])}
    assert accumulate([crowd], [1])['AP50'] == pytest.approx(1)
    # the first detection is unmatched, but too small for the large range
    large = {1: record([.9, .8], [[0], [.9]], [50, 1e5], [1e5])}
    results = accumulate([large], [1])
    assert results['AP50'] == pytest.approx(.5)
    assert results['AP_l'] == pytest.approx(.9)
    assert math.isnan(results['AP_s'])


def test_area_ranges_share_their_ends():
    edge = {1: record([.9], [[1]], [128.**2], [128.**2])}
    results = accumulate([edge], [1])
    assert results['AP_s'] == results['AP_m'] == pytest.approx(1)


def test_categories_without_tracks_are_left_out():
    videos = [{
        1: record([.9], [[1]]),
        2: record([.9], np.zeros((1, 0)))
    }, {
        3: record([], np.zeros((0, 2)))
    }]
    results = accumulate(videos, [1, 2, 3, 4], classwise=True)
    assert results['AP'] == pytest.approx(.5)
    own = results['per_category']
    assert own[1]['AP'] == pytest.approx(1)
    assert own[3] == dict.fromkeys(own[3], 0.)
    assert all(math.isnan(value) for value in own[2].values())
    assert own.keys() == {1, 2, 3, 4}


def test_nothing_at_all_is_undefined():
    assert all(math.isnan(value) for value in accumulate([], [1]).values())
