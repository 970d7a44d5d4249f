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


def feed(metric, samples):
    for sample in samples:
        metric.process(None, [sample.to_dict()])
    return metric


@pytest.mark.parametrize('world_size', [1, 2, 3])
def test_ranks_order_and_classes(case, to_samples, world_size):
    parts = [build(case, classwise=True) for _ in range(world_size)]
    for frames in reversed(case_videos(case)):
        metric = parts[frames[0].video_id % world_size]
        feed(metric, to_samples([frames], 2))
    records = sum((part.results for part in reversed(parts)), [])
    assert max(len(pickle.dumps(record)) for record in records) < 20000
    # a sampler may give a video to two ranks
    results = parts[0].compute_metrics(records + records[:1])
    results = {f'boxtube/{key}': value for key, value in results.items()}
    assert_reference(results, case['expected']['stats'])
    for item in case['gt']['categories']:
        expected = case['expected']['per_category'][str(item['id'])]['AP']
        assert_reference(results, {f'AP_{item["name"]}': expected})


@pytest.mark.parametrize('window', [1, 2])
def test_provisional_windows_and_interleaved_videos(case, to_samples, window):
    streams = [
        to_samples([frames], window, provisional=True)
        for frames in case_videos(case)
    ]
    metric = build(case)
    while any(streams):
        feed(metric, [stream.pop(0) for stream in streams if stream])
    results = metric.evaluate(len(case['gt']['videos']))
    assert_reference(results, case['expected']['stats'])


def test_the_order_of_predictions_in_a_frame_does_not_matter(case, to_samples):
    videos = case_videos(case)
    for frame in (frame for frames in videos for frame in frames):
        pred = frame.pred_track_instances
        frame.pred_track_instances = pred[torch.arange(len(pred)).flip(0)]
    results = feed(build(case), to_samples(videos)).evaluate(len(videos))
    assert_reference(results, case['expected']['stats'])


def test_no_predictions_and_no_tracks(case, to_samples):
    empty = feed(build(case), to_samples(case_videos(dict(case, pred=[]))))
    results = empty.evaluate(len(case['gt']['videos']))
    assert results['boxtube/AP'] == results['boxtube/AR10'] == 0
    gt = dict(case['gt'], annotations=[])
    alone = feed(build(case), to_samples(case_videos(dict(case, gt=gt))))
    assert math.isnan(alone.evaluate(len(gt['videos']))['boxtube/AP'])


def test_frames_without_annotation_are_not_scored(case, to_samples):
    videos = case_videos(case)
    for frames in videos:
        extra = frames[-1].clone()
        extra.set_metainfo(
            dict(frame_id=len(frames), has_ann=False, instances=[]))
        frames.append(extra)
        for frame in frames:
            frame.set_metainfo(dict(ori_video_length=len(frames)))
    results = feed(build(case), to_samples(videos, 3)).evaluate(len(videos))
    assert_reference(results, case['expected']['stats'])


def test_mean_score_and_most_frequent_label(to_samples):
    gt = dict(
        videos=[dict(id=1, length=3, height=9, width=9)],
        categories=[dict(id=1, name='a'),
                    dict(id=2, name='b')],
        annotations=[
            dict(
                id=1,
                video_id=1,
                category_id=2,
                iscrowd=0,
                bboxes=[[0, 0, 4, 4]] * 3)
        ])
    case = dict(gt=gt, pred=[dict(gt['annotations'][0], score=.5)])
    videos = case_videos(case)
    first = videos[0][0].pred_track_instances
    first.labels, first.scores = torch.tensor([0]), torch.tensor([.9])
    metric = feed(build(case, track_score='mean'), to_samples(videos))
    assert metric.evaluate(1)['boxtube/AP'] == pytest.approx(1)
    with pytest.raises(ValueError, match='track 0: 2 scores and 2 labels'):
        feed(build(case), to_samples(videos))


def as_coco_video(gt):
    """Return the annotations of a case as COCO-video JSON."""
    images = [
        dict(
            id=1000 * video['id'] + t,
            video_id=video['id'],
            frame_id=t,
            file_name=f'{video["id"]}/{t:06d}.jpg',
            height=video['height'],
            width=video['width']) for video in gt['videos']
        for t in range(video['length'])
    ]
    boxes = [
        dict(
            image_id=1000 * track['video_id'] + t,
            video_id=track['video_id'],
            instance_id=track['id'],
            category_id=track['category_id'],
            bbox=box,
            area=box[2] * box[3],
            iscrowd=track['iscrowd']) for track in gt['annotations']
        for t, box in enumerate(track['bboxes']) if box
    ]
    return dict(
        videos=[dict(id=v['id'], name=str(v['id'])) for v in gt['videos']],
        images=images,
        annotations=[dict(box, id=i) for i, box in enumerate(boxes)],
        categories=gt['categories'])


def test_missing_videos_count_as_misses(case, to_samples, tmp_path):
    path = tmp_path / 'val.json'
    path.write_text(json.dumps(as_coco_video(case['gt'])))
    lost = case['gt']['videos'][1]['id']
    kept = dict(case, pred=[p for p in case['pred'] if p['video_id'] != lost])
    samples = to_samples(case_videos(kept))
    expected = feed(build(case), samples).evaluate(len(samples))
    del samples[1]
    metric = build(case, allow_missing=True, ann_file=str(path))
    results = feed(metric, samples).evaluate(len(samples) + 1)
    assert str(results) == str(expected)
    with pytest.raises(ValueError, match='of 1 missing videos.* ann_file'):
        feed(build(case, allow_missing=True), samples).evaluate(4)
    metric = build(case, allow_missing=True, ann_file=str(path))
    metric.dataset_meta['video_ids'] += [99]
    with pytest.raises(ValueError, match=r'val.json: 1 .* in it: \[99\]'):
        feed(metric, samples).evaluate(4)


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
    tracks = case_videos(case)[0][0].to_dict()['pred_track_instances']
    sample['pred_track_instances'] = tracks
    tracks['bboxes'] = tracks['bboxes'] * float('nan')
    with pytest.raises(ValueError, match='frame 0: bboxes hold a value that'):
        build(case).process(None, [sample])
    tracks['instances_id'] = tracks['instances_id'] * 0 + 3
    with pytest.raises(ValueError) as error:
        build(case).process(None, [sample])
    message = str(error.value)
    assert 'frame 0: a track id occurs twice among [3, 3' in message
    assert message.endswith('expected once per frame') and '\n' not in message
