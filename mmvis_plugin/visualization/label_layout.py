"""Where labels go: beside their box, inside their region, never on others."""
from typing import Optional, Sequence, Tuple

import cv2
import numpy as np

Rect = Tuple[int, int, int, int]
Size = Tuple[int, int]


def place_at(box: np.ndarray, chip: Size, frame: Size,
             taken: Sequence[Rect]) -> Optional[Rect]:
    """Return the first free place of a label at a box.

    Above it, below it, inside its top, else further down in steps of the
    label's height.

    Args:
        box (np.ndarray): xyxy in pixels.
        chip (tuple[int, int]): Width and height of the label.
        frame (tuple[int, int]): Width and height of the frame.
        taken (Sequence[tuple]): Rectangles xyxy that stay free.

    Returns:
        tuple[int, int, int, int] or None: x1, y1, x2, y2.
    """
    x, top, bottom, step = box[0], box[1], box[3], chip[1]
    wanted = [top - step, bottom, top] + [top + step * i for i in range(1, 6)]
    rects = _rects(np.array([[x, y] for y in wanted]), chip, frame)
    free = _is_free(rects, taken)
    return _as_rect(rects[free.argmax()]) if free.any() else None


def place_near(box: np.ndarray, chip: Size, frame: Size,
               taken: Sequence[Rect]) -> Optional[Rect]:
    """Return the free place of a grid that is nearest to a box.

    Args:
        box (np.ndarray): xyxy in pixels.
        chip (tuple[int, int]): Width and height of the label.
        frame (tuple[int, int]): Width and height of the frame.
        taken (Sequence[tuple]): Rectangles xyxy that stay free.

    Returns:
        tuple[int, int, int, int] or None: x1, y1, x2, y2; None if the frame
        is full.
    """
    xs, ys = (np.arange(0,
                        max(size - edge, 0) + 1, chip[1])
              for size, edge in zip(frame, chip))
    corners = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    rects = _rects(corners, chip, frame)
    rects = rects[_is_free(rects, taken)]
    if len(rects) == 0:
        return None
    gaps = np.maximum(box[:2] - rects[:, 2:], rects[:, :2] - box[2:])
    shifts = (rects[:, :2] + rects[:, 2:] - box[:2] - box[2:]) / 2
    # of places at the same distance, that which lies straight beside
    costs = np.linalg.norm(np.maximum(gaps, 0), axis=1)
    costs += 0.01 * np.linalg.norm(shifts, axis=1)
    return _as_rect(rects[costs.argmin()])


def place_inside(region: np.ndarray, chip: Size, frame: Size,
                 taken: Sequence[Rect]) -> Optional[Rect]:
    """Return the free place whose middle lies deepest in a region.

    Args:
        region (np.ndarray): uint8 mask of 0 and 1 of the frame, possibly
            shrunk.
        chip (tuple[int, int]): Width and height of the label.
        frame (tuple[int, int]): Width and height of the frame.
        taken (Sequence[tuple]): Rectangles xyxy that stay free.

    Returns:
        tuple[int, int, int, int] or None: x1, y1, x2, y2; None if no place
        is free or the region is smaller than the label.

    Shape:
        region: (h, w).
    """
    # padded: the edge of the frame ends the region too
    depth = cv2.distanceTransform(np.pad(region, 1), cv2.DIST_L2, 3)
    depth = depth[1:-1, 1:-1]
    scale = np.array(frame) / [depth.shape[1], depth.shape[0]]
    at = np.argwhere(depth > 0)
    if len(at) * scale.prod() < np.prod(chip):
        return None
    corners = (at[:, ::-1] + 0.5) * scale - np.array(chip) / 2
    rects = _rects(corners, chip, frame)
    free = _is_free(rects, taken)
    if not free.any():
        return None
    return _as_rect(rects[np.where(free, depth[tuple(at.T)], 0).argmax()])


def leader(rect: Rect,
           box: np.ndarray) -> Optional[Tuple[Tuple[int, int], ...]]:
    """Return the line from a label to its box.

    Args:
        rect (tuple[int, int, int, int]): Place of the label, xyxy.
        box (np.ndarray): xyxy in pixels.

    Returns:
        tuple or None: Two points (x, y); None where label and box touch.
    """
    x1, y1, x2, y2 = np.round(box).astype(int)
    start = np.clip([(x1 + x2) // 2, (y1 + y2) // 2], rect[:2], rect[2:])
    stop = np.clip(start, [x1, y1], [max(x1, x2), max(y1, y2)])
    if np.abs(start - stop).max() <= 1:
        return None
    return _as_rect(start), _as_rect(stop)


def _rects(corners: np.ndarray, chip: Size, frame: Size) -> np.ndarray:
    """Return the rectangles of a label at corners (k, 2), kept inside."""
    last = np.maximum(np.subtract(frame, chip), 0)
    first = np.clip(corners, 0, last).astype(int)
    return np.concatenate(
        [first, np.minimum(first + np.array(chip), frame)], axis=1)


def _is_free(rects: np.ndarray, taken: Sequence[Rect]) -> np.ndarray:
    """Tell which rectangles (k, 4) overlap none of the taken ones."""
    if len(taken) == 0:
        return np.ones(len(rects), dtype=bool)
    a, b = rects[:, None], np.asarray(taken)[None]
    meet = (a[..., :2] < b[..., 2:]) & (b[..., :2] < a[..., 2:])
    return ~meet.all(axis=2).any(axis=1)


def _as_rect(values: np.ndarray) -> tuple:
    return tuple(values.tolist())
