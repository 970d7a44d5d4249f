"""Shapes that people draw, as run-length masks.

Coordinates are pixels from the upper left corner of the frame; the centre of
the first pixel is (0.5, 0.5). Everything raises plain ``ValueError`` with the
finding alone; the caller knows the file and the shape.
"""
import base64
import binascii
import io
import math
from typing import Any, List, Sequence, Tuple

import numpy as np
from PIL import Image, UnidentifiedImageError
from pycocotools import mask as mask_utils

from mmvis_plugin.structures import RLE
from ..object_checks import near_numbers

Size = Tuple[int, int]


def check_points(points: Any, at_least: int) -> List[Tuple[float, float]]:
    """Return points as pairs of floats.

    Args:
        points: What a file has.
        at_least (int): Number of points of this shape.

    Raises:
        ValueError: If they are fewer, or not finite pairs.
    """
    if not isinstance(points, list) or any(
            not isinstance(p,
                           (list, tuple)) or len(p) != 2 or not near_numbers(p)
            for p in points):
        raise ValueError('points are no list of finite pairs [x, y]')
    if len(points) < at_least:
        raise ValueError(f'{len(points)} points, expected at least {at_least}')
    return [(float(x), float(y)) for x, y in points]


def polygon_mask(points: Sequence[Tuple[float, float]], size: Size) -> RLE:
    """Fill a polygon as COCO does.

    Args:
        points (Sequence[tuple[float, float]]): At least three.
        size (tuple[int, int]): Height and width of the frame.
    """
    flat = [value for point in points for value in point]
    return mask_utils.frPyObjects([flat], *size)[0]


def box_mask(corners: Sequence[Tuple[float, float]],
             size: Size,
             degrees: float = 0.) -> RLE:
    """Fill a rectangle between two corners, turned about its centre.

    Args:
        corners (Sequence[tuple[float, float]]): Two opposite corners.
        size (tuple[int, int]): Height and width of the frame.
        degrees (float): Clockwise. Defaults to 0.
    """
    (x1, y1), (x2, y2) = corners
    centre = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    offsets = np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)]) - centre
    return polygon_mask(
        [tuple(p) for p in offsets @ _turn(degrees).T + centre], size)


def ellipse_mask(centre: Tuple[float, float],
                 radii: Tuple[float, float],
                 size: Size,
                 degrees: float = 0.) -> RLE:
    """Mark the pixels whose centre lies inside an ellipse or on it.

    Args:
        centre (tuple[float, float]): x and y.
        radii (tuple[float, float]): Half axes in x and y.
        size (tuple[int, int]): Height and width of the frame.
        degrees (float): Clockwise. Defaults to 0.
    """
    if min(radii) <= 0:
        raise ValueError(f'radius {min(radii):g}, expected a positive number')
    y, x = np.mgrid[:size[0], :size[1]] + 0.5
    offsets = np.stack([x - centre[0], y - centre[1]], axis=-1)
    across = offsets @ _turn(degrees) / radii
    return encode((across**2).sum(axis=-1) <= 1)


def png_mask(text: Any, corner: Tuple[float, float], size: Size) -> RLE:
    """Paste a picture of a mask that is stored as base64 text.

    Args:
        text: A PNG as base64; non-zero is foreground.
        corner (tuple[float, float]): x and y of its upper left pixel.
        size (tuple[int, int]): Height and width of the frame.
    """
    try:
        with Image.open(io.BytesIO(base64.b64decode(text))) as image:
            pixels = np.asarray(image)
    except (binascii.Error, TypeError, ValueError, UnidentifiedImageError,
            OSError, SyntaxError):
        raise ValueError('mask is no picture in base64') from None
    if pixels.ndim != 2:
        raise ValueError(f'mask has {pixels.shape[-1]} channels, expected one')
    return paste_mask(pixels != 0, corner, size)


def run_mask(runs: Sequence[int], corner: Tuple[float, float],
             crop: Tuple[int, int], size: Size) -> RLE:
    """Paste a mask that is stored as runs, row by row, background first.

    Args:
        runs (Sequence[int]): Lengths.
        corner (tuple[float, float]): x and y of its upper left pixel.
        crop (tuple[int, int]): Height and width of the mask.
        size (tuple[int, int]): Height and width of the frame.
    """
    total = crop[0] * crop[1]
    if min(crop) < 1 or min(runs, default=0) < 0 or sum(runs) != total:
        raise ValueError(f'runs of {sum(runs)} pixels, expected '
                         f'{crop[0]} x {crop[1]} = {total}')
    if crop[0] > size[0] or crop[1] > size[1]:
        raise ValueError(f'mask of {crop}, larger than the frame of {size} '
                         '(height, width)')
    values = np.arange(len(runs)) % 2 == 1
    return paste_mask(np.repeat(values, runs).reshape(crop), corner, size)


def paste_mask(mask: np.ndarray, corner: Tuple[float, float],
               size: Size) -> RLE:
    """Put a crop into a frame; what sticks out is cut off.

    Args:
        mask (np.ndarray): Booleans.
        corner (tuple[float, float]): x and y of its upper left pixel,
            rounded.
        size (tuple[int, int]): Height and width of the frame.

    Shape:
        mask: (h, w).
    """
    left, top = (math.floor(value + 0.5) for value in corner)
    frame = np.zeros(size, dtype=bool)
    rows = slice(max(top, 0), max(min(top + mask.shape[0], size[0]), 0))
    cols = slice(max(left, 0), max(min(left + mask.shape[1], size[1]), 0))
    inside = frame[rows, cols]
    shifted = mask[max(-top, 0):, max(-left, 0):]
    inside[:] = shifted[:inside.shape[0], :inside.shape[1]]
    return encode(frame)


def encode(mask: np.ndarray) -> RLE:
    """Return the run-length code of a mask.

    Args:
        mask (np.ndarray): Booleans.

    Shape:
        mask: (H, W).
    """
    return mask_utils.encode(np.asfortranarray(mask, dtype=np.uint8))


def _turn(degrees: float) -> np.ndarray:
    angle = math.radians(degrees)
    return np.array([[math.cos(angle), -math.sin(angle)],
                     [math.sin(angle), math.cos(angle)]])
