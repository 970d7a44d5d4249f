import math

import pytest
from mmengine.evaluator import Evaluator

from mmvis_plugin.evaluation import VPQMetric, vpq
from mmvis_plugin.registry import METRICS
from ..panoptic_cases import (VPQ_CASES, panoptic_frames, panoptic_samples,
                              split_ids, vpq_case, vpq_rules)


def build(metainfo, **kwargs):
    metric = VPQMetric(**kwargs)
    metric.dataset_meta = metainfo
    return metric


def evaluate(metric, samples):
    for sample in samples:
        metric.process(None, [sample.to_dict()])
    return metric.evaluate(len(metric.dataset_meta['video_ids']))


def expected_of(name):
    """Return what the pure function says about the ids of the samples."""
    videos, meta = vpq_case(name)
    results = vpq([split_ids(video, 1000) for video in videos],
                  meta['categories'], meta['windows'], **vpq_rules(name))
    del results['windows']
    return {f'vpq/{key}': value for key, value in results.items()}, meta


@pytest.mark.parametrize('name', VPQ_CASES)
def test_golden_cases_in_every_mode(name, tmp_path, to_samples):
    expected, meta = expected_of(name)
    videos, metainfo = panoptic_samples(name, tmp_path)
    options = dict(vpq_rules(name), windows=meta['windows'])
    for window, provisional in ((None, False), (1, False), (2, True)):
        results = evaluate(
            build(metainfo, **options), to_samples(videos, window,
                                                   provisional))
        assert results == pytest.approx(expected, rel=0, abs=1e-9)
    # interleaved frames, videos backwards
    frames = sorted((frame for video in videos for frame in video),
                    key=lambda frame: (frame.frame_id, -frame.video_id))
    assert evaluate(build(metainfo, **options), frames) == results
    # a change of class inside a window is all that sets the ids apart
    golden = meta['expected']['windows']['1']['average']
    for suffix, group in (('', 'All'), ('_th', 'Things'), ('_st', 'Stuff')):
        assert results[f'vpq/VPQ{suffix}_1'] == pytest.approx(
            golden[group]['pq'], rel=0, abs=1e-9)


@pytest.mark.parametrize('scope', ['mmdet', 'mmvis_plugin'])
def test_evaluator_and_classes(tmp_path, to_samples, scope):
    videos, metainfo = panoptic_samples('vpq_cityscapes_a', tmp_path)
    metainfo['label2cat'] = dict(enumerate(metainfo['label2cat']))
    with METRICS.switch_scope_and_registry(scope) as registry:
        metric = registry.build(
            dict(type='VPQMetric', windows=(1, ), classwise=True))
    evaluator = Evaluator([metric])
    evaluator.dataset_meta = metainfo
    evaluator.process(to_samples(videos))
    results = evaluator.evaluate(len(videos))
    meta = vpq_case('vpq_cityscapes_a')[1]
    rows = meta['expected']['windows']['1']['per_category']
    for category in meta['categories']:
        value = results.pop(f'vpq/VPQ_{category["name"]}')
        row = rows.get(str(category['id']))
        if row is None:
            assert math.isnan(value)
        else:
            weight = row['tp'] + row['fp'] / 2 + row['fn'] / 2
            assert value == pytest.approx(100 * row['iou'] / weight)
    assert len(results) == 6
    with pytest.raises(ValueError, match=r'windows=\(1, 1\), expected disti'):
        VPQMetric(windows=(1, 1))


def test_frames_without_annotation_are_not_counted(tmp_path, to_samples):
    videos, meta = vpq_case('vpq_cityscapes_a')
    metainfo = panoptic_samples('vpq_cityscapes_a', tmp_path)[1]
    labelled = [True, False, True, True, False, True]
    frames = [
        panoptic_frames(video, i, metainfo, tmp_path, labelled)
        for i, video in enumerate(videos)
    ]
    results = evaluate(build(metainfo, windows=(1, 2)), to_samples(frames, 1))
    expected = vpq([{
        key:
        [v for v, kept in zip(split_ids(video, 1000)[key], labelled) if kept]
        for key in ('gt', 'pred', 'gt_segments', 'pred_segments')
    } for video in videos], meta['categories'], (1, 2))
    for key in ('VPQ', 'VPQ_1', 'VPQ_th_2'):
        assert results[f'vpq/{key}'] == pytest.approx(expected[key])
    nothing = [
        panoptic_frames(video, i, metainfo, tmp_path, [False] * 6)
        for i, video in enumerate(videos)
    ]
    results = evaluate(build(metainfo), to_samples(nothing))
    assert all(math.isnan(value) for value in results.values())
