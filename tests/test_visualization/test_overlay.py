import numpy as np
import pytest
import torch
from mmdet.structures.mask import BitmapMasks, PolygonMasks

from mmvis_plugin.structures import encode_masks
from mmvis_plugin.visualization import overlay

H, W = 20, 30
COLORS = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250]], dtype=np.uint8)


def rectangles(*boxes):
    masks = np.zeros((len(boxes), H, W), dtype=np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes):
        mask[y1:y2, x1:x2] = 1
    return masks


@pytest.mark.parametrize('form', [
    lambda m: encode_masks(m),
    lambda m: [dict(r, counts=r['counts'].decode()) for r in encode_masks(m)],
    lambda m: m, lambda m: m.astype(bool), lambda m: torch.from_numpy(m),
    lambda m: torch.from_numpy(m).bool(), lambda m: BitmapMasks(m, H, W)
])
@pytest.mark.parametrize('num', [0, 1, 3])
def test_every_form_of_masks(form, num):
    masks = (np.random.default_rng(0).random((num, H, W)) < 0.4)
    masks = masks.astype(np.uint8)
    dense = overlay.dense_masks(form(masks), H, W)
    assert dense.dtype == np.uint8 and dense.flags.c_contiguous
    np.testing.assert_array_equal(dense, masks)


def test_polygons_become_masks():
    polygons = PolygonMasks([[np.array([2., 3, 12, 3, 12, 9, 2, 9])]], H, W)
    dense = overlay.dense_masks(polygons, H, W)
    np.testing.assert_array_equal(dense, rectangles((2, 3, 12, 9)))


@pytest.mark.parametrize('masks, message', [
    (np.zeros((1, H, W + 1), bool), '20x31.*20x30.*original resolution'),
    (encode_masks(np.ones((1, H + 2, W), bool)), '22x30.*20x30'),
    (encode_masks(np.ones(
        (1, H, W), bool)) + encode_masks(np.ones(
            (1, W, H), bool)), 'different sizes'),
])
def test_masks_of_another_frame_are_refused(masks, message):
    with pytest.raises(ValueError, match=message) as error:
        overlay.dense_masks(masks, H, W)
    assert '\n' not in str(error.value)


def blend_by_pixel(image, masks, colors, alpha):
    out = image.astype(float)
    for y in range(H):
        for x in range(W):
            hit = [i for i in range(len(masks)) if masks[i, y, x]]
            if hit:
                top = min(hit, key=lambda i: masks[i].sum())
                out[y, x] = (1 - alpha) * image[y, x] + alpha * colors[top]
    return out


@pytest.mark.parametrize('alpha', [0., 0.45, 1.])
def test_blend_equals_the_loop(alpha):
    image = np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8)
    before = image.copy()
    masks = rectangles((5, 5, 8, 9), (2, 2, 22, 18), (7, 6, 16, 12))
    out = overlay.blend_masks(image, masks, COLORS, alpha)
    wanted = blend_by_pixel(image, masks, COLORS, alpha)
    assert np.abs(out - wanted).max() <= 0.5 + 1e-6
    np.testing.assert_array_equal(image, before)


def test_blend_of_many_and_of_no_masks():
    image = np.zeros((H, W, 3), np.uint8)
    out = overlay.blend_masks(image, rectangles(), COLORS[:0], 0.5)
    assert not out.any() and out is not image
    masks = rectangles((0, 0, 9, 9)).repeat(300, axis=0)
    colors = np.full((300, 3), 200, np.uint8)
    assert overlay.blend_masks(image, masks, colors, 1.)[3, 3, 0] == 200


def test_mask_boxes():
    masks = rectangles((3, 4, 10, 6), (0, 0, W, H), (1, 1, 1, 1),
                       (29, 19, 30, 20))
    np.testing.assert_array_equal(
        overlay.mask_boxes(masks),
        [[3, 4, 10, 6], [0, 0, W, H], [0] * 4, [29, 19, 30, 20]])
    assert overlay.mask_boxes(masks[:0]).shape == (0, 4)


def test_resize_keeps_straight_borders():
    small = rectangles((4, 4, 12, 10))
    large = overlay.resize_masks(small, 3 * H, 3 * W)
    x1, y1, x2, y2 = overlay.mask_boxes(large)[0]
    assert (x1, y1, x2, y2) == (12, 12, 36, 30)
    assert overlay.resize_masks(small, H, W) is small


def test_contours_follow_the_border():
    image = np.zeros((H, W, 3), np.uint8)
    overlay.draw_contours(image, rectangles((5, 5, 15, 15)), COLORS, 1)
    for y, x in ((5, 5), (5, 10), (14, 14), (10, 5)):
        assert image[y, x, 0] > 150
    assert not image[10, 10].any() and not image[2, 2].any()


@pytest.mark.parametrize('box', [(4, 4, 12, 12), (-5, -5, 12, 12)])
def test_boxes(box):
    image = np.zeros((H, W, 3), np.uint8)
    overlay.draw_boxes(image, np.array([box], float), COLORS, 1)
    assert image[8, 12, 0] > 150 and not image[8, 8].any()


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, 1e30])
def test_wild_boxes_do_not_break_the_drawing(value):
    image = np.zeros((H, W, 3), np.uint8)
    boxes = np.array([[value, 2, 9, 9], [2, 2, 9, 9]])
    overlay.draw_boxes(image, boxes, COLORS[:2], 1)
    assert image[5, 9, 1] > 150


def test_trail_passes_its_points():
    image = np.full((H, W, 3), 90, np.uint8)
    trail = np.array([[3., 10.], [12., 10.], [25., 10.]])
    overlay.draw_trails(image, [trail], COLORS[:1], 1)
    assert (image[10, 4:24] @ [1, -1, -1] > 180).all()
    assert image[2, 3].tolist() == [90, 90, 90]
