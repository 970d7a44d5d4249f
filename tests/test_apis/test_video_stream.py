import gc
import tracemalloc

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData

from mmvis_plugin.apis import VideoStream, init_video_model
from mmvis_plugin.apis.video_stream import frame_transforms
from mmvis_plugin.visualization import VideoVisualizer, track_colors
from ..spot_tracker import spot_config, spot_frame


def pipeline_config(*steps):
    return Config(
        dict(test_dataloader=dict(dataset=dict(pipeline=list(steps)))))


RESIZE = dict(type='Resize', scale=(40, 30), keep_ratio=True)


@pytest.mark.parametrize('steps', [
    (dict(type='LoadVideoFrame'), RESIZE, dict(type='PackClipInputs')),
    (dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='mmdet.LoadImageFromFile'), RESIZE,
            dict(type='LoadTrackAnnotations')
        ]), dict(type='PackTrackInputs')),
])
def test_only_loading_and_packing_are_left_out(steps):
    init = init_video_model(spot_config(), device='cpu')
    assert init is not None  # sets the scope
    transforms = frame_transforms(pipeline_config(*steps))
    assert [type(t).__name__ for t in transforms.transforms] == ['Resize']


def test_config_without_pipeline_keeps_frames():
    img = spot_frame(0)
    for cfg in (Config(dict()), Config(dict(test_dataloader=None))):
        assert frame_transforms(cfg)(dict(img=img))['img'] is img


def live_tensors():
    gc.collect()
    return sum(isinstance(o, torch.Tensor) for o in gc.get_objects())


def test_memory_does_not_grow_with_the_stream():
    stream = VideoStream(init_video_model(spot_config(), device='cpu'))
    visualizer = VideoVisualizer(trail_length=10)

    def advance(num):
        for _ in range(num):
            img = np.roll(spot_frame(0), stream.num_frames, axis=1)
            visualizer.overlay(img, stream.step(img))
        return live_tensors(), tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        tensors, size = advance(20)
        later_tensors, later_size = advance(60)
    finally:
        tracemalloc.stop()
    assert later_tensors <= tensors
    # a frame kept would be 14 kB, its overlay 360 kB; 60 of them came
    assert later_size - size < 300e3


def test_panoptic_results_are_handed_on_and_drawn(monkeypatch):
    model = init_video_model(spot_config(), device='cpu')
    sem_seg = torch.zeros(1, 60, 80, dtype=torch.int64)
    sem_seg[:, 20:40] = 1001
    monkeypatch.setattr(
        model, 'online_result', lambda output, state: dict(
            pred_panoptic_seg=PixelData(sem_seg=sem_seg)))
    sample = VideoStream(model).step(spot_frame(0))
    assert 'pred_track_instances' not in sample
    visualizer = VideoVisualizer(
        alpha=1., draw_label=False, draw_contour=False, min_side=0)
    visualizer.dataset_meta = dict(
        classes=('sky', 'car'), palette=[(1, 2, 3), (4, 5, 6)])
    drawn = visualizer.overlay(spot_frame(0), sample)
    wanted = np.full((60, 80, 3), (1, 2, 3), np.uint8)
    wanted[20:40] = track_colors([1])
    np.testing.assert_array_equal(drawn, wanted)


@pytest.mark.parametrize('sizes', [(1, 1, 1, 1), (3, 1), (4, )])
def test_kept_frames_come_back_at_the_end(sizes):
    stream = VideoStream(
        init_video_model(spot_config(), device='cpu'),
        video_id=5,
        video_name='spots')
    firsts = []
    for size in sizes:
        start = stream.num_frames
        firsts.append(
            stream.keep([spot_frame(start + i) for i in range(size)]))
    assert firsts[0].pred_track_instances.instances_id.tolist() == [0]
    assert firsts[1:] == [None] * (len(sizes) - 1)
    found = stream.finish()
    assert [f.frame_id for f in found] == [0, 1, 2, 3]
    assert [len(f.pred_track_instances) for f in found] == [1, 1, 2, 2]
    assert (found[0].video_id, found[0].video_name) == (5, 'spots')
    with pytest.raises(ValueError, match='no frame was kept'):
        stream.finish()
