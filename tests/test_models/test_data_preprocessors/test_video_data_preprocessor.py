import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample, TrackDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData, PixelData

from mmvis_plugin.registry import MODELS

SIZES = [(5, 9), (7, 6)]
INFO = [dict(id=3), dict(id=70000)]


def instances(num, size):
    return InstanceData(
        bboxes=torch.zeros(num, 4),
        masks=BitmapMasks(np.ones((num, *size), np.uint8), *size))


def clip(size, num_frames=2, with_maps=True):
    frames = []
    for t in range(num_frames):
        frame = DetDataSample(metainfo=dict(img_shape=size, frame_id=t))
        frame.gt_instances = instances(2, size)
        frame.ignored_instances = instances(t, size)
        if with_maps:
            frame.gt_sem_seg = PixelData(
                sem_seg=torch.full((1, *size), t, dtype=torch.uint8))
            frame.gt_panoptic_seg = PixelData(
                metainfo=dict(segments_info=INFO),
                pan_seg=torch.full((1, *size), 70000, dtype=torch.int32))
        frames.append(frame)
    sample = TrackDataSample()
    sample.video_data_samples = frames
    return sample


def batch(**kwargs):
    return dict(
        inputs=[
            torch.full((2, 3, *size), 10 + i, dtype=torch.uint8)
            for i, size in enumerate(SIZES)
        ],
        data_samples=[clip(size, **kwargs) for size in SIZES])


def build(**kwargs):
    return MODELS.build(
        dict(
            type='VideoDataPreprocessor',
            mean=[1., 2., 3.],
            std=[2., 2., 2.],
            bgr_to_rgb=True,
            pad_size_divisor=4,
            **kwargs))


@pytest.mark.parametrize('divisor, whole', [(4, (8, 12)), (1, (7, 9)),
                                            (32, (32, 32))])
def test_frames_masks_and_maps_share_the_padded_size(divisor, whole):
    processor = build()
    processor.pad_size_divisor = divisor
    out = processor(batch(), training=True)
    assert out['inputs'].shape == (2, 2, 3, *whole)
    for i, (height, width) in enumerate(SIZES):
        image = out['inputs'][i, 1]
        assert image[:, height:].eq(0).all()
        assert image[:, :, width:].eq(0).all()
        assert image[:, 0, 0].tolist() == [(10 + i - m) / 2 for m in (1, 2, 3)]
        for t, frame in enumerate(out['data_samples'][i]):
            check_frame(frame, whole, (height, width), t)


def check_frame(frame, whole, size, t):
    """Compare a frame with maps that are pasted into the padding."""
    height, width = size
    assert frame.batch_input_shape == whole
    sem = np.full(whole, 255)
    sem[:height, :width] = t
    pan = np.zeros(whole)
    pan[:height, :width] = 70000
    assert frame.gt_sem_seg.sem_seg.dtype == torch.uint8
    assert frame.gt_panoptic_seg.pan_seg.dtype == torch.int32
    assert np.array_equal(frame.gt_sem_seg.sem_seg[0], sem)
    assert np.array_equal(frame.gt_panoptic_seg.pan_seg[0], pan)
    assert frame.gt_panoptic_seg.segments_info == INFO
    for found, num in ((frame.gt_instances, 2), (frame.ignored_instances, t)):
        assert found.masks.masks.shape == (num, *whole)
        assert np.array_equal(found.masks.masks,
                              np.repeat([pan > 0], num, axis=0))


def test_maps_are_left_alone_in_test_and_on_request():
    for processor, training in ((build(), False), (build(pad_seg=False),
                                                   True)):
        frame = processor(batch(), training)['data_samples'][0][0]
        assert frame.gt_sem_seg.sem_seg.shape == (1, *SIZES[0])
        assert frame.gt_panoptic_seg.pan_seg.shape == (1, *SIZES[0])
    frame = build(pad_mask=False)(batch(), True)['data_samples'][0][0]
    assert frame.gt_instances.masks.masks.shape == (2, *SIZES[0])


def test_samples_without_maps_or_masks_pass():
    data = batch(with_maps=False)
    for frame in data['data_samples'][0]:
        del frame.gt_instances.masks
    out = build()(data, training=True)
    first, second = (sample[0] for sample in out['data_samples'])
    assert 'gt_sem_seg' not in first and 'masks' not in first.gt_instances
    # the first sample does not decide for the second
    assert second.gt_instances.masks.masks.shape == (2, 8, 12)
    inputs = build()(dict(inputs=batch()['inputs'], data_samples=None), True)
    assert inputs['inputs'].shape == (2, 2, 3, 8, 12)
