import itertools
import math

import numpy as np
import pytest

from mmvis_plugin.evaluation.functional import PanopticTubes, vpq
from mmvis_plugin.evaluation.functional.panoptic_frame_table import \
    panoptic_tables
from ..panoptic_cases import VPQ_CASES, random_video, vpq_case, vpq_rules

CATEGORIES = [dict(id=i, isthing=i % 2) for i in range(3)]


@pytest.mark.parametrize('name', VPQ_CASES)
def test_golden_cases(name):
    videos, meta = vpq_case(name)
    results = vpq(videos, meta['categories'], meta['windows'],
                  **vpq_rules(name))
    expected = meta['expected']
    for key, value in expected['final'].items():
        assert results[key] == pytest.approx(value, rel=0, abs=1e-9)
    suffixes = dict(All='', Things='_th', Stuff='_st')
    for size, window in expected['windows'].items():
        own = results['windows'][int(size)]
        for group, values in window['average'].items():
            assert own['average'][group] == pytest.approx(
                values, rel=0, abs=1e-9)
            assert results[f'VPQ{suffixes[group]}_{size}'] == own['average'][
                group]['pq']
        assert {str(key)
                for key in own['per_category']} == set(window['per_category'])
        for category, values in window['per_category'].items():
            assert own['per_category'][int(category)] == pytest.approx(
                values, rel=0, abs=1e-9)


def first_seen(lists):
    """Return category and crowd flag of each id, in order."""
    found = {}
    for segment in itertools.chain(*lists):
        found.setdefault(segment['id'],
                         (segment['category_id'], segment.get('iscrowd', 0)))
    return found


def count_window_by_loops(video, start, size, min_area, merge_crowd):
    """VPQ counts of a window from its pixels; category to four numbers."""
    part = slice(start, start + size)
    gt_map, pred_map = video['gt'][part], video['pred'][part]
    gt, pred = (
        first_seen(video[f'{side}_segments'][part]) for side in ('gt', 'pred'))
    counts = {c['id']: [0., 0, 0, 0] for c in CATEGORIES}
    found, hits = set(), set()
    for g, p in itertools.product(gt, pred):
        common = np.sum((gt_map == g) & (pred_map == p))
        union = np.sum((gt_map == g) | ((pred_map == p) & (gt_map != 0)))
        large = np.sum(gt_map == g) >= min_area
        if (gt[g][0] == pred[p][0] and not gt[g][1] and large
                and common / union > .5):
            counts[gt[g][0]][0] += common / union
            counts[gt[g][0]][1] += 1
            found.add(g)
            hits.add(p)
    crowds = {}
    for g, (category, is_crowd) in gt.items():
        if is_crowd:
            kept = crowds.get(category, []) if merge_crowd else []
            crowds[category] = kept + [g]
        elif g not in found and np.sum(gt_map == g) >= min_area:
            counts[category][3] += 1
    for p, (category, _) in pred.items():
        excused = np.isin(gt_map[pred_map == p],
                          [0] + crowds.get(category, []))
        if p not in hits and excused.mean() <= .5:
            counts[category][2] += 1
    return counts


@pytest.mark.parametrize('merge_crowd', [False, True])
@pytest.mark.parametrize('min_area', [0, 9])
@pytest.mark.parametrize('seed', range(6))
def test_agrees_with_loops_over_pixels(seed, min_area, merge_crowd):
    rng = np.random.default_rng(seed)
    videos = [random_video(rng, length) for length in (5, 2, 4)]
    windows = (1, 2, 3, 5)
    results = vpq(videos, CATEGORIES, windows, min_area, (), merge_crowd)
    for size in windows:
        expected = {c['id']: np.zeros(4) for c in CATEGORIES}
        for video in videos:
            for start in range(len(video['gt']) - size + 1):
                counts = count_window_by_loops(video, start, size, min_area,
                                               merge_crowd)
                for category, row in counts.items():
                    expected[category] += row
        own = results['windows'][size]['per_category']
        for category, row in expected.items():
            row = dict(zip(('iou', 'tp', 'fp', 'fn'), row))
            if category in own:
                assert own[category] == pytest.approx(row, rel=0, abs=1e-12)
            else:
                assert not any(row.values())


def test_the_loops_see_matches_and_errors():
    rng = np.random.default_rng(0)
    videos = [random_video(rng) for _ in range(4)]
    merged = [
        vpq(videos, CATEGORIES, (2, ), merge_crowd=merge)['windows'][2]
        for merge in (False, True)
    ]
    rows = list(merged[0]['per_category'].values())
    assert all(sum(row[key] for row in rows) > 3 for key in ('tp', 'fp', 'fn'))
    assert merged[0] != merged[1]


def test_slid_windows_are_sums_of_frames():
    video = random_video(np.random.default_rng(1), length=6)
    tables = panoptic_tables(video, {0, 1, 2})
    tubes = PanopticTubes(tables, [2, 0, 1])
    for size in (1, 3, 6, 7):
        windows = [(t, n.copy()) for t, n in tubes.slide(size)]
        assert [t for t, _ in windows] == list(range(7 - size))
        for t, overlaps in windows:
            assert overlaps.sum() == size * video['gt'][0].size
            total = sum(
                next(PanopticTubes(tables[i:i +
                                          1], [2, 0, 1]).slide(1))[1].sum()
                for i in range(t, t + size))
            assert overlaps.sum() == total
            assert (overlaps >= 0).all()
    first = first_seen(video['gt_segments'][2:5])
    state = tubes.gt.within(2, 3)
    ids = np.unique([0] + [s['id'] for s in sum(video['gt_segments'], [])])
    order = [ids[i] for i in np.argsort(state.order) if state.order[i] >= 0]
    assert order == list(first)
    for index, tube in enumerate(ids):
        if tube in first:
            assert [2, 0, 1][state.category[index]] == first[tube][0]
            assert state.crowd[index] == first[tube][1]
        else:
            assert state.category[index] == -1 and not state.crowd[index]


def one_frame(gt, pred, **gt_info):
    gt, pred = (np.array([[row]], dtype=np.uint32) for row in (gt, pred))

    def lists(maps, **info):
        return [[
            dict(dict(id=i, category_id=0), **info.get(f'id{i}', {}))
            for i in np.unique(maps[maps > 0]).tolist()
        ]]

    return dict(
        gt=gt,
        pred=pred,
        gt_segments=lists(gt, **gt_info),
        pred_segments=lists(pred))


def row_of(video, **kwargs):
    table = vpq([video], CATEGORIES, (1, ), **kwargs)['windows'][1]
    return tuple(table['per_category'].get(0, {}).values())


def test_hand_made_frames():
    # IoU of exactly one half is no match
    assert row_of(one_frame([1, 1, 0], [1, 0, 0])) == (0, 0, 1, 1)
    assert row_of(one_frame([1, 1, 1], [1, 1, 0])) == (2 / 3, 1, 0, 0)
    # unlabelled pixels do not widen the union
    assert row_of(one_frame([1, 0, 0], [1, 1, 1])) == (1, 1, 0, 0)
    # half on void is a false positive, more is none
    assert row_of(one_frame([0, 1, 1, 1], [5, 5, 0, 0])) == (0, 0, 1, 1)
    assert row_of(one_frame([0, 0, 1, 1, 1], [5, 5, 5, 0, 0])) == (0, 0, 0, 1)
    crowd = dict(id1=dict(iscrowd=1), id2=dict(iscrowd=1))
    video = one_frame([1, 1, 2, 2], [5, 5, 6, 6], **crowd)
    assert row_of(video) == (0, 0, 1, 0)
    assert row_of(video, merge_crowd=True) == ()
    other = dict(id1=dict(iscrowd=1, category_id=1))
    assert row_of(one_frame([1, 1], [5, 5], **other)) == (0, 0, 1, 0)
    # too small to be missed, but what lies on it is an error
    assert row_of(one_frame([1, 1], [1, 1]), min_area=3) == (0, 0, 1, 0)
    assert row_of(one_frame([1, 1], [0, 0]), min_area=3) == ()


def test_nothing_annotated_or_predicted():
    empty = one_frame([0, 0], [0, 0])
    for videos in ([], [empty]):
        results = vpq(videos, CATEGORIES, (1, 2))
        keys = set(results) - {'windows'}
        assert len(keys) == 9 and all(math.isnan(results[k]) for k in keys)
    missed = vpq([one_frame([1, 1], [0, 0])], CATEGORIES, (1, ))
    assert missed['VPQ'] == missed['VPQ_st'] == 0
    assert math.isnan(missed['VPQ_th'])
    # windows without a video are left out of the mean
    perfect = vpq([one_frame([1, 1], [1, 1])], CATEGORIES, (1, 2))
    assert perfect['VPQ'] == 100 and math.isnan(perfect['VPQ_2'])


@pytest.mark.parametrize('name', ['vpq_viper_a', 'vpq_vipseg_b'])
def test_perfect_skipped_and_permuted(name):
    videos, meta = vpq_case(name)
    args = meta['categories'], meta['windows']
    for video in videos:
        for segment in itertools.chain(*video['gt_segments']):
            segment['iscrowd'] = 0
    perfect = vpq([
        dict(v, pred=v['gt'], pred_segments=v['gt_segments']) for v in videos
    ], *args)
    assert perfect['VPQ'] == perfect['VPQ_th'] == perfect['VPQ_st'] == 100
    results = vpq(videos, *args)
    mixed = [
        dict(
            v, **{
                side: [frame[::-1] for frame in v[side]]
                for side in ('gt_segments', 'pred_segments')
            }) for v in reversed(videos)
    ]
    for key, value in vpq(mixed, *args).items():
        if key != 'windows':
            assert value == pytest.approx(results[key], abs=1e-10)
    things = [c['id'] for c in meta['categories'] if c['isthing']]
    skipped = vpq(videos, *args, skip_categories=things)
    assert math.isnan(skipped['VPQ_th'])
    assert skipped['VPQ'] == skipped['VPQ_st'] == results['VPQ_st']
