import cv2
import numpy as np
import pytest
from mmdet.structures.mask import BitmapMasks

from mmvis_plugin.datasets.transforms import PseudoMotion
from mmvis_plugin.datasets.transforms.pseudo_motion import (tight_boxes,
                                                            warp_boxes,
                                                            warp_maps)

HEIGHT, WIDTH = 60, 90


def frame(with_mask=True):
    masks = np.zeros((3, HEIGHT, WIDTH), dtype=np.uint8)
    masks[0, 20:40, 30:60] = 1
    masks[1, 0:3, 0:2] = 1  # lost by most crops
    masks[2, 25:35, 10:20] = 1
    image = np.full((HEIGHT, WIDTH, 3), 10, dtype=np.uint8)
    image[masks[0] > 0] = 250
    results = dict(
        img=image,
        gt_bboxes=tight_boxes(masks),
        gt_bboxes_labels=np.arange(3),
        gt_instances_ids=np.arange(3, dtype=np.int32) + 5,
        gt_ignore_flags=np.array([False, False, True]))
    if with_mask:
        results['gt_masks'] = BitmapMasks(masks, HEIGHT, WIDTH)
    return results


@pytest.fixture(autouse=True)
def seed():
    np.random.seed(3)


@pytest.mark.parametrize('max_angle', [0., 15.])
def test_image_masks_and_boxes_move_together(max_angle):
    for _ in range(20):
        results = PseudoMotion(max_angle=max_angle)(frame())
        assert results['img'].shape == (HEIGHT, WIDTH, 3)
        place = results['gt_instances_ids'].tolist().index(5)
        mask = results['gt_masks'].masks[place] > 0
        bright = results['img'][..., 0] > 130
        # the two only differ along the blended edge of the object
        assert (mask ^ bright).sum() <= 0.05 * mask.sum()
        rows, cols = np.nonzero(mask)
        assert results['gt_bboxes'][place].tolist() == [
            cols.min(), rows.min(),
            cols.max() + 1,
            rows.max() + 1
        ]


def test_objects_that_leave_are_absent_in_every_column():
    lost = 0
    for _ in range(40):
        results = PseudoMotion()(frame())
        number = len(results['gt_bboxes'])
        columns = ('gt_bboxes_labels', 'gt_instances_ids', 'gt_ignore_flags')
        assert all(len(results[key]) == number for key in columns)
        assert len(results['gt_masks']) == number
        assert results['gt_masks'].masks.any(axis=(1, 2)).all()
        assert (results['gt_instances_ids'] -
                5 == results['gt_bboxes_labels']).all()
        lost += 6 not in results['gt_instances_ids']
    assert 0 < lost < 40


def test_crop_covers_its_share_of_each_side():
    for _ in range(100):
        matrix = PseudoMotion((0.8, 1.0))._draw(HEIGHT, WIDTH)
        assert matrix[0, 1] == matrix[1, 0] == 0
        for axis, size in enumerate((WIDTH, HEIGHT)):
            part = matrix[axis, axis]
            first = matrix[axis, 2] + 0.5 - 0.5 * part
            assert 0.8 <= part <= 1.
            assert first >= -1e-9 and first + part * size <= size + 1e-9


def test_no_motion_changes_nothing():
    results = PseudoMotion(crop_range=(1., 1.))(frame())
    expected = frame()
    assert np.array_equal(results['img'], expected['img'])
    assert np.array_equal(results['gt_masks'].masks,
                          expected['gt_masks'].masks)
    assert np.array_equal(results['gt_bboxes'], expected['gt_bboxes'])


def test_boxes_without_masks():
    results = PseudoMotion(crop_range=(1., 1.))(frame(with_mask=False))
    assert np.allclose(results['gt_bboxes'], frame()['gt_bboxes'], atol=1e-4)
    matrix = np.array([[0.8, 0., 5.3], [0., 0.9, 2.1]])
    found = warp_boxes(np.array([[20., 20., 40., 38.]]), matrix, HEIGHT, WIDTH)
    # (x - 0.5 - shift) / scale + 0.5 by hand
    expected = [(20 - 5.8) / 0.8 + .5, (20 - 2.6) / 0.9 + .5,
                (40 - 5.8) / 0.8 + .5, (38 - 2.6) / 0.9 + .5]
    assert np.allclose(found, [expected], atol=1e-4)


def test_masks_are_sampled_at_the_nearest_pixel():
    rng = np.random.default_rng(0)
    masks = (rng.random((4, 20, 30)) > 0.5).astype(np.uint8)
    matrix = np.array([[0.8307, 0.1113, 1.71], [-0.0917, 0.9109, 2.23]])
    found = warp_maps(masks, matrix, 0)
    for y in range(20):
        for x in range(30):
            u, v = np.floor(matrix @ [x, y, 1] + 0.5).astype(int)
            inside = 0 <= u < 30 and 0 <= v < 20
            expected = masks[:, v, u] if inside else np.zeros(4)
            assert np.array_equal(found[:, y, x], expected)
    by_cv2 = cv2.warpAffine(
        masks[0],
        matrix, (30, 20),
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    assert (found[0] != by_cv2).mean() < 0.05


def test_frame_without_objects():
    results = frame()
    for key in list(results):
        if key.startswith('gt_') and key != 'gt_masks':
            results[key] = results[key][:0]
    results['gt_masks'] = results['gt_masks'][np.zeros(0, dtype=int)]
    results = PseudoMotion(max_angle=15.)(results)
    assert results['gt_bboxes'].shape == (0, 4)
    assert results['gt_masks'].masks.shape == (0, HEIGHT, WIDTH)


def test_wrong_range():
    with pytest.raises(ValueError, match='crop_range'):
        PseudoMotion(crop_range=(0.9, 0.8))
