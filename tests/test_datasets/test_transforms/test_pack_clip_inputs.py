import numpy as np
import pytest
import torch
from mmdet.structures import TrackDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks

from mmvis_plugin.datasets.transforms import PackClipInputs
from mmvis_plugin.utils.errors import AnnotationError


def clip(*counts, size=(4, 6)):
    rng = np.random.default_rng(0)
    results = dict(
        img=[rng.integers(0, 255, (*size, 3), dtype=np.uint8) for _ in counts],
        img_path=[f'{t}.png' for t in range(len(counts))],
        img_id=list(range(len(counts))))
    for n in counts:
        results.setdefault('gt_bboxes', []).append(
            np.arange(4 * n, dtype=np.float32).reshape(n, 4))
        results.setdefault('gt_bboxes_labels', []).append(np.arange(n))
        results.setdefault('gt_instances_ids',
                           []).append(np.arange(n, dtype=np.int32) + 10)
        results.setdefault('gt_ignore_flags', []).append(np.arange(n) == 1)
        results.setdefault('gt_masks', []).append(
            BitmapMasks(
                np.arange(n, dtype=np.uint8)[:, None, None] * np.ones(
                    (n, *size), dtype=np.uint8), *size))
    return results


def test_inputs_and_instances():
    results = clip(3, 0)
    packed = PackClipInputs()(results)
    inputs, sample = packed['inputs'], packed['data_samples']
    assert inputs.shape == (2, 3, 4, 6) and inputs.dtype == torch.uint8
    assert inputs.is_contiguous()
    assert np.array_equal(inputs[1].permute(1, 2, 0), results['img'][1])
    assert isinstance(sample, TrackDataSample)
    valid, ignored = sample[0].gt_instances, sample[0].ignored_instances
    assert valid.instances_ids.tolist() == [10, 12]
    assert ignored.instances_ids.tolist() == [11]
    assert valid.labels.tolist() == [0, 2]
    assert valid.bboxes.tolist() == [[0, 1, 2, 3], [8, 9, 10, 11]]
    assert valid.masks.masks[:, 0, 0].tolist() == [0, 2]
    assert ignored.masks.masks[:, 0, 0].tolist() == [1]


@pytest.mark.parametrize('field', ['gt_instances', 'ignored_instances'])
def test_empty_frames_keep_shapes_and_types(field):
    instances = getattr(PackClipInputs()(clip(0))['data_samples'][0], field)
    assert instances.bboxes.shape == (0, 4)
    assert instances.bboxes.dtype == torch.float32
    assert instances.labels.dtype == torch.int64
    assert instances.instances_ids.dtype == torch.int32
    assert instances.masks.masks.shape == (0, 4, 6)


def test_box_types_become_tensors():
    results = clip(2)
    results['gt_bboxes'] = [HorizontalBoxes(results['gt_bboxes'][0])]
    boxes = PackClipInputs()(results)['data_samples'][0].gt_instances.bboxes
    assert type(boxes) is torch.Tensor and boxes.tolist() == [[0, 1, 2, 3]]


def test_metainfo_per_frame_and_key_frames():
    results = clip(1, 1, 1)
    results.update(
        src_frame=[5, 10, 15],
        flip=[False] * 3,
        extra=['a', 'b', 'c'],
        key_frame_flags=[False, True, False])
    sample = PackClipInputs(meta_keys=['extra'])(results)['data_samples']
    assert [f.src_frame for f in sample] == [5, 10, 15]
    assert [f.extra for f in sample] == ['a', 'b', 'c']
    assert sample.key_frames_inds == [1]
    assert sample.ref_frames_inds == [0, 2]


def test_without_annotations_nothing_is_made_up():
    results = {k: v for k, v in clip(1).items() if not k.startswith('gt_')}
    frame = PackClipInputs()(results)['data_samples'][0]
    assert 'bboxes' not in frame.gt_instances


def test_semantic_maps_are_packed():
    results = clip(1, 1)
    results['gt_seg_map'] = [np.full((4, 6), t, np.uint8) for t in (3, 255)]
    maps = [
        f.gt_sem_seg.sem_seg for f in PackClipInputs()(results)['data_samples']
    ]
    assert [m.shape for m in maps] == [(1, 4, 6)] * 2
    assert [int(m.unique()) for m in maps] == [3, 255]


def test_frames_of_several_sizes():
    results = clip(1, 1)
    results['img'][1] = results['img'][1][:3]
    with pytest.raises(AnnotationError) as error:
        PackClipInputs()(results)
    assert str(error.value) == (
        '1.png: frame size (3, 6), expected (4, 6) (height, width) as in the '
        'other frames of its clip')
