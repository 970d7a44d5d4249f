"""What the converters of panoptic data sets share."""
import json
import os.path as osp
from typing import (Any, Callable, Dict, Iterable, List, Optional, Sequence,
                    Tuple)

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from mmvis_plugin.structures import PanopticSegments, write_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.tasks import TaskParts, run_tasks, write_json
from mmvis_plugin.utils.whole_file import write_whole
from ..class_tables import load_table

GREY = ('L', 'P', 'I', 'I;16', 'I;16B', 'I;16L')
COLOUR = ('RGB', 'RGBA', 'P')

_STEP = 1000
# ids of objects whose number does not fit below the step
_HIGH, _HIGH_BITS = 1 << 20, 16


def read_picture(path: str, modes: Sequence[str]) -> np.ndarray:
    """Read a label picture as it is stored.

    Args:
        path (str): The file.
        modes (Sequence[str]): Modes of Pillow that are accepted: ``GREY``
            for one channel (indices of a palette are the values), or
            ``COLOUR`` (an alpha channel is left out).

    Returns:
        np.ndarray: int32 for ``GREY``, uint8 for ``COLOUR``.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If it cannot be read or is of another mode.

    Shape:
        Output: (H, W) or (H, W, 3).
    """
    try:
        with Image.open(path) as image:
            if image.mode not in modes:
                raise AnnotationError(
                    f'{path}: picture of mode {image.mode}, expected one of '
                    f'{", ".join(modes)}; take the original file')
            if modes is COLOUR:
                return np.asarray(image.convert('RGB'))
            return np.asarray(image).astype(np.int32)
    except FileNotFoundError:
        raise FileNotFoundError(f'{path}: no such file') from None
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        reason = str(error).splitlines()[0] if str(error) else 'broken'
        raise AnnotationError(f'{path}: cannot be read as an image '
                              f'({reason}); download it again') from None


def write_grey(path: str, values: np.ndarray) -> None:
    """Write one channel of 8 or 16 bit; appears only when complete.

    Args:
        path (str): A ``.png`` file; its folder is made.
        values (np.ndarray): uint8 or uint16.

    Shape:
        values: (H, W).
    """
    write_whole(path, cv2.imencode('.png', values)[1].tobytes())


def same_size(sizes: Dict[str, Sequence[int]]) -> None:
    """Raise unless all pictures of a frame have one size.

    Args:
        sizes (dict): File to its (height, width).

    Raises:
        AnnotationError: If two differ.
    """
    (first, expected), *others = sizes.items()
    for path, size in others:
        if tuple(size) != tuple(expected):
            raise AnnotationError(
                f'{path}: size {tuple(size)}, expected {tuple(expected)} '
                f'(height, width) as {first}; convert from the original files')


def distinct(values: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return the distinct values of a map, and which one each pixel has.

    Labels come in wide runs: sorting those is all there is to sort.

    Args:
        values (np.ndarray): Integers.

    Returns:
        tuple[np.ndarray, np.ndarray]: The values, ascending, and int64
        positions among them.

    Shape:
        values: (H, W). Output: (number of values, ), (H, W).
    """
    flat = values.ravel()
    is_start = np.ones(flat.size, dtype=bool)
    np.not_equal(flat[1:], flat[:-1], out=is_start[1:])
    starts = np.flatnonzero(is_start)
    found, index = np.unique(flat[starts], return_inverse=True)
    lengths = np.diff(starts, append=flat.size)
    return found, np.repeat(index.reshape(-1), lengths).reshape(values.shape)


def thing_ids(categories: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return the segment ids of numbered objects.

    The same object has the same id in every frame, whatever else is
    converted with it. Stuff and unnumbered regions have category + 1.

    Args:
        categories (np.ndarray): Category ids, below 999.
        numbers (np.ndarray): Numbers among the objects of the category,
            0 to 65535.

    Returns:
        np.ndarray: int64: 1000 (category + 1) + number; above 2^20 for
        numbers over 999.

    Shape:
        all: the same.
    """
    categories = np.asarray(categories, dtype=np.int64)
    return np.where(numbers < _STEP,
                    _STEP * (categories + 1) + numbers,
                    _HIGH + (categories << _HIGH_BITS) + numbers)


def category_of(ids: np.ndarray) -> np.ndarray:
    """Return the categories of segment ids, -1 for void.

    Args:
        ids (np.ndarray): Category + 1, or ids of :func:`thing_ids`.

    Shape:
        all: the same.
    """
    ids = np.asarray(ids, dtype=np.int64)
    low = np.where(ids < _STEP, ids, ids // _STEP) - 1
    return np.where(ids < _HIGH, low, (ids - _HIGH) >> _HIGH_BITS)


def write_frame(path: str, ids: np.ndarray) -> List[dict]:
    """Write a panoptic map and list its segments.

    Args:
        path (str): The PNG.
        ids (np.ndarray): Segment ids, 0 for void; :func:`category_of` knows
            their categories.

    Returns:
        list[dict]: id, category_id, iscrowd (0), area and bbox, by
        ascending id.

    Shape:
        ids: (H, W).
    """
    write_panoptic_map(path, ids)
    found = PanopticSegments.from_map(ids)
    rows = (found.ids, category_of(found.ids), found.areas, found.boxes)
    return [
        dict(id=i, category_id=category, iscrowd=0, area=area, bbox=box)
        for i, category, area, box in zip(*(row.tolist() for row in rows))
    ]


def table_categories(table: str, key: str = 'categories') -> List[dict]:
    """Return the categories of a benchmark as its JSON files list them.

    Args:
        table (str): Stem of a file of ``mmvis_plugin/datasets/classes``.
        key (str): Its entry. Defaults to 'categories'.

    Returns:
        list[dict]: By id: id, name, isthing, color, trainid, ori_id (where
        the labels of the pictures differ), supercategory, instance_eval.
    """
    table = load_table(table)[key]
    return [
        dict(
            id=item['id'],
            name=item['name'],
            isthing=item['isthing'],
            color=item['color'],
            trainid=item['id'],
            ori_id=item.get('label_id', item['id']),
            supercategory=item['name'],
            instance_eval=item['isthing'])
        for item in sorted(table, key=lambda item: item['id'])
    ]


def convert_split(path: str, info: dict, tasks: Dict[str, Any],
                  function: Callable[[Any],
                                     dict], join: Callable[[Iterable[dict]],
                                                           dict],
                  maps: Callable[[dict], Iterable[str]], workers: int) -> bool:
    """Convert a split unless it is there already.

    What was done before a stop is kept beside the JSON file, which appears
    last.

    Args:
        path (str): The JSON file.
        info (dict): What the result depends on; its first entry.
        tasks (dict[str, Any]): Argument of ``function`` by video.
        function (Callable): Writes the maps of a video, returns its records.
        join (Callable): Makes the content of the JSON file from them.
        maps (Callable): Returns the maps that a content lists.
        workers (int): Number of processes.

    Returns:
        bool: False if there was nothing to do.

    Raises:
        ValueError: If another program wrote the file.
    """
    if osp.exists(path):
        known = read_info(path)
        if known is None or known.get('converter') != info['converter']:
            raise ValueError(
                f'{path}: was not written by this converter; move it and the '
                'maps it lists away to convert again')
        if known == info and _all_there(path, maps):
            return False
    parts = TaskParts(f'{path}.parts', info)
    content = join(run_tasks(function, tasks, parts, workers))
    write_json(path, dict(info=info, **content))
    parts.remove()
    return True


def read_info(path: str) -> Optional[dict]:
    """Return the first entry of a JSON file without reading the rest.

    Args:
        path (str): A result of :func:`convert_split`.
    """
    start = '{"info": '
    with open(path, encoding='utf-8', errors='replace') as file:
        head = file.read(1 << 16)
    try:
        found = json.JSONDecoder().raw_decode(head, len(start))[0]
    except ValueError:
        return None
    is_info = head.startswith(start) and isinstance(found, dict)
    return found if is_info else None


def _all_there(path: str, maps: Callable[[dict], Iterable[str]]) -> bool:
    with open(path, encoding='utf-8') as file:
        return all(map(osp.exists, maps(json.load(file))))
