import json
import math
import time
import zipfile
from unittest import mock

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from pycocotools import mask as mask_utils

from mmvis_plugin.evaluation import VISMetric, video_instance_ap
from mmvis_plugin.registry import METRICS
from mmvis_plugin.structures import encode_masks

ITEMS = ('AP', 'AP50', 'AP75', 'AP_s', 'AP_m', 'AP_l', 'AR1', 'AR10', 'AR100',
         'AR_s', 'AR_m', 'AR_l')


@pytest.fixture
def run(build_metric, to_videos, to_samples):
    """Return a function that feeds a case to a metric and evaluates."""

    def evaluate(case, window=None, provisional=False, has_ann=True, **kwargs):
        metric = build_metric(case, **kwargs)
        samples = to_samples(to_videos(case, has_ann), window, provisional)
        for sample in samples:
            metric.process(None, [sample.to_dict()])
        return metric.evaluate(len(case['gt']['videos']))

    return evaluate


def assert_reference(results, expected):
    assert set(results) == {f'vis/{key}' for key in expected}
    for key, value in expected.items():
        if value == -1:
            assert math.isnan(results[f'vis/{key}']), key
        else:
            assert results[f'vis/{key}'] == pytest.approx(
                value, rel=0, abs=1e-9), key


@pytest.mark.parametrize('window, provisional', [(None, False), (1, False),
                                                 (2, False), (3, False),
                                                 (1, True), (2, True)])
def test_golden_cases_in_every_mode(run, ap_case, window, provisional):
    results = run(ap_case, window, provisional, metric_items=ITEMS)
    assert_reference(results, ap_case['expected']['stats'])


@pytest.mark.parametrize('scope', ['mmdet', 'mmvis_plugin'])
def test_evaluator_with_interleaved_frames(ap_case, to_videos, to_samples,
                                           case_meta, scope):
    with METRICS.switch_scope_and_registry(scope) as registry:
        metric = registry.build(dict(type='VISMetric', metric_items=ITEMS))
    evaluator = Evaluator([metric])
    evaluator.dataset_meta = case_meta(ap_case)
    streams = [to_samples([video], 1) for video in to_videos(ap_case)]
    while any(streams):
        evaluator.process(
            [stream.pop(0) for stream in reversed(streams) if stream])
    results = evaluator.evaluate(len(ap_case['gt']['videos']))
    assert_reference(results, ap_case['expected']['stats'])


def test_offline_evaluation_of_frames(ap_case, to_videos, to_samples,
                                      case_meta):
    evaluator = Evaluator([VISMetric(metric_items=ITEMS)])
    meta = case_meta(ap_case)
    evaluator.dataset_meta = dict(classes=meta['classes'])
    samples = to_samples(to_videos(ap_case), 1)
    results = evaluator.offline_evaluate([s.to_dict() for s in samples])
    assert_reference(results, ap_case['expected']['stats'])


def test_items_classes_and_category_ids(run, ap_case, build_metric, to_videos,
                                        to_samples):
    results = run(ap_case, metric_items=['AP50'], classwise=True)
    expected = ap_case['expected']
    assert results.pop('vis/AP50') == pytest.approx(expected['stats']['AP50'])
    for category, value in expected['per_category'].items():
        own = results.pop(f'vis/AP_class_{category}')
        assert own == pytest.approx(value['AP']) or value['AP'] == -1
    assert results == {}
    assert list(run(ap_case)) == [f'vis/{key}' for key in ITEMS[:9]]
    with pytest.raises(KeyError, match=r"unknown metric_items \['mAP'\]"):
        VISMetric(metric_items=['mAP'])


def read_zip(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ['results.json']
        return json.loads(archive.read('results.json'))


@pytest.mark.parametrize('label2cat', [{
    0: 7,
    1: 30,
    2: 2,
    3: 4,
    4: 11
}, (7, 30, 2, 4, 11)])
def test_format_only_writes_what_was_predicted(ap_case, build_metric,
                                               to_videos, to_samples, tmp_path,
                                               label2cat):
    prefix = tmp_path / 'deep' / 'ovis'
    metric = build_metric(
        ap_case, format_only=True, outfile_prefix=str(prefix))
    metric.dataset_meta['label2cat'] = label2cat
    samples = to_samples(to_videos(ap_case), 2)
    for sample in samples:
        metric.process(None, [sample.to_dict()])
    assert metric.evaluate(len(samples)) == {}
    written = read_zip(f'{prefix}.submission_file.zip')
    expected = [
        dict(
            video_id=item['video_id'],
            category_id=label2cat[item['category_id'] - 1],
            score=item['score'],
            segmentations=item['segmentations'])
        for item in sorted(ap_case['pred'], key=lambda p: p['video_id'])
    ]
    assert written == expected
    assert [path.name for path in prefix.parent.iterdir()
            ] == ['ovis.submission_file.zip']


def test_zip_beside_the_scores(run, ap_case, tmp_path):
    prefix = str(tmp_path / 'val')
    results = run(ap_case, outfile_prefix=prefix, metric_items=ITEMS)
    assert_reference(results, ap_case['expected']['stats'])
    again = video_instance_ap(ap_case['gt'],
                              read_zip(f'{prefix}.submission_file.zip'))
    assert again['AP'] == results['vis/AP']
    with pytest.raises(ValueError, match='format_only=True needs'):
        VISMetric(format_only=True)


@pytest.mark.parametrize('log_file', [None, 'run/test.log'])
def test_no_annotations_end_with_a_zip(run, ap_case, tmp_path, monkeypatch,
                                       capsys, log_file):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / 'run' if log_file else tmp_path
    folder.mkdir(exist_ok=True)
    logger = MMLogger(f'no_annotations_{log_file}', log_file=log_file)
    monkeypatch.setattr(MMLogger, 'get_current_instance', lambda: logger)
    assert run(ap_case, window=1, has_ann=False, submit_to='a server') == {}
    path = folder / 'vis_results.submission_file.zip'
    assert len(read_zip(path)) == len(ap_case['pred'])
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert len(lines) == 1 and str(path) in lines[0]
    assert 'no annotations' in lines[0] and 'a server' in lines[0]
    assert {file.suffix for file in folder.iterdir()} <= {'.zip', '.log'}


def test_frames_without_annotation_are_not_scored(ap_case, build_metric,
                                                  to_videos, to_samples):
    videos = to_videos(ap_case)
    last = {frames[0].video_id: len(frames) - 1 for frames in videos}
    for frames in videos:
        frames[-1].set_metainfo(dict(has_ann=False, instances=[]))
    metric = build_metric(ap_case)
    for sample in to_samples(videos):
        metric.process(None, [sample.to_dict()])
    results = metric.evaluate(len(videos))

    def cut(item):
        return {
            **item, 'length': last[item['video_id']],
            **{
                key: item[key][:-1]
                for key in ('segmentations', 'areas') if key in item
            }
        }

    gt = dict(
        ap_case['gt'],
        videos=[
            dict(
                id=v['id'],
                height=v['height'],
                width=v['width'],
                length=last[v['id']]) for v in ap_case['gt']['videos']
        ],
        annotations=[cut(item) for item in ap_case['gt']['annotations']])
    # tracks that are only seen in the dropped frames do not exist any more
    gt['annotations'] = [
        t for t in gt['annotations'] if any(t['segmentations'])
    ]
    expected = video_instance_ap(gt, [cut(p) for p in ap_case['pred']])
    for key in ITEMS[:9]:
        np.testing.assert_equal(results[f'vis/{key}'], expected[key])


def dense(videos):
    """Replace run-length codes by bool tensors and boxes by real ones."""
    for frame in (frame for frames in videos for frame in frames):
        pred = frame.pred_track_instances
        masks = mask_utils.decode(pred.masks).transpose(2, 0, 1).astype(bool)
        del pred.masks
        pred.masks = torch.from_numpy(masks)
    return videos


def test_agrees_with_the_metric_of_mmdet(metric_data, build_metric, to_videos,
                                         to_samples, run):
    from mmdet.evaluation.metrics import YouTubeVISMetric
    case = metric_data('ytvis_ap_a.json.gz')
    # the reference fails on a video without detections
    theirs = YouTubeVISMetric(
        metric_items=['mAP', 'mAP_50', 'mAP_75', 'AR@1', 'AR@10', 'AR@100'])
    theirs.dataset_meta = build_metric(case).dataset_meta
    ours = build_metric(case, track_score='mean')
    samples = [s.to_dict() for s in to_samples(dense(to_videos(case)))]
    ours.process(None, samples)
    theirs.process(None, samples)
    with mock.patch.object(np, 'float', float, create=True):
        expected = list(theirs.evaluate(len(samples)).values())
    results = ours.evaluate(len(samples))
    keys = ('AP', 'AP50', 'AP75', 'AR1', 'AR10', 'AR100')
    # it rounds to three digits
    assert [results[f'vis/{key}'] for key in keys] == pytest.approx(
        expected, rel=0, abs=5.01e-4)
    assert max(expected) > .2


def test_small_videos_cost_little():
    # 20 frames of 192 x 320 with 7 objects and 10 tracks
    rows, cols = np.mgrid[:192, :320]
    frames = []
    for frame in range(20):
        centres = [(20 + 15 * i, 10 + 28 * i + 2 * frame) for i in range(10)]
        masks = np.stack([(rows - y)**2 + (cols - x)**2 < 400
                          for y, x in centres])
        frames.append(masks)
    samples = [
        dict(
            video_id=1,
            frame_id=index,
            ori_video_length=20,
            ori_shape=(192, 320),
            instances=[
                dict(instance_id=i + 1, bbox_label=i % 3, mask=rle)
                for i, rle in enumerate(encode_masks(masks[:7]))
            ],
            pred_track_instances=dict(
                instances_id=torch.arange(10),
                labels=torch.arange(10) % 3,
                scores=torch.full((10, ), .5),
                masks=masks)) for index, masks in enumerate(frames)
    ]
    metric = VISMetric()
    metric.dataset_meta = dict(classes=('a', 'b', 'c'))
    start = time.process_time()
    for sample in samples:
        metric.process(None, [sample])
    results = metric.evaluate(1)
    seconds = time.process_time() - start
    assert results['vis/AR10'] == pytest.approx(1)
    # takes 0.03 s; 20 times that points to a loop over pixels or pairs
    assert seconds < 0.6
