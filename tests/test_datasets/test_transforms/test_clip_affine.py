import copy

import numpy as np
import pytest
from mmcv.transforms import TransformBroadcaster
from mmdet.structures.mask import BitmapMasks

from mmvis_plugin.datasets.transforms import ClipAffine
from mmvis_plugin.datasets.transforms.pseudo_motion import tight_boxes

HEIGHT, WIDTH = 60, 90


def clip(num_frames):
    """A square that stands still, as lists over the frames."""
    masks = np.zeros((1, HEIGHT, WIDTH), dtype=np.uint8)
    masks[0, 20:40, 30:50] = 1
    image = np.full((HEIGHT, WIDTH, 3), 10, dtype=np.uint8)
    image[masks[0] > 0] = 250
    frame = dict(
        img=image,
        gt_bboxes=tight_boxes(masks),
        gt_bboxes_labels=np.zeros(1, dtype=int),
        gt_instances_ids=np.ones(1, dtype=np.int32),
        gt_ignore_flags=np.zeros(1, dtype=bool),
        gt_masks=BitmapMasks(masks, HEIGHT, WIDTH))
    return {
        key: [copy.deepcopy(value) for _ in range(num_frames)]
        for key, value in frame.items()
    }


@pytest.mark.parametrize('share', [True, False])
def test_frames_of_a_clip_share_the_draw(share):
    np.random.seed(0)
    moved = TransformBroadcaster(
        transforms=[ClipAffine(max_angle=30.)], share_random_params=share)(
            clip(3))
    boxes = np.stack(moved['gt_bboxes'])
    assert (boxes == boxes[0]).all() == share
    assert not (boxes == clip(1)['gt_bboxes'][0]).all()


def test_clips_draw_anew():
    np.random.seed(0)
    transform = TransformBroadcaster(
        transforms=[ClipAffine()], share_random_params=True)
    boxes = [transform(clip(2))['gt_bboxes'][0].tolist() for _ in range(4)]
    assert len({str(box) for box in boxes}) == 4


@pytest.mark.parametrize('part', [0.5, 1.0, 2.0])
def test_sides_change_by_the_zoom(part):
    np.random.seed(1)
    moved = TransformBroadcaster(
        transforms=[ClipAffine(crop_range=(part, part))],
        share_random_params=True)(
            clip(1))
    masks = moved['gt_masks'][0].masks
    if len(masks) and part >= 1:
        x1, y1, x2, y2 = moved['gt_bboxes'][0][0]
        assert x2 - x1 == pytest.approx(20 / part, abs=1)
        assert y2 - y1 == pytest.approx(20 / part, abs=1)
    bright = moved['img'][0][..., 0] > 180
    assert (masks.any(axis=0) ^ bright).mean() < 0.03


def test_a_wrong_range_is_explained():
    with pytest.raises(ValueError, match='crop_range=.*ClipAffine'):
        ClipAffine(crop_range=(1.2, 0.8))
