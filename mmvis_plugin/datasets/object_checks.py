"""Checks on the masks, boxes and numbers of one object in one frame.

Everything here raises plain ``ValueError`` with the finding alone; the
caller knows the file and the record and adds them.
"""
import math
import reprlib
from collections import Counter
from typing import Any, List, Optional, Tuple

from pycocotools import mask as mask_utils

from .rle_checks import check_rle_size, compress_rle, polygons_to_rle

# farther from the frame, in pixels, than any object of it
_FAR = 1e6


def parse_mask(segmentation: Any, height: int, width: int,
               drops: Counter) -> Optional[dict]:
    """Return a compressed RLE, or None if nothing valid is left.

    Args:
        segmentation (dict | list): COCO RLE or polygons.
        height (int): Height of the frame, pixels.
        width (int): Width of the frame, pixels.
        drops (Counter): Counts broken polygons.

    Raises:
        ValueError: With the finding alone, if an RLE is broken.
    """
    if isinstance(segmentation, dict):
        check_rle_size(segmentation, height, width)
        return compress_rle(segmentation)
    if not isinstance(segmentation, list):
        raise ValueError('segmentation is a '
                         f'{type(segmentation).__name__}, expected an RLE '
                         'or a list of polygons')
    polygons = valid_polygons(segmentation, drops)
    return polygons_to_rle(polygons, height, width) if polygons else None


def valid_polygons(polygons: list, drops: Counter) -> List[List[float]]:
    """Return the polygons that have at least three points.

    Args:
        polygons (list): Candidates.
        drops (Counter): Counts what is left out.

    Raises:
        ValueError: With the finding alone, if a coordinate is no number.
    """
    valid = [
        p for p in polygons
        if isinstance(p, list) and len(p) >= 6 and len(p) % 2 == 0
    ]
    if not all(map(near_numbers, valid)):
        raise ValueError('polygon holds a value that is no finite number '
                         f'below {_FAR:g}')
    if len(valid) < len(polygons):
        drops['polygon with < 6 numbers or odd length'] += (
            len(polygons) - len(valid))
    return valid


def near_numbers(numbers: List[Any]) -> bool:
    """Tell, fast, whether all are finite numbers below a million.

    Args:
        numbers (list): At least one JSON value.
    """
    try:
        # a sum is not finite if a summand is not
        return (math.isfinite(sum(numbers)) and max(numbers) < _FAR
                and min(numbers) > -_FAR)
    except (TypeError, OverflowError):
        return False


def parse_box(bbox: Any) -> List[float]:
    """Turn a COCO box [x, y, w, h] into [x1, y1, x2, y2].

    Raises:
        ValueError: With the finding alone, if it is not four finite numbers.
    """
    if (not isinstance(bbox, (list, tuple)) or len(bbox) != 4
            or bool in map(type, bbox) or not near_numbers(bbox)):
        raise ValueError(f'bbox is {reprlib.repr(bbox)}, expected four finite '
                         f'numbers below {_FAR:g}')
    x, y, w, h = bbox
    return [x, y, x + w, y + h]


def parse_area(area: Any) -> Optional[float]:
    """Return the pixels of an object, None if the file does not tell.

    Raises:
        ValueError: With the finding alone, if it is no number from 0 on.
    """
    if area is None:
        return None
    if isinstance(
            area,
            bool) or not isinstance(area,
                                    (int, float)) or not 0 <= area < math.inf:
        raise ValueError(f'area is {reprlib.repr(area)}, expected a finite '
                         'number from 0 on')
    return float(area)


def parse_iscrowd(iscrowd: Any) -> int:
    """Return the flag as 0 or 1; absent or null is 0.

    Raises:
        ValueError: With the finding alone, if it is something else.
    """
    if not isinstance(iscrowd,
                      (int, float, type(None))) or iscrowd not in (0, 1, None):
        raise ValueError(f'iscrowd is {reprlib.repr(iscrowd)}, expected 0 or '
                         '1')
    return int(bool(iscrowd))


def build_instance(record: dict,
                   instance_id: int,
                   segmentation: Any,
                   bbox: Any,
                   area: Any,
                   size: Tuple[int, int],
                   drops: Counter,
                   rasterise: bool = True) -> Optional[dict]:
    """Build one object of one frame from the fields of a COCO-like record.

    Args:
        record (dict): With ``category_id`` and perhaps ``iscrowd``.
        instance_id (int): Id of the track in the file.
        segmentation (dict | list | None): RLE, polygons or nothing.
        bbox (list | None): [x, y, w, h]; tight box of the mask if None.
        area (float | None): Pixels; area of the mask if None.
        size (tuple[int, int]): Height and width of the frame.
        drops (Counter): Counts what is left out.
        rasterise (bool): False leaves polygons as they are if there is a
            box; the area is then that of the box if None. Defaults to True.

    Returns:
        dict or None: The object, None if it is absent in this frame.

    Raises:
        ValueError: With the finding alone.
    """
    if segmentation is None and bbox is None:
        return None
    area, box = parse_area(area), None if bbox is None else parse_box(bbox)
    instance = dict(
        category_id=record['category_id'],
        instance_id=instance_id,
        ignore_flag=parse_iscrowd(record.get('iscrowd')))
    if segmentation is not None:
        lazy = not rasterise and box and isinstance(segmentation, list)
        mask = (
            valid_polygons(segmentation, drops) if lazy else parse_mask(
                segmentation, *size, drops))
        if not mask:
            drops['object without a valid polygon'] += 1
            return None
        instance['mask'] = mask
        if not lazy:
            area = _mask_area(mask, area)
            box = box or parse_box(mask_utils.toBbox(mask).tolist())
    if area is None:
        area = (box[2] - box[0]) * (box[3] - box[1])
    instance.update(bbox=box, area=float(area))
    return instance


def _mask_area(mask: dict, area: Optional[float]) -> float:
    """Return the area in the file, or that of the mask if it decides."""
    height, width = mask['size']
    if area is not None and area > height * width:
        raise ValueError(f'area is {area:g}, more than the frame of {height} '
                         f'x {width}')
    pixels = float(mask_utils.area(mask))
    return pixels if area is None or pixels == 0 else area
