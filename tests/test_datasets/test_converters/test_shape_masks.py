import base64
import io

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_utils

from mmvis_plugin.datasets.converters import shape_masks
from mmvis_plugin.datasets.converters.shape_masks import box_mask, paste_mask

SIZE = (12, 20)


def pixels(rle):
    assert list(rle['size']) == list(SIZE)
    return mask_utils.decode(rle).astype(bool)


def block(rows, cols):
    mask = np.zeros(SIZE, dtype=bool)
    mask[slice(*rows), slice(*cols)] = True
    return mask


def test_polygon_and_box_on_whole_pixels():
    points = [(3, 2), (9, 2), (9, 7), (3, 7)]
    assert np.array_equal(
        pixels(shape_masks.polygon_mask(points, SIZE)), block((2, 7), (3, 9)))
    for corners in ([(3, 2), (9, 7)], [(9, 7), (3, 2)], [(3, 7), (9, 2)]):
        assert np.array_equal(
            pixels(box_mask(corners, SIZE)), block((2, 7), (3, 9)))


def test_a_turned_box_stands_on_its_side():
    # 6 x 2 about (10, 6) becomes 2 x 6
    turned = pixels(box_mask([(7, 5), (13, 7)], SIZE, 90.))
    assert np.array_equal(turned, block((3, 9), (9, 11)))


def test_turns_are_clockwise():
    # the right end of a flat box goes down, where y is larger
    turned = pixels(box_mask([(6, 5), (14, 7)], SIZE, 30.))
    assert turned[7, 12] and not turned[4, 12]
    turned = pixels(shape_masks.ellipse_mask((10, 6), (5, 1), SIZE, 30.))
    assert turned[7, 12] and not turned[4, 12]


@pytest.mark.parametrize('radii, degrees', [((4, 4), 0.), ((5, 2), 0.),
                                            ((5, 2), 70.)])
def test_ellipse_pixel_by_pixel(radii, degrees):
    found = pixels(shape_masks.ellipse_mask((9.5, 6.), radii, SIZE, degrees))
    angle = np.deg2rad(degrees)
    for y in range(SIZE[0]):
        for x in range(SIZE[1]):
            dx, dy = x + .5 - 9.5, y + .5 - 6.
            u = dx * np.cos(angle) + dy * np.sin(angle)
            v = -dx * np.sin(angle) + dy * np.cos(angle)
            inside = (u / radii[0])**2 + (v / radii[1])**2 <= 1
            assert found[y, x] == inside


@pytest.mark.parametrize('corner', [(0, 0), (3, 4), (-2, 5), (17, 10),
                                    (-9, -9), (40, 3), (2.4, 3.5)])
def test_pasted_masks_are_cut_at_the_border(corner):
    mask = np.random.default_rng(0).random((5, 6)) < 0.5
    found = pixels(paste_mask(mask, corner, SIZE))
    left, top = int(np.floor(corner[0] + .5)), int(np.floor(corner[1] + .5))
    for y in range(SIZE[0]):
        for x in range(SIZE[1]):
            inside = 0 <= y - top < 5 and 0 <= x - left < 6
            assert found[y, x] == (inside and mask[y - top, x - left])


def test_stored_masks():
    mask = np.random.default_rng(1).random((5, 6)) < 0.5
    mask[0, 0] = True  # the first run is then empty
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(buffer, 'png')
    text = base64.b64encode(buffer.getvalue()).decode()
    expected = pixels(paste_mask(mask, (4, 3), SIZE))
    assert np.array_equal(
        pixels(shape_masks.png_mask(text, (4, 3), SIZE)), expected)
    runs, value = [0], False
    for pixel in mask.flatten():  # row by row
        if pixel != value:
            runs.append(0)
            value = pixel
        runs[-1] += 1
    assert np.array_equal(
        pixels(shape_masks.run_mask(runs, (4, 3), (5, 6), SIZE)), expected)


@pytest.mark.parametrize('call, message', [
    (lambda: shape_masks.check_points([[0, 0], [1]], 2),
     'no list of finite pairs'),
    (lambda: shape_masks.check_points([[0, 0], [1, float('nan')]], 2),
     'finite pairs'),
    (lambda: shape_masks.check_points(None, 2), 'no list of finite pairs'),
    (lambda: shape_masks.check_points([[0, 0]], 3),
     '1 points, expected at least 3'),
    (lambda: shape_masks.ellipse_mask((1, 1),
                                      (0, 2), SIZE), 'radius 0, expected'),
    (lambda: shape_masks.png_mask('?', (0, 0), SIZE), 'no picture in base64'),
    (lambda: shape_masks.png_mask(None, (0, 0), SIZE), 'no picture in base64'),
    (lambda: shape_masks.run_mask([3, 3], (0, 0),
                                  (2, 4), SIZE), 'runs of 6 pixels, '
     'expected 2 x 4 = 8'),
    (lambda: shape_masks.run_mask([9, -1], (0, 0),
                                  (2, 4), SIZE), 'expected 2 x 4'),
    (lambda: shape_masks.run_mask([400], (0, 0),
                                  (20, 20), SIZE), 'larger than the'),
])
def test_wrong_shapes(call, message):
    with pytest.raises(ValueError, match=message):
        call()
