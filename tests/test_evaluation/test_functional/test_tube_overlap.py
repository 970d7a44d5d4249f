import numpy as np
import pytest
from pycocotools import mask as mask_utils

from mmvis_plugin.evaluation.functional import tube_areas, tube_iou
from mmvis_plugin.structures import encode_masks


def sav_tubes(source):
    return [[rle if mask_utils.area(rle) else None for rle in tube]
            for tube in zip(*source['masklet'])]


def test_real_tubes_are_exact(metric_data):
    expected = metric_data('sav_tube_iou.json')['expected']
    gt = sav_tubes(metric_data('sav_000001_manual.json.gz'))
    pred = sav_tubes(metric_data('sav_000001_auto.json.gz'))
    assert tube_iou(pred, gt).tolist() == expected['tube_iou']
    for tubes, key in ((gt, 'gt_area_sum'), (pred, 'pred_area_sum')):
        assert tube_areas(tubes, 121).sum(axis=1).tolist() == expected[key]


def test_golden_matrices(ap_case):
    for key, expected in ap_case['expected']['tube_iou'].items():
        video_id, category = map(int, key.split(','))

        def select(items):
            return [
                item for item in items if item['video_id'] == video_id
                and item['category_id'] == category
            ]

        pred = sorted(select(ap_case['pred']), key=lambda item: -item['score'])
        ious = tube_iou(
            [item['segmentations'] for item in pred[:100]],
            [i['segmentations'] for i in select(ap_case['gt']['annotations'])])
        np.testing.assert_allclose(
            ious, np.reshape(expected, ious.shape), rtol=0, atol=1e-12)


def test_bitmaps_give_the_same_as_codes():
    rng = np.random.default_rng(0)
    masks = rng.random((2, 3, 4, 20, 30)) > rng.random((2, 3, 4, 1, 1))
    masks[0, 1, 2] = masks[1, 0, 1] = masks[1, 2] = False
    tubes = [[[
        rle if mask_utils.area(rle) else None for rle in encode_masks(tube)
    ] for tube in side] for side in masks]
    inter = (masks[0][:, None] & masks[1]).sum(axis=(2, 3, 4))
    union = (masks[0][:, None] | masks[1]).sum(axis=(2, 3, 4))
    np.testing.assert_array_equal(tube_iou(*tubes), inter / union)


def test_empty_sides_and_empty_tubes():
    square = encode_masks(np.ones((1, 4, 4)))[0]
    assert tube_iou([], [[square]]).shape == (0, 1)
    assert tube_iou([[square]], []).shape == (1, 0)
    assert tube_iou([], []).shape == (0, 0)
    assert tube_iou([[None, None]], [[None, None]]).tolist() == [[0.]]
    assert tube_iou([[square, None]], [[None, square]]).tolist() == [[0.]]
    assert tube_iou([[square, None]], [[square, square]]).tolist() == [[.5]]


def test_tubes_that_do_not_fit_each_other():
    small, large = (encode_masks(np.ones((1, n, n)))[0] for n in (4, 5))
    with pytest.raises(ValueError, match=r'tubes of \[1, 2\] frames'):
        tube_iou([[small]], [[small, None]])
    with pytest.raises(ValueError, match='frame 1: masks of different sizes'):
        tube_iou([[small, large]], [[small, small]])
