"""Imitate camera motion on the frames of a pseudo video."""
from typing import Sequence, Tuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.structures.mask import BitmapMasks

from mmvis_plugin.registry import TRANSFORMS
from ..panoptic_codes import VOID_CODE

_COLUMNS = ('gt_bboxes', 'gt_bboxes_labels', 'gt_instances_ids',
            'gt_ignore_flags')


@TRANSFORMS.register_module()
class PseudoMotion(BaseTransform):
    """Crop, and optionally rotate, one frame; the frame size stays.

    Each call draws anew, also inside a broadcaster that shares the random
    parameters of its other transforms: that is what makes a clip of equal
    frames move. Crop, rotation and resize are one sampling of the image.
    Objects that leave the frame are absent from it; the boxes of the others
    become the tight boxes of their masks.

    Args:
        crop_range (tuple[float, float]): Least and largest part of each side
            that a crop covers, drawn per side. Defaults to (0.8, 1.0).
        max_angle (float): Largest rotation, degrees, about a point between
            0.4 and 0.6 of each side. Defaults to 0.
        fill (Sequence[int]): Colour (BGR) of what a rotation brings in from
            outside. Defaults to the mean of ImageNet.

    Source: the crop is a decision of the InsPro recipe, the paper only says
    that COCO is used; the rotation follows CAVIS.
    """

    def __init__(
            self,
            crop_range: Tuple[float, float] = (0.8, 1.0),
            max_angle: float = 0.,
            fill: Sequence[int] = (104, 116, 124),
    ) -> None:
        if not 0 < crop_range[0] <= crop_range[1] <= 1:
            raise ValueError(f'crop_range={crop_range} of PseudoMotion, '
                             'expected 0 < least <= largest <= 1')
        self.crop_range = tuple(crop_range)
        self.max_angle = max_angle
        self.fill = tuple(fill)

    def transform(self, results: dict) -> dict:
        """Move one frame.

        Args:
            results (dict): ``img`` and the ``gt_*`` entries of a frame.
        """
        return self._move(results, self._draw(*results['img'].shape[:2]))

    def _move(self, results: dict, matrix: np.ndarray) -> dict:
        """Sample a frame through the map of :func:`crop_and_turn`."""
        height, width = results['img'].shape[:2]
        results['img'] = cv2.warpAffine(
            results['img'],
            matrix, (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=self.fill)
        if results.get('gt_masks') is not None:
            masks = warp_maps(results['gt_masks'].masks, matrix, 0)
            kept = masks.any(axis=(1, 2))
            results['gt_masks'] = BitmapMasks(masks[kept], height, width)
            boxes = tight_boxes(masks)
        else:
            boxes = warp_boxes(results['gt_bboxes'], matrix, height, width)
            kept = (boxes[:, 2:] - boxes[:, :2] >= 1).all(axis=1)
        if results.get('gt_seg_map') is not None:
            results['gt_seg_map'] = warp_maps(results['gt_seg_map'][None],
                                              matrix, VOID_CODE)[0]
        results['gt_bboxes'] = boxes
        for key in _COLUMNS:
            results[key] = results[key][kept]
        return results

    def _draw(self, height: int, width: int) -> np.ndarray:
        """Return the map from output to input pixel indices, (2, 3)."""
        size = np.array([width, height], dtype=np.float64)
        part = np.random.uniform(*self.crop_range, size=2)
        corner = np.random.uniform(0, 1, size=2) * (1 - part) * size
        angle = np.random.uniform(-self.max_angle, self.max_angle)
        centre = np.random.uniform(0.4, 0.6, size=2) * size
        return crop_and_turn(part, corner, angle, centre)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(crop_range={self.crop_range}, '
                f'max_angle={self.max_angle}, fill={self.fill})')


def crop_and_turn(part: np.ndarray, corner: np.ndarray, angle: float,
                  centre: np.ndarray) -> np.ndarray:
    """Return the map of a crop that is turned about a point.

    Args:
        part (np.ndarray): ``(2, )``, parts of width and height that are seen.
        corner (np.ndarray): ``(2, )``, x and y of the crop, pixels.
        angle (float): Degrees from x to y; the content turns back by them.
        centre (np.ndarray): ``(2, )``, x and y of the point, pixels.

    Shape:
        output: ``(2, 3)``, output to input pixel indices.
    """
    angle = np.deg2rad(angle)
    rotation = np.array([[np.cos(angle), -np.sin(angle)],
                         [np.sin(angle), np.cos(angle)]])
    linear = rotation * part
    # Pixel i covers [i, i + 1), so its centre is i + 0.5.
    shift = rotation @ (corner + 0.5 * part - centre) + centre - 0.5
    return np.concatenate([linear, shift[:, None]], axis=1)


def warp_maps(maps: np.ndarray, matrix: np.ndarray, fill: int) -> np.ndarray:
    """Sample maps at the nearest pixel of an affine map.

    Args:
        maps (np.ndarray): ``(N, H, W)`` masks or maps of numbers.
        matrix (np.ndarray): ``(2, 3)``, output to input pixel indices.
        fill (int): Value where the input ends.

    Shape:
        output: ``(N, H, W)``, of the type of ``maps``.
    """
    height, width = maps.shape[1:]
    rows, cols = np.mgrid[:height, :width]
    grid = np.stack([cols, rows]).reshape(2, -1)
    source = np.floor(matrix[:, :2] @ grid + matrix[:, 2:] + 0.5).astype(int)
    inside = ((source >= 0) & (source < [[width], [height]])).all(axis=0)
    flat = np.where(inside, source[1] * width + source[0], 0)
    warped = maps.reshape(-1, height * width)[:, flat]
    warped[:, ~inside] = fill
    return warped.reshape(maps.shape)


def tight_boxes(masks: np.ndarray) -> np.ndarray:
    """Return the tight boxes of masks, zeros for an empty mask.

    Args:
        masks (np.ndarray): ``(N, H, W)``.

    Shape:
        output: ``(N, 4)`` float32, x1, y1, x2, y2 with x2 = xmax + 1.
    """
    spans = []
    for axis in (1, 2):
        hit = masks.any(axis=axis)
        filled = hit.any(axis=1)
        first = hit.argmax(axis=1)
        last = hit.shape[1] - hit[:, ::-1].argmax(axis=1)
        spans.append((first, np.where(filled, last, 0)))
    (x1, x2), (y1, y2) = spans
    return np.stack([x1, y1, x2, y2], axis=1).astype(np.float32)


def warp_boxes(boxes: np.ndarray, matrix: np.ndarray, height: int,
               width: int) -> np.ndarray:
    """Bound boxes after the inverse of an affine map, cut to the frame.

    Args:
        boxes (np.ndarray): ``(N, 4)`` x1, y1, x2, y2.
        matrix (np.ndarray): ``(2, 3)``, output to input pixel indices.
        height (int): Height of the frame, pixels.
        width (int): Width of the frame, pixels.

    Shape:
        output: ``(N, 4)`` float32.
    """
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    linear, shift = matrix[:, :2], matrix[:, 2]
    moved = (corners - 0.5 - shift) @ np.linalg.inv(linear).T + 0.5
    bounds = np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)
    limit = [width, height, width, height]
    return np.clip(bounds, 0, limit).astype(np.float32)
