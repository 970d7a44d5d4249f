import numpy as np
import pytest

from mmvis_plugin.datasets.transforms import LoadFrameAnnotations
from mmvis_plugin.utils.errors import AnnotationError


def test_arrays_and_masks_of_a_frame(vis):
    image = vis.build().get_data_info(1)['images'][2]
    image['ori_shape'] = (40, 60)
    image['instances'][1]['ignore_flag'] = 1
    results = LoadFrameAnnotations(with_mask=True)(image)
    expected = np.stack([vis.masks[3][2], vis.masks[4][2]])
    assert np.array_equal(results['gt_masks'].masks, expected)
    assert results['gt_masks'].masks.dtype == np.uint8
    assert results['gt_bboxes'].dtype == np.float32
    assert results['gt_bboxes'].tolist() == [[12, 12, 19, 18],
                                             [32, 12, 39, 18]]
    assert results['gt_bboxes_labels'].tolist() == [0, 1]
    assert results['gt_bboxes_labels'].dtype == np.int64
    assert results['gt_instances_ids'].tolist() == [3, 4]
    assert results['gt_instances_ids'].dtype == np.int32
    assert results['gt_ignore_flags'].tolist() == [False, True]


def test_frame_without_objects_keeps_shapes_and_types():
    results = LoadFrameAnnotations(with_mask=True)(
        dict(instances=[], ori_shape=(4, 6)))
    assert results['gt_bboxes'].shape == (0, 4)
    assert results['gt_masks'].masks.shape == (0, 4, 6)
    assert results['gt_masks'].masks.dtype == np.uint8
    assert results['gt_bboxes_labels'].dtype == np.int64
    assert results['gt_instances_ids'].dtype == np.int32
    assert results['gt_ignore_flags'].dtype == bool


def instance(**extra):
    return dict(
        bbox=[0, 0, 3, 3], bbox_label=0, instance_id=2, ignore_flag=0, **extra)


def test_polygons_are_rasterised_here():
    results = LoadFrameAnnotations(with_mask=True)(
        dict(
            instances=[instance(mask=[[1, 1, 3, 1, 3, 3, 1, 3]])],
            ori_shape=(4, 6)))
    assert results['gt_masks'].masks[0, 1:3, 1:3].all()
    assert results['gt_masks'].masks.sum() == 4


def test_masks_of_data_with_boxes_only():
    record = dict(
        instances=[instance()], ori_shape=(4, 6), video_name='v', frame_id=7)
    assert 'gt_masks' not in LoadFrameAnnotations()(dict(record))
    with pytest.raises(AnnotationError) as error:
        LoadFrameAnnotations(with_mask=True)(record)
    assert str(error.value) == (
        'instance 2 of video v, frame 7 has no mask; use with_mask=False for '
        'data with boxes only')
