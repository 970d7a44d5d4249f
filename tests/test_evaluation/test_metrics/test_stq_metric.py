from unittest import mock

import pytest
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger

from mmvis_plugin.evaluation import STQMetric, VPQMetric
from mmvis_plugin.evaluation.metrics import panoptic_metric
from mmvis_plugin.registry import METRICS
from ..panoptic_cases import panoptic_samples, vpq_case

CASES = ['vpq_vipseg_a', 'vpq_vipseg_b']


def evaluate(metainfo, samples, **kwargs):
    metric = STQMetric(**kwargs)
    metric.dataset_meta = metainfo
    for sample in samples:
        metric.process(None, [sample.to_dict()])
    return metric.evaluate(len(metainfo['video_ids']))


@pytest.mark.parametrize('name', CASES)
@pytest.mark.parametrize('numbering, key', [('clean', 'stq'),
                                            ('vipseg', 'stq_vipseg_script')])
def test_golden_cases_in_every_mode(name, tmp_path, to_samples, numbering,
                                    key):
    videos, metainfo = panoptic_samples(name, tmp_path)
    expected = vpq_case(name)[1]['expected'][key]
    args = dict(numbering=numbering)
    results = evaluate(metainfo, to_samples(videos), **args)
    for own, reference in (('STQ', 'STQ'), ('AQ', 'AQ'), ('SQ', 'IoU')):
        assert results[f'stq/{own}'] == pytest.approx(
            expected[reference], rel=0, abs=1e-6)
    assert evaluate(metainfo, to_samples(videos[::-1], 1), **args) == results
    assert evaluate(metainfo, to_samples(videos, 2, True), **args) == results
    clean = evaluate(
        metainfo, to_samples(videos), count_void_class=False, **args)
    assert clean['stq/SQ'] == results['stq/mIoU'] > results['stq/SQ']


@pytest.mark.parametrize('window', [None, 1])
def test_frames_are_counted_once_for_both_metrics(tmp_path, to_samples,
                                                  window):
    videos, metainfo = panoptic_samples('vpq_vipseg_a', tmp_path)
    expected = evaluate(metainfo, to_samples(videos), numbering='clean')
    panoptic_metric._TABLES.clear()
    evaluator = Evaluator([
        VPQMetric(windows=(1, 2)),
        METRICS.build(dict(type='STQMetric', numbering='clean'))
    ])
    evaluator.dataset_meta = metainfo
    with mock.patch.object(
            panoptic_metric,
            'read_panoptic_map',
            side_effect=panoptic_metric.read_panoptic_map) as read:
        for sample in to_samples(videos, window):
            evaluator.process([sample])
    assert read.call_count == sum(map(len, videos))
    results = evaluator.evaluate(len(videos))
    assert {key: results[key] for key in expected} == expected
    assert results['vpq/VPQ_1'] > 0
    # tables go with the maps they were counted from
    assert len(panoptic_metric._TABLES) == read.call_count
    frame = videos[0][0]
    frame.pred_panoptic_seg.sem_seg = frame.pred_panoptic_seg.sem_seg.clone()
    assert len(panoptic_metric._TABLES) == read.call_count - 1


def test_other_annotations_of_the_same_map_are_counted_anew(
        tmp_path, to_samples):
    videos, metainfo = panoptic_samples('vpq_vipseg_a', tmp_path)
    first = evaluate(metainfo, to_samples(videos), numbering='clean')
    for frame in (frame for video in videos for frame in video):
        frame.set_metainfo(
            dict(segments_info=[
                dict(segment, iscrowd=0) for segment in frame.segments_info
            ]))
    second = evaluate(metainfo, to_samples(videos), numbering='clean')
    assert second['stq/AQ'] != first['stq/AQ']


def test_the_log_names_the_numbering(tmp_path, to_samples, monkeypatch,
                                     capsys):
    logger = MMLogger('numbering')
    monkeypatch.setattr(MMLogger, 'get_current_instance', lambda: logger)
    videos, metainfo = panoptic_samples('vpq_vipseg_a', tmp_path)
    evaluate(metainfo, to_samples(videos), numbering='clean')
    assert "numbering='clean', count_void_class=True" in capsys.readouterr(
    ).out
    with pytest.raises(ValueError, match="numbering='own', expected one of"):
        STQMetric(numbering='own')
