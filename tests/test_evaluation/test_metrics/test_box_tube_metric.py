import gzip
import json
import math
import pickle
from pathlib import Path

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmvis_plugin.evaluation import BoxTubeMetric

DATA = Path(__file__).parents[2] / 'data' / 'metrics'


@pytest.fixture(params='ab')
def case(request):
    with gzip.open(DATA / f'box_tube_ap_{request.param}.json.gz') as file:
        return json.load(file)


def corners(box):
    return [box[0], box[1], box[0] + box[2], box[1] + box[3]]


def case_videos(case):
    """Return the frames of each video, lists of ``DetDataSample``."""
    return [[frame_sample(case, video, t) for t in range(video['length'])]
            for video in case['gt']['videos']]


def frame_sample(case, video, t):
    instances = [
        dict(
            instance_id=track['id'],
            bbox_label=track['category_id'] - 1,
            bbox=corners(track['bboxes'][t]),
            ignore_flag=track['iscrowd'])
        for track in case['gt']['annotations']
        if track['video_id'] == video['id'] and track['bboxes'][t]
    ]
    tracks = [(index, item) for index, item in enumerate(case['pred'])
              if item['video_id'] == video['id'] and item['bboxes'][t]]
    sample = DetDataSample(
        metainfo=dict(
            video_id=video['id'],
            frame_id=t,
            ori_video_length=video['length'],
            ori_shape=(video['height'], video['width']),
            has_ann=True,
            instances=instances))
    sample.pred_track_instances = InstanceData(
        instances_id=torch.tensor([i for i, _ in tracks]).long(),
        labels=torch.tensor([p['category_id'] - 1 for _, p in tracks]).long(),
        scores=torch.tensor([p['score'] for _, p in tracks],
                            dtype=torch.float64),
        bboxes=torch.tensor([corners(p['bboxes'][t])
                             for _, p in tracks]).reshape(-1, 4))
    return sample


def build(case, **kwargs):
    metric = BoxTubeMetric(**kwargs)
    metric.dataset_meta = dict(
        classes=[item['name'] for item in case['gt']['categories']],
        video_ids=[item['id'] for item in case['gt']['videos']])
    return metric


def assert_reference(results, expected):
    for key, value in expected.items():
        if value == -1:
            assert math.isnan(results[f'boxtube/{key}']), key
        else:
            assert results[f'boxtube/{key}'] == pytest.approx(
                value, rel=0, abs=1e-9), key


@pytest.mark.parametrize('window', [None, 1, 3])
def test_golden_cases_in_every_mode(case, to_samples, window):
    metric = build(case)
    for sample in reversed(to_samples(case_videos(case), None)):
        frames = [[f for f in sample.video_data_samples]]
        for part in to_samples(frames, window):
            metric.process(None, [part.to_dict()])
    results = metric.evaluate(len(case['gt']['videos']))
    assert_reference(results, case['expected']['stats'])


def test_ranks_and_classes(case, to_samples):
    parts = [build(case, classwise=True) for _ in range(2)]
    for index, sample in enumerate(to_samples(case_videos(case), 2)):
        video = sample.video_data_samples[0].video_id
        parts[video % 2].process(None, [sample.to_dict()])
    records = parts[1].results + parts[0].results
    assert max(len(pickle.dumps(record)) for record in records) < 20000
    results = parts[0].compute_metrics(records + records[:1])
    results = {f'boxtube/{key}': value for key, value in results.items()}
    assert_reference(results, case['expected']['stats'])
    for item in case['gt']['categories']:
        expected = case['expected']['per_category'][str(item['id'])]['AP']
        assert_reference(results, {f'AP_{item["name"]}': expected})


def test_bad_input(case):
    metric = build(case)
    sample = case_videos(case)[0][0].to_dict()
    with pytest.raises(ValueError, match='pred_track_instances is missing'):
        metric.process(None, [{
            k: v
            for k, v in sample.items() if k != 'pred_track_instances'
        }])
    metric = build(case)
    del sample['pred_track_instances']['bboxes']
    with pytest.raises(ValueError, match=r"lacks \['bboxes'\]"):
        metric.process(None, [sample])
    with pytest.raises(ValueError, match="expected 'given' or 'mean'"):
        BoxTubeMetric(track_score='max')
    with pytest.raises(ValueError, match='were not processed'):
        build(case).missing_records([1])
