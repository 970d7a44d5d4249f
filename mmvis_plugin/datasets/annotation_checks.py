"""Checks on the records of an annotation file.

Every error names the file, the JSON path of the record, the finding and
what was expected, in one line.
"""
import json
import math
import re
from collections import Counter
from os import path as osp
from typing import Any, List, Optional, Sequence, Tuple, Union

from mmengine import fileio
from pycocotools import mask as mask_utils

from mmvis_plugin.utils.errors import AnnotationError
from .rle_checks import (check_rle_size, compress_rle, compress_rle_hook,
                         polygons_to_rle)

_NUMBER = re.compile(r'\d+')


def read_json(path: str,
              origin: str = '',
              backend_args: Optional[dict] = None,
              top_level: type = dict) -> Any:
    """Read an annotation file; list-RLEs are compressed while it is parsed.

    Args:
        path (str): The file.
        origin (str): The options that formed ``path``, for the message.
        backend_args (dict, optional): Arguments of the file backend.
        top_level (type): Expected type of the top level.

    Raises:
        FileNotFoundError: If the file does not exist.
        AnnotationError: If it is not JSON, or of another type.
    """
    if not fileio.exists(path, backend_args=backend_args):
        raise FileNotFoundError(f'annotation file {path} not found'
                                f'{f" (from {origin})" if origin else ""}')
    try:
        text = fileio.get(path, backend_args=backend_args).decode('utf-8')
        data = json.loads(text, object_hook=compress_rle_hook)
    except json.JSONDecodeError as error:
        raise AnnotationError(f'{path}: not valid JSON at line {error.lineno} '
                              f'column {error.colno}') from None
    except UnicodeDecodeError as error:
        raise AnnotationError(
            f'{path}: not valid JSON: byte {error.start} is not UTF-8'
        ) from None
    if not isinstance(data, top_level):
        raise AnnotationError(
            f'{path}: top level is a {type(data).__name__}, expected a '
            f'{top_level.__name__}')
    return data


def require(record: dict,
            key: str,
            file: str,
            where: str = '',
            types: Union[type, Tuple[type, ...]] = object) -> Any:
    """Return ``record[key]`` or name the JSON path that is missing.

    Args:
        record (dict): A JSON object.
        key (str): Key that must be there.
        file (str): The annotation file.
        where (str): JSON path of ``record``; '' for the top level.
        types (type | tuple[type]): Accepted types. Defaults to any.

    Raises:
        AnnotationError: If the key is missing or of a wrong type.
    """
    path = f'{where}.{key}' if where else key
    if not isinstance(record, dict):
        raise AnnotationError(f'{file}: {where} is a '
                              f'{type(record).__name__}, expected an object')
    if key not in record:
        raise AnnotationError(f'{file}: key {path} is missing')
    value = record[key]
    wrong = isinstance(value, bool) and types is int
    if wrong or not isinstance(value, types):
        names = types if isinstance(types, tuple) else (types, )
        expected = ' or '.join(t.__name__ for t in names)
        raise AnnotationError(f'{file}: {path} is a {type(value).__name__}, '
                              f'expected {expected}')
    return value


def check_new(value: Any, seen: Any, what: str, file: str, where: str) -> None:
    """Raise if ``value`` is already in ``seen``.

    Args:
        value: The id.
        seen (set | dict): Ids read so far.
        what (str): Kind of id, for the message, e.g. 'video id'.
        file (str): The annotation file.
        where (str): JSON path of the record.
    """
    if value in seen:
        raise AnnotationError(f'{file}: {where} repeats {what} {value}, '
                              'expected unique ids')


def positive_size(record: dict, file: str, where: str) -> Tuple[int, int]:
    """Return (height, width) of a video or image record, pixels."""
    size = tuple(
        require(record, key, file, where, int) for key in ('height', 'width'))
    if min(size) <= 0:
        raise AnnotationError(f'{file}: {where} has height, width = {size}, '
                              'expected positive numbers')
    return size


def parse_categories(data: dict, file: str) -> List[dict]:
    """Return the checked ``categories`` of a COCO-like file, by id.

    Args:
        data (dict): Top level of the file.
        file (str): The annotation file.

    Returns:
        list[dict]: ``id``, ``name`` and what else the file has.
    """
    categories = require(data, 'categories', file, types=list)
    seen = set()
    for i, category in enumerate(categories):
        where = f'categories[{i}]'
        cat_id = require(category, 'id', file, where, int)
        require(category, 'name', file, where, str)
        check_new(cat_id, seen, 'category id', file, where)
        seen.add(cat_id)
    return sorted(categories, key=lambda category: category['id'])


def frame_numbers(file_names: Sequence[str], file: str,
                  where: str) -> List[int]:
    """Read the source frame numbers from file names, checking their order.

    The last digits of each name count. Names that are no numbered series
    (another text around the digits) are numbered by position.

    Args:
        file_names (Sequence[str]): Frames in the order of the file.
        file (str): The annotation file.
        where (str): JSON path of the list of frames.

    Returns:
        list[int]: Strictly ascending frame numbers.

    Raises:
        AnnotationError: If a numbered series is not ascending.
    """
    numbers, frames = [], set()
    for name in file_names:
        stem = osp.splitext(osp.basename(name))[0]
        found = list(_NUMBER.finditer(stem))
        if not found:
            return list(range(len(file_names)))
        digits = found[-1]
        numbers.append(int(digits.group()))
        frames.add((stem[:digits.start()], stem[digits.end():]))
    if len(frames) > 1:
        return list(range(len(file_names)))
    for before, after in zip(range(len(numbers)), range(1, len(numbers))):
        if numbers[after] <= numbers[before]:
            raise AnnotationError(
                f'{file}: {where}: frames out of order, {file_names[after]} '
                f'follows {file_names[before]}; expected ascending frame '
                'numbers')
    return numbers


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
    """
    valid = [
        p for p in polygons
        if isinstance(p, list) and len(p) >= 6 and len(p) % 2 == 0
    ]
    if len(valid) < len(polygons):
        drops['polygon with < 6 numbers or odd length'] += (
            len(polygons) - len(valid))
    return valid


def parse_box(bbox: Any) -> List[float]:
    """Turn a COCO box [x, y, w, h] into [x1, y1, x2, y2].

    Raises:
        ValueError: With the finding alone, if it is not four finite numbers.
    """
    if (not isinstance(bbox, (list, tuple)) or len(bbox) != 4 or not all(
            isinstance(v, (int, float)) and math.isfinite(v) for v in bbox)):
        raise ValueError(f'bbox is {bbox}, expected four finite numbers')
    x, y, w, h = bbox
    return [x, y, x + w, y + h]


def build_instance(category_id: int, instance_id: int, iscrowd: Any,
                   segmentation: Any, bbox: Any, area: Optional[float],
                   size: Tuple[int, int], drops: Counter) -> Optional[dict]:
    """Build one object of one frame from the fields of a COCO-like record.

    Args:
        category_id (int): Id of the category in the file.
        instance_id (int): Id of the track in the file.
        iscrowd (Any): Truthy: region to be ignored.
        segmentation (dict | list | None): RLE, polygons or nothing.
        bbox (list | None): [x, y, w, h]; tight box of the mask if None.
        area (float | None): Pixels; area of the mask if None.
        size (tuple[int, int]): Height and width of the frame.
        drops (Counter): Counts what is left out.

    Returns:
        dict or None: The object, None if it is absent in this frame.

    Raises:
        ValueError: With the finding alone.
    """
    if segmentation is None and bbox is None:
        return None
    instance = dict(
        category_id=category_id,
        instance_id=instance_id,
        ignore_flag=int(bool(iscrowd)))
    mask_area = None
    if segmentation is not None:
        mask = parse_mask(segmentation, *size, drops)
        if mask is None:
            drops['object without a valid polygon'] += 1
            return None
        instance['mask'] = mask
        mask_area = float(mask_utils.area(mask))
        if bbox is None:
            bbox = mask_utils.toBbox(mask).tolist()
    instance['bbox'] = box = parse_box(bbox)
    if mask_area == 0:
        area = 0.
    elif area is None:
        area = mask_area or (box[2] - box[0]) * (box[3] - box[1])
    instance['area'] = float(area)
    return instance
