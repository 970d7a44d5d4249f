"""VPQ and STQ of made videos with errors of one kind."""
from dataclasses import replace

import pytest

from mmvis_plugin.datasets.synthetic import generate_video, get_cfg
from mmvis_plugin.datasets.synthetic.degrade import degrade
from mmvis_plugin.datasets.synthetic.synth_prediction import SynthPrediction
from mmvis_plugin.datasets.synthetic.writers.common import (category_lut,
                                                            load_categories)
from mmvis_plugin.datasets.synthetic.writers.vipseg import NAMES
from mmvis_plugin.evaluation.functional import (panoptic_tables, stq_record,
                                                stq_results, vpq)

CATEGORIES = load_categories('vipseg')
IDS = [category['id'] for category in CATEGORIES]
THINGS = [c['id'] for c in CATEGORIES if c['isthing']]


@pytest.fixture(scope='module')
def truths():
    """Return the truth of videos in which objects have twins."""
    cfg = replace(get_cfg('micro'), seed=3, p_twin=1.)
    return [
        SynthPrediction.from_video(generate_video(cfg, 'val', index))
        for index in range(3)
    ]


def score(truths, kind=None, p=1.):
    """Return the scores of the truth with errors."""
    lut = category_lut('vipseg', NAMES)
    videos = []
    for seed, truth in enumerate(truths):
        gt, gt_segments = truth.to_panoptic(lut)
        found = truth if kind is None else degrade(truth, kind, p, seed)
        pred, pred_segments = found.to_panoptic(lut)
        videos.append(
            dict(
                gt=gt,
                pred=pred,
                gt_segments=gt_segments,
                pred_segments=pred_segments))
    results = vpq(videos, CATEGORIES, (1, 2, 4))
    del results['windows']
    records = [
        stq_record(panoptic_tables(video, set(IDS)), THINGS)
        for video in videos
    ]
    return {**results, **stq_results(records, IDS)}


def test_truth_is_perfect(truths):
    results = score(truths)
    assert {results.pop(key) for key in ('STQ', 'AQ', 'SQ', 'mIoU')} == {1}
    assert {v for key, v in results.items() if key.startswith('VPQ')} == {100}


def test_swapped_ids_leave_single_frames_alone(truths):
    results = score(truths, 'swap')
    assert results['VPQ_1'] == results['VPQ_st'] == 100
    assert results['SQ'] == 1
    assert max(results['VPQ_2'], results['VPQ_4'], results['VPQ_th']) < 100
    assert results['STQ'] < 1 and results['AQ'] < 1


@pytest.mark.parametrize('kind, p', [('drop', .5), ('jitter', 4.),
                                     ('extra', 1.), ('wrong_class', 1.)])
def test_other_errors_show_in_every_window(truths, kind, p):
    results = score(truths, kind, p)
    for key in ('VPQ_th_1', 'VPQ_th_2', 'VPQ_th_4', 'VPQ'):
        assert results[key] < 100, key
    assert results['STQ'] < 1 and results['SQ'] < 1
