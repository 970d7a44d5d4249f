import numpy as np
import pytest
from pycocotools import mask as mask_utils

from mmvis_plugin.datasets.rle_checks import (check_rle_size, compress_rle,
                                              compress_rle_hook,
                                              polygons_to_rle, run_lengths)


def random_mask(rng, height, width):
    return (rng.random((height, width)) < rng.random()).astype(np.uint8)


def runs_by_loop(mask):
    runs, value, length = [], 0, 0
    for pixel in mask.flatten(order='F').tolist():
        if pixel != value:
            runs.append(length)
            value, length = pixel, 0
        length += 1
    return runs + [length]


def test_run_lengths_decode_what_pycocotools_encodes():
    rng = np.random.default_rng(0)
    sizes = [(1, 1), (3, 2), (17, 40), (300, 200)]
    for height, width in sizes * 5:
        mask = random_mask(rng, height, width)
        rle = mask_utils.encode(np.asfortranarray(mask))
        expected = runs_by_loop(mask)
        assert run_lengths(rle['counts']).tolist() == expected
        assert run_lengths(rle['counts'].decode()).tolist() == expected


def test_compress_rle_is_lossless_for_all_forms_of_counts():
    mask = random_mask(np.random.default_rng(1), 25, 31)
    reference = mask_utils.encode(np.asfortranarray(mask))['counts']
    for counts in (runs_by_loop(mask), reference, reference.decode()):
        rle = compress_rle(dict(size=[25, 31], counts=counts))
        assert rle == dict(size=[25, 31], counts=reference.decode())


@pytest.mark.parametrize('counts, finding', [
    ([10, -2, 92], 'negative run -2'),
    ([10.5, 89.5], 'no integer'),
    ([10, None, 90], 'no integer'),
    ([10, 20], r'add up to 30 pixels, expected 10 x 10 = 100'),
    (None, 'of type NoneType'),
    ('~~~', 'not decodable'),
    (b'\xff\xff', 'not decodable'),
    ('ooooo', 'cut off'),
    ('oooooooo0', 'a run is too long'),
    ('', 'add up to 0 pixels'),
])
def test_broken_counts_are_named(counts, finding):
    with pytest.raises(ValueError, match=finding):
        compress_rle(dict(size=[10, 10], counts=counts))


def test_size_is_height_then_width():
    check_rle_size(dict(size=[4, 6], counts='x'), 4, 6)
    with pytest.raises(ValueError, match=r'\[6, 4\], expected .*\[4, 6\]'):
        check_rle_size(dict(size=[6, 4], counts='x'), 4, 6)
    with pytest.raises(ValueError, match="lacks 'size'"):
        check_rle_size(dict(counts='x'), 4, 6)


def test_hook_compresses_good_lists_and_passes_everything_else():
    good = dict(size=[2, 3], counts=[1, 2, 3])
    assert isinstance(compress_rle_hook(good)['counts'], str)
    for record in (dict(size=[2, 3],
                        counts=[9]), dict(size=[2, 'a'], counts=[6]),
                   dict(counts=[6]), dict(size=[2, 3], counts='06')):
        assert compress_rle_hook(record) is record


def test_polygons_become_one_mask():
    squares = [[1, 1, 4, 1, 4, 4, 1, 4], [6, 6, 8, 6, 8, 8, 6, 8]]
    mask = mask_utils.decode(polygons_to_rle(squares, 10, 12))
    expected = np.zeros((10, 12), dtype=np.uint8)
    expected[1:4, 1:4] = 1
    expected[6:8, 6:8] = 1
    assert np.array_equal(mask, expected)
