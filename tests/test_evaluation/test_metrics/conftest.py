"""Golden cases of mask-tube AP as the samples of a video model."""
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.structures import InstanceData

from mmvis_plugin.evaluation import VISMetric
from mmvis_plugin.structures import encode_masks


def _instances(case, video, frame):
    return [
        dict(
            instance_id=track['id'],
            bbox_label=track['category_id'] - 1,
            bbox=[0., 0., 1., 1.],
            ignore_flag=track['iscrowd'],
            mask=track['segmentations'][frame],
            area=track['areas'][frame]) for track in case['gt']['annotations']
        if track['video_id'] == video['id'] and track['segmentations'][frame]
    ]


def _predictions(case, video, frame):
    # every track is named in every frame, so that their order is the file's
    nothing = encode_masks(np.zeros((1, video['height'], video['width'])))[0]
    tracks = [(index, item) for index, item in enumerate(case['pred'])
              if item['video_id'] == video['id']]
    return InstanceData(
        instances_id=torch.tensor([index for index, _ in tracks]).long(),
        labels=torch.tensor([t['category_id'] - 1 for _, t in tracks]).long(),
        scores=torch.tensor([t['score'] for _, t in tracks],
                            dtype=torch.float64),
        bboxes=torch.zeros(len(tracks), 4),
        masks=[t['segmentations'][frame] or nothing for _, t in tracks])


def case_videos(case, has_ann=True):
    """Return the frames of each video, lists of ``DetDataSample``."""
    videos = []
    for video in case['gt']['videos']:
        frames = []
        for frame in range(video['length']):
            sample = DetDataSample(
                metainfo=dict(
                    video_id=video['id'],
                    video_name=f'name{video["id"]}',
                    frame_id=frame,
                    ori_video_length=video['length'],
                    video_length=video['length'],
                    ori_shape=(video['height'], video['width']),
                    img_id=100 * video['id'] + frame,
                    has_ann=has_ann,
                    instances=_instances(case, video, frame
                                         ) if has_ann else []))
            sample.pred_track_instances = _predictions(case, video, frame)
            frames.append(sample)
        videos.append(frames)
    return videos


def split_videos(videos, window=None, provisional=False):
    """Return samples of whole videos (None) or of windows of frames."""
    samples = []
    for frames in videos:
        step = window or len(frames)
        for start in range(0, len(frames), step):
            is_last = start + step >= len(frames)
            part = frames[start:start + step]
            sample = TrackDataSample()
            sample.video_data_samples = (
                frames if provisional and is_last else part)
            if provisional and not is_last:
                sample.set_metainfo(dict(provisional=True))
            samples.append(sample)
    return samples


@pytest.fixture(scope='session')
def to_videos():
    """Return :func:`case_videos`."""
    return case_videos


@pytest.fixture(scope='session')
def to_samples():
    """Return :func:`split_videos`."""
    return split_videos


@pytest.fixture(scope='session')
def case_meta():
    """Return a function that gives the metainfo of a case's data set."""

    def meta(case):
        return dict(
            classes=tuple(item['name'] for item in case['gt']['categories']),
            video_ids=tuple(item['id'] for item in case['gt']['videos']))

    return meta


@pytest.fixture(scope='session')
def build_metric(case_meta):
    """Return a function that builds a ``VISMetric`` for a case."""

    def build(case, **kwargs):
        metric = VISMetric(**kwargs)
        metric.dataset_meta = case_meta(case)
        return metric

    return build
