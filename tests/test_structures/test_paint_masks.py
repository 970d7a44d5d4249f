import doctest

import numpy as np
import pytest
import torch

from mmvis_plugin.structures import encode_masks
from mmvis_plugin.structures import paint_masks
from mmvis_plugin.structures import paint_masks as function
from mmvis_plugin.structures.paint_masks import __name__ as module_name


def painted_by_loop(masks, scores, size, min_area=0, min_keep=0.):
    """Paint pixel by pixel; repeat without the masks that fall short."""

    def paint(chosen):
        top = np.full(size, -1)
        for y, x in np.ndindex(*size):
            here = [i for i in chosen if masks[i][y, x]]
            if here:
                top[y, x] = max(here, key=lambda i: (scores[i], i))
        return top

    first = paint(range(len(masks)))
    kept = [
        i for i, mask in enumerate(masks)
        if (first == i).sum() >= max(min_area, min_keep * mask.sum())
    ]
    return paint(kept)


@pytest.mark.parametrize('seed', range(6))
@pytest.mark.parametrize('min_area, min_keep', [(0, 0.), (8, 0.), (0, .5),
                                                (5, .3)])
def test_equals_a_loop_in_every_form(seed, min_area, min_keep, monkeypatch):
    rng = np.random.default_rng(seed)
    size, number = (9, 13), 7
    masks = np.zeros((number, *size), dtype=bool)
    for mask in masks[:-1]:
        y, x = rng.integers(0, 7, 2)
        mask[y:y + rng.integers(1, 6), x:x + rng.integers(1, 8)] = True
    scores = rng.integers(0, 4, number) / 4
    expected = painted_by_loop(masks, scores, size, min_area, min_keep)
    codes = encode_masks(masks)
    texts = [dict(c, counts=c['counts'].decode()) for c in codes]
    # several masks per chunk, and one
    for limit in (2**20, 1):
        monkeypatch.setitem(function.__globals__, '_CHUNK_BYTES', limit)
        for form in (masks, torch.from_numpy(masks), masks * 3., codes, texts):
            top = paint_masks(form, scores, size, min_area, min_keep)
            assert top.dtype == np.int32
            assert (top == expected).all()
        top = paint_masks(codes, torch.tensor(scores), size, min_area,
                          min_keep)
        assert (top == expected).all()


def test_what_a_dropped_mask_covered_comes_to_light():
    masks = np.zeros((3, 4, 4), dtype=bool)
    masks[0] = True
    masks[1, 1:3, 1:3] = True
    masks[2, 1, 1] = True
    top = paint_masks(masks, [.1, .5, .9], (4, 4), min_area=2)
    assert top[1, 1] == 1 and (top == 1).sum() == 4 and (top == 0).sum() == 12
    top = paint_masks(masks, [.1, .5, .9], (4, 4), min_area=4)
    # 3 of the 4 pixels of mask 1 were visible below mask 2
    assert (top == 0).all()


def test_nothing_and_wrong_sizes():
    for nothing in ([], np.zeros((0, 3, 5)), torch.zeros(0, 3, 5)):
        assert (paint_masks(nothing, [], (3, 5), min_area=1) == -1).all()
    mask = np.ones((1, 3, 5), dtype=bool)
    with pytest.raises(ValueError, match=r'size \(3, 5\), expected \(5, 3\)'):
        paint_masks(mask, [1.], (5, 3))
    with pytest.raises(ValueError, match=r'size \(3, 5\), expected \(5, 3\)'):
        paint_masks(encode_masks(mask), [1.], (5, 3))
    with pytest.raises(ValueError, match='1 masks and 2 scores'):
        paint_masks(mask, [1., 2.], (3, 5))


def test_examples():
    import sys
    assert doctest.testmod(sys.modules[module_name]).failed == 0
