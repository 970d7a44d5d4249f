import copy

import numpy as np
import pytest
from mmcv.transforms import TransformBroadcaster
from mmdet.structures.mask import BitmapMasks

from mmvis_plugin.datasets.transforms import PseudoRotation
from mmvis_plugin.datasets.transforms.pseudo_motion import tight_boxes

HEIGHT, WIDTH = 120, 160


def clip(num_frames, spots):
    """Equal frames with small squares around the spots (x, y)."""
    masks = np.zeros((len(spots), HEIGHT, WIDTH), dtype=np.uint8)
    image = np.full((HEIGHT, WIDTH, 3), 10, dtype=np.uint8)
    for mask, (x, y) in zip(masks, spots):
        mask[y - 2:y + 3, x - 2:x + 3] = 1
        image[mask > 0] = 250
    frame = dict(
        img=image,
        gt_bboxes=tight_boxes(masks),
        gt_bboxes_labels=np.zeros(len(spots), dtype=int),
        gt_instances_ids=np.arange(len(spots), dtype=np.int32),
        gt_ignore_flags=np.zeros(len(spots), dtype=bool),
        gt_masks=BitmapMasks(masks, HEIGHT, WIDTH))
    results = {
        key: [copy.deepcopy(value) for _ in range(num_frames)]
        for key, value in frame.items()
    }
    results['frame_id'] = list(range(num_frames))
    results['ori_video_length'] = [num_frames] * num_frames
    return results


def rotate(results, max_angle=15.):
    return TransformBroadcaster(
        transforms=[PseudoRotation(max_angle)], share_random_params=True)(
            results)


def centres(results):
    """Return the centres of the masks of each frame, (T, N, 2)."""
    return np.array(
        [[np.argwhere(mask).mean(axis=0)[::-1] for mask in masks.masks]
         for masks in results['gt_masks']])


def angles_of(results, start):
    """Return by how many degrees the line of two spots is turned."""
    first, second = centres(results).transpose(1, 0, 2)
    line, before = second - first, np.subtract(start[1], start[0])
    turned = np.arctan2(line[:, 1], line[:, 0]) - np.arctan2(*before[::-1])
    return np.rad2deg(turned)


@pytest.mark.parametrize('num_frames', [3, 5, 15])
def test_angles_grow_or_shrink_over_the_frames(num_frames):
    np.random.seed(0)
    spots = [(60, 40), (100, 80)]
    directions, angles = [], []
    for _ in range(20):
        found = angles_of(rotate(clip(num_frames, spots)), spots)
        steps = np.diff(found)
        # spots are placed to a pixel
        assert (steps > -1).all() or (steps < 1).all()
        directions.append(found[-1] > found[0])
        angles.extend(found)
    assert 3 < sum(directions) < 17
    assert 12 < max(np.abs(angles)) < 16 and np.abs(np.mean(angles)) < 4


def test_all_frames_turn_about_one_point_near_the_middle():
    np.random.seed(1)
    spots = [(60, 40), (100, 80)]
    for _ in range(5):
        results = rotate(clip(5, spots), max_angle=40.)
        turns = np.deg2rad(angles_of(results, spots))
        # q = R (p - c) + c of every frame and spot, solved for c
        rows, values = [], []
        for turn, found in zip(turns, centres(results)):
            rotation = np.array([[np.cos(turn), -np.sin(turn)],
                                 [np.sin(turn), np.cos(turn)]])
            for p, q in zip(spots, found):
                rows.append(np.eye(2) - rotation)
                values.append(q - rotation @ p)
        centre, *_ = np.linalg.lstsq(
            np.concatenate(rows), np.concatenate(values), rcond=None)
        errors = np.concatenate(rows) @ centre - np.concatenate(values)
        assert np.abs(errors).max() < 1.5
        part = centre / (WIDTH, HEIGHT)
        assert (part > 0.36).all() and (part < 0.64).all()


def test_image_and_masks_turn_together():
    np.random.seed(2)
    results = rotate(clip(3, [(60, 40), (100, 80)]))
    for image, masks in zip(results['img'], results['gt_masks']):
        bright = image[..., 0] > 130
        mask = masks.masks.any(axis=0)
        assert (bright ^ mask).sum() <= 0.3 * mask.sum()
        assert image.shape == (HEIGHT, WIDTH, 3)


def test_objects_that_leave_are_absent_from_their_frames_only():
    np.random.seed(3)
    corner = [(3, 3), (80, 60)]
    results = rotate(clip(15, corner), max_angle=30.)
    ids = [found.tolist() for found in results['gt_instances_ids']]
    assert [0, 1] in ids and [1] in ids
    for found, masks in zip(ids, results['gt_masks']):
        assert len(found) == len(masks)


def test_clips_draw_anew():
    np.random.seed(0)
    boxes = [rotate(clip(2, [(80, 20)]))['gt_bboxes'][0] for _ in range(4)]
    assert len({str(box) for box in boxes}) == 4
