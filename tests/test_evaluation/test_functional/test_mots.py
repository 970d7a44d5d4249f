import json
import math
from pathlib import Path

import numpy as np
import pytest

from mmvis_plugin.evaluation.functional import mots
from mmvis_plugin.utils.errors import AnnotationError

DATA = Path(__file__).parents[2] / 'data' / 'metrics'
CROWD, IGNORED = 2, 1


@pytest.fixture(params='ab')
def case(request):
    with np.load(DATA / f'mots_{request.param}.npz') as file:
        count = sum(key.endswith('_gt') for key in file)
        return ([file[f'v{i}_gt'] for i in range(count)],
                [file[f'v{i}_pred'] for i in range(count)],
                json.loads(str(file['meta']))['expected']['bdd100k'])


def assert_reference(found, expected):
    for key, value in expected.items():
        if isinstance(value, dict):
            assert_reference(found[key], value)
        elif value is None:
            assert math.isnan(found[key]), key
        else:
            assert found[key] == pytest.approx(value, rel=0, abs=1e-9), key


def test_golden_cases(case):
    gt, pred, expected = case
    assert len(expected['per_class']) == 13
    assert_reference(mots(gt, pred), expected)


def test_order_of_videos_does_not_matter(case):
    gt, pred, expected = case
    assert_reference(mots(gt[::-1], pred[::-1]), expected)


def test_flat_names_repeat_the_summary(case):
    results = mots(*case[:2])
    summary = results['summary']
    for name in ('FP', 'FN', 'IDSw', 'MT', 'PT', 'ML', 'FM'):
        assert results[name] == summary[name]
    assert results['MOTSA_overall'] == summary['MOTA']
    assert results['MOTSP_overall'] == summary['MOTP']
    assert results['IDF1_overall'] == summary['IDF1']


def draw(*frames):
    """Each frame is a list of (id, first column, end, category, bits)."""
    video = np.zeros((len(frames), 4, 40, 4), dtype=np.uint8)
    for image, parts in zip(video, frames):
        for track, start, stop, category, bits in parts:
            image[:, start:stop] = (category, bits, track >> 8, track & 255)
    return video


def car(track, start, stop, bits=0):
    return track, start, stop, 3, bits


def score(gt, pred):
    return mots([draw(*gt)], [draw(*pred)])


LEFT, RIGHT = (0, 10), (20, 30)


def test_perfect_result():
    frames = [[car(700, *LEFT), (3, *RIGHT, 1, 0)]] * 3
    results = score(frames, frames)
    for name in ('car', 'pedestrian', 'OVERALL', 'human', 'vehicle'):
        row = results['per_class'][name]
        assert row['MOTA'] == row['MOTP'] == row['IDF1'] == 100
        assert row['sMOTSA'] == 100
    # six absent classes count as 0
    assert results['mMOTSA'] == results['mMOTSP'] == results['mIDF1'] == 25
    assert results['MT'] == 2


def test_switch_and_switch_back():
    gt = [[car(1, *LEFT)]] * 5
    pred = [[car(track, *LEFT)] for track in (8, 8, 9, 8, 8)]
    row = score(gt, pred)['per_class']['car']
    assert (row['IDSw'], row['FP'], row['FN'], row['FM']) == (2, 0, 0, 0)
    assert row['MOTA'] == pytest.approx(60)
    assert row['IDF1'] == pytest.approx(100 * 2 * 4 / 10)


def test_two_objects_swap_their_tracks():
    gt = [[car(1, *LEFT), car(2, *RIGHT)]] * 4
    pred = [[car(8, *LEFT), car(9, *RIGHT)]] * 2
    pred += [[car(9, *LEFT), car(8, *RIGHT)]] * 2
    row = score(gt, pred)['per_class']['car']
    assert row['IDSw'] == 2
    assert row['MOTA'] == pytest.approx(100 * (1 - 2 / 8))
    assert row['IDF1'] == pytest.approx(50)


def test_partner_is_kept_over_a_gap_although_another_fits_better():
    gt = [[car(1, 0, 10)], [], [car(1, 0, 10)]]
    kept, better = car(8, 0, 5), car(9, 5, 10)
    results = score(gt, [[kept], [], [kept, better]])
    assert results['IDSw'] == 0 and results['FP'] == 1
    # both halves reach an IoU of exactly 1/2, which is allowed
    assert results['FN'] == 0
    assert results['MOTSP_overall'] == pytest.approx(50)
    results = score(gt, [[kept], [], [better]])
    assert results['IDSw'] == 1


def test_fragments_and_share_of_the_track():
    gt = [[car(1, *LEFT)]] * 6
    hit, miss = [car(8, *LEFT)], []
    row = score(gt, [miss, hit, miss, hit, miss, miss])['per_class']['car']
    # misses outside the span of the matches are no fragments
    assert (row['FM'], row['FN'], row['PT'], row['MT']) == (1, 4, 1, 0)
    assert score(gt, [hit] + [miss] * 5)['ML'] == 1


@pytest.mark.parametrize('bits', [CROWD, IGNORED])
@pytest.mark.parametrize('category', [3, 1])
def test_region_of_any_class_excuses_predictions(bits, category):
    region = (5, 20, 30, category, bits)
    gt = [[car(1, *LEFT), region]]
    assert score(gt, [[car(8, *LEFT), car(9, 20, 32)]])['FP'] == 0
    # exactly half of it lies inside
    assert score(gt, [[car(8, *LEFT), car(9, 25, 35)]])['FP'] == 1
    assert score(gt, [[]])['FN'] == 1


def test_regions_are_not_merged():
    gt = [[car(1, 10, 14, CROWD), car(2, 14, 18, CROWD)]]
    assert score(gt, [[car(9, 10, 20)]])['FP'] == 1
    merged = [[car(1, 10, 18, CROWD)]]
    assert score(merged, [[car(9, 10, 20)]])['FP'] == 0


def test_predictions_marked_as_crowd_are_dropped():
    gt = [[car(1, *LEFT)]]
    results = score(gt, [[car(8, *LEFT, IGNORED), car(9, *RIGHT, CROWD)]])
    assert (results['FP'], results['FN']) == (0, 1)


def test_empty_prediction():
    row = score([[car(1, *LEFT)]] * 2, [[], []])['per_class']['car']
    assert row['MOTA'] == row['IDF1'] == 0 and math.isnan(row['MOTP'])
    assert (row['FN'], row['ML']) == (2, 1)


def test_empty_annotation():
    results = score([[], []], [[car(1, *LEFT)]] * 2)
    row = results['per_class']['car']
    assert math.isnan(row['MOTA']) and row['IDF1'] == 0 and row['FP'] == 2
    assert results['mMOTSA'] == results['mMOTSP'] == results['mIDF1'] == 0


def test_no_videos():
    results = mots([], [])
    assert results['mMOTSA'] == 0 and math.isnan(results['MOTSA_overall'])


def test_more_than_a_hundred_predictions_warn_and_count():
    pred = np.zeros((1, 4, 101, 4), dtype=np.uint8)
    pred[..., 0] = 3
    pred[..., 3] = 1 + np.arange(101)
    with pytest.warns(UserWarning, match='frame 0: 101 predictions'):
        results = mots([np.zeros_like(pred)], [pred])
    assert results['FP'] == 101


def test_bad_input():
    good = draw([car(1, *LEFT)])
    with pytest.raises(AnnotationError, match='1 annotated and 0 predicted'):
        mots([good], [])
    with pytest.raises(AnnotationError, match='video 0: annotation of shape'):
        mots([good], [good[:, 1:]])
    twice = draw([car(1, *LEFT), (1, *RIGHT, 2, 0)])
    with pytest.raises(
            AnnotationError,
            match='frame 0, prediction: track 1 has two pairs'):
        mots([good], [twice])
    with pytest.raises(AnnotationError, match='annotation: category id 9'):
        mots([draw([(1, *LEFT, 9, 0)])], [good])
