"""Crops that show a thing."""
import numpy as np
import pytest
from mmdet.structures.bbox import HorizontalBoxes

from mmvis_plugin.datasets.transforms import ThingCrop


def picture(boxes, height=64, width=128):
    """Return an image whose pixels tell where they were."""
    rows, columns = np.mgrid[:height, :width]
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return dict(
        img=np.stack([rows, columns, 0 * rows], axis=2).astype(np.uint8),
        gt_seg_map=(rows * width + columns).astype(np.int16),
        gt_bboxes=HorizontalBoxes(boxes),
        gt_bboxes_labels=np.arange(len(boxes)),
        gt_ignore_flags=np.zeros(len(boxes), bool))


def test_a_rare_thing_is_found():
    np.random.seed(0)
    # one crop in nine shows it
    crop = ThingCrop(crop_size=(32, 32), max_draws=200)
    for _ in range(20):
        results = picture([[4, 4, 8, 8]])
        found = crop(results)
        row, column = found['img'][0, 0, :2].astype(int)
        assert found['img'].shape == (32, 32, 3)
        assert found['gt_seg_map'][0, 0] == row * 128 + column
        assert row < 8 and column < 8
        box = found['gt_bboxes'].tensor[0].tolist()
        assert box == [
            max(4 - column, 0),
            max(4 - row, 0), 8 - column, 8 - row
        ]
        # draws do not move what was given
        assert results['gt_bboxes'].tensor.tolist() == [[4, 4, 8, 8]]


def test_an_image_without_things_is_cropped_once(monkeypatch):
    draws = []
    crop = ThingCrop(crop_size=(32, 32), max_draws=5)
    monkeypatch.setattr(crop, '_rand_offset',
                        lambda margin: draws.append(margin) or (32, 96))
    found = crop(picture([]))
    assert found['img'][0, 0].tolist() == [32, 96, 0]
    assert len(draws) == 1
    # here the thing is never met: the last crop is without it
    found = crop(picture([[4, 4, 8, 8]]))
    assert len(found['gt_bboxes']) == 0 == len(found['gt_bboxes_labels'])
    assert len(draws) == 1 + 5 + 1


def test_first_crop_with_a_thing_is_taken(monkeypatch):
    offsets = iter([(32, 96), (0, 50), (0, 0), (1, 1)])
    crop = ThingCrop(crop_size=(32, 32))
    monkeypatch.setattr(crop, '_rand_offset', lambda margin: next(offsets))
    found = crop(picture([[4, 4, 8, 8], [60, 40, 70, 50]]))
    assert found['img'][0, 0].tolist() == [0, 0, 0]
    assert found['gt_bboxes_labels'].tolist() == [0]


def test_options():
    with pytest.raises(ValueError, match='max_draws=0 of ThingCrop'):
        ThingCrop(crop_size=(32, 32), max_draws=0)
    assert repr(ThingCrop(crop_size=(32, 32))).endswith('max_draws=10)')
