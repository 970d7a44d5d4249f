"""Checks on the records of an annotation file.

Every error names the file, the JSON path of the record, the finding and
what was expected, in one line.
"""
import json
import re
import reprlib
from collections import Counter
from os import path as osp
from typing import Any, List, Optional, Sequence, Tuple, Union

from mmengine import fileio

from mmvis_plugin.utils.errors import AnnotationError
from .defects import STRICT, Defects
from .rle_checks import compress_rle_hook

# of a JPEG; the pixels of a mask then fit the 32 bits of its code
MAX_SIDE = 65535

_NUMBER = re.compile(r'\d+')
_INT64 = 1 << 63
_MAX_PATH = 4096


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
    if not fileio.isfile(path, backend_args=backend_args):
        raise FileNotFoundError(f'annotation file {path} not found'
                                f'{f" (from {origin})" if origin else ""}')
    try:
        text = fileio.get(path, backend_args=backend_args).decode('utf-8')
        data = json.loads(text, object_pairs_hook=_record)
    except json.JSONDecodeError as error:
        raise AnnotationError(f'{path}: not valid JSON at line {error.lineno} '
                              f'column {error.colno}') from None
    except UnicodeDecodeError as error:
        raise AnnotationError(
            f'{path}: not valid JSON: byte {error.start} is not UTF-8'
        ) from None
    except RecursionError:
        raise AnnotationError(
            f'{path}: not valid JSON: nested too deeply') from None
    except ValueError as error:  # a repeated key, a number without end
        raise AnnotationError(f'{path}: not valid JSON: {error}') from None
    if not isinstance(data, top_level):
        raise AnnotationError(
            f'{path}: top level is a {type(data).__name__}, expected a '
            f'{top_level.__name__}')
    return data


def _record(pairs: List[Tuple[str, Any]]) -> dict:
    record = dict(pairs)
    if len(record) < len(pairs):
        keys = Counter(key for key, _ in pairs)
        raise ValueError(f'key {keys.most_common(1)[0][0]!r} occurs twice in '
                         f'the object {reprlib.repr(record)}')
    return compress_rle_hook(record)


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
        AnnotationError: If the key is missing or of a wrong type, or if the
            value is an int of more than 64 bits.
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
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        raise AnnotationError(f'{file}: {path} is {reprlib.repr(value)}, '
                              'expected a number of at most 64 bits')
    return value


def require_text(record: dict, key: str, file: str, where: str = '') -> str:
    """Return ``record[key]``, a name or a path.

    Args:
        record (dict): A JSON object.
        key (str): Key that must be there.
        file (str): The annotation file.
        where (str): JSON path of ``record``; '' for the top level.

    Raises:
        AnnotationError: If it is missing, no text, empty, or has characters
            that no name has.
    """
    value = require(record, key, file, where, str)
    check_text(value, file, f'{where}.{key}' if where else key)
    return value


def check_text(value: Any, file: str, where: str) -> None:
    """Raise unless ``value`` can be a name or a path.

    Args:
        value: A JSON value.
        file (str): The annotation file.
        where (str): JSON path of the value.
    """
    if (not isinstance(value, str) or not value.strip()
            or not value.isprintable() or len(value) > _MAX_PATH):
        raise AnnotationError(f'{file}: {where} is {reprlib.repr(value)}, '
                              'expected a name or path of printable '
                              'characters')


def require_annotations(data: dict, file: str) -> list:
    """Return ``annotations``; an empty list if absent or null.

    Args:
        data (dict): Top level of the file.
        file (str): The annotation file.

    Raises:
        AnnotationError: If it is no list.
    """
    if data.get('annotations') is None:
        return []
    return require(data, 'annotations', file, types=list)


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
    if min(size) <= 0 or max(size) > MAX_SIDE:
        raise AnnotationError(f'{file}: {where} has height, width = {size}, '
                              'expected positive numbers up to '
                              f'{MAX_SIDE}')
    return size


def parse_categories(data: dict,
                     file: str,
                     defects: Defects = STRICT) -> List[dict]:
    """Return the checked ``categories`` of a COCO-like file, by id.

    Args:
        data (dict): Top level of the file.
        file (str): The annotation file.
        defects (Defects): Lets errors pass or collects them.

    Returns:
        list[dict]: ``id``, ``name`` and what else the file has.
    """
    found = {}
    for i, category in enumerate(
            require(data, 'categories', file, types=list)):
        where = f'categories[{i}]'
        with defects:
            cat_id = require(category, 'id', file, where, int)
            check_new(cat_id, found, 'category id', file, where)
            found[cat_id] = category
            require_text(category, 'name', file, where)
    return [
        found[cat_id] for cat_id in sorted(found)
        if isinstance(found[cat_id].get('name'), str)
    ]


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
        AnnotationError: If a name comes twice, or a numbered series is not
            ascending.
    """
    twice = [name for name, n in Counter(file_names).items() if n > 1]
    if twice:
        raise AnnotationError(f'{file}: {where}: frame {twice[0]} occurs '
                              'twice, expected distinct files')
    numbers, frames = [], set()
    for name in file_names:
        stem = osp.splitext(osp.basename(name))[0]
        found = list(_NUMBER.finditer(stem))
        if not found:
            return list(range(len(file_names)))
        digits = found[-1]
        numbers.append(int(digits.group()))
        frames.add((stem[:digits.start()], stem[digits.end():]))
    if len(frames) > 1 or max(numbers, default=0) >= _INT64:
        return list(range(len(file_names)))
    for before, after in zip(range(len(numbers)), range(1, len(numbers))):
        if numbers[after] <= numbers[before]:
            raise AnnotationError(
                f'{file}: {where}: frames out of order, {file_names[after]} '
                f'follows {file_names[before]}; expected ascending frame '
                'numbers')
    return numbers
