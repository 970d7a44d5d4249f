"""Tracks of a test run are written, one record per video."""
import pickle

import pytest
import torch
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.structures import InstanceData, PixelData

from mmvis_plugin.evaluation.metrics.dump_track_results import DumpTrackResults
from mmvis_plugin.structures import decode_panoptic_map


def window(video_id: int, frames: range, **metainfo) -> dict:
    """Return the result of a window as the evaluator hands it over."""
    samples = []
    for t in frames:
        sample = DetDataSample(
            metainfo=dict(
                video_id=video_id,
                video_name=f'v{video_id}',
                frame_id=t,
                img_path=f'{t}.jpg',
                ori_shape=(4, 6)))
        sample.gt_instances = InstanceData(labels=torch.zeros(1))
        sample.pred_track_instances = InstanceData(
            instances_id=torch.tensor([3]),
            scores=torch.tensor([0.1 * t]),
            masks=[dict(size=[4, 6], counts=b'08')])
        samples.append(sample)
    track = TrackDataSample(metainfo=metainfo)
    track.video_data_samples = samples
    return track.to_dict()


def test_windows_are_joined_and_provisional_ones_left_out(tmp_path):
    path = str(tmp_path / 'tracks.pkl')
    metric = DumpTrackResults(path)
    metric.process(None, [window(2, range(2)), window(2, range(2, 3))])
    metric.process(None, [window(1, range(1), provisional=True)])
    metric.process(None, [window(1, range(2))])
    assert metric.evaluate(size=2) == {}

    with open(path, 'rb') as file:
        videos = pickle.load(file)
    assert [video['video_name'] for video in videos] == ['v1', 'v2']
    frames = videos[1]['frames']
    assert [frame['frame_id'] for frame in frames] == [0, 1, 2]
    assert frames[2]['masks'] == [dict(size=[4, 6], counts=b'08')]
    assert frames[2]['scores'].item() == pytest.approx(0.2)
    assert 'gt_instances' not in frames[0]
    assert metric.results == []


def test_maps_and_nothing(tmp_path):
    path = str(tmp_path / 'maps.pkl')
    metric = DumpTrackResults(path)
    sample = window(3, range(1))
    frame = sample['video_data_samples'][0]
    codes = torch.tensor([[255, 13], [5001, 999_002]])
    frame.pred_panoptic_seg = PixelData(sem_seg=codes[None])
    del frame.pred_track_instances
    metric.process(None, [sample])
    metric.evaluate(size=1)
    with open(path, 'rb') as file:
        record = pickle.load(file)[0]['frames'][0]
    assert decode_panoptic_map(record['panoptic_png'],
                               'x').tolist() == codes.tolist()
    del frame.pred_panoptic_seg
    with pytest.raises(ValueError, match='video 3, frame 0: neither pred'):
        metric.process(None, [sample])


def test_the_name_of_the_file(tmp_path):
    with pytest.raises(ValueError, match='pkl'):
        DumpTrackResults(str(tmp_path / 'tracks.json'))
