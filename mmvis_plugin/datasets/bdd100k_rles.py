"""Reader of the JSON files of BDD100K segmentation tracking, one a video.

Source of the format: the ``rles`` folder of the benchmark and the layout of
its tool kit, a list of frames with their labels.
"""
import io
from collections import Counter
from functools import lru_cache
from os import path as osp
from typing import Any, Dict, List, Optional, Sequence, Tuple

from mmengine import fileio
from PIL import Image

from mmvis_plugin.utils.errors import AnnotationError
from .annotation_checks import (MAX_SIDE, check_new, frame_numbers, read_json,
                                require, require_text)
from .class_tables import load_table, normalise_name
from .object_checks import build_instance

_MAX_DIGITS = 9  # of a track id that is taken as it is; fits 32 bits
_CURVE = 'C'


def read_rle_video(file: str,
                   image_dir: str,
                   drops: Counter,
                   unknown: str = 'error',
                   backend_args: Optional[dict] = None,
                   size: Optional[Tuple[int, int]] = None) -> dict:
    """Read the JSON file of one video.

    Masks are ``rle`` or ``poly2d`` with straight lines. Frames are sorted by
    name, objects by track id. Track ids are taken as they are if all are
    numbers, else they are numbered in alphabetical order.

    Args:
        file (str): ``<video>.json``.
        image_dir (str): Folder with one folder of frames per video; its
            first frame tells the size where no mask and no ``size`` does.
        drops (Counter): Counts what is left out.
        unknown (str): 'error' or 'drop', for names of other categories.
        backend_args (dict, optional): Arguments of the file backend.
        size (tuple[int, int], optional): Height and width of the frames,
            where no mask tells it.

    Returns:
        dict: A video of a ``VideoSource`` without ids.

    Raises:
        AnnotationError: Naming the record that breaks the format.
    """
    records = read_json(file, backend_args=backend_args, top_level=list)
    frames = [_check_frame(item, i, file) for i, item in enumerate(records)]
    name = _video_name(frames, file)
    frames.sort(key=lambda frame: (len(frame['name']), frame['name']))
    file_names = [f'{name}/{frame["name"]}' for frame in frames]
    numbers = frame_numbers(file_names, file, 'frames')
    _check_order(frames, file)
    size = _find_size(frames) or size
    if size is None and frames:
        size = image_size(osp.join(image_dir, file_names[0]), backend_args)
    tracks = _number_tracks(frames)
    images = [
        dict(
            file_name=file_name,
            height=size[0],
            width=size[1],
            src_frame=number,
            has_ann=True,
            instances=_read_labels(frame, tracks, size, file, unknown, drops))
        for frame, file_name, number in zip(frames, file_names, numbers)
    ]
    return dict(video_name=name, images=images)


def _check_frame(record: Any, index: int, file: str) -> dict:
    """Return name, index, video and labels of a frame, checked."""
    where = f'[{index}]'
    name = require_text(record, 'name', file, where)
    if record.get('videoName') is not None:
        require_text(record, 'videoName', file, where)
    if record.get('frameIndex') is not None:
        require(record, 'frameIndex', file, where, int)
    labels = []
    if record.get('labels') is not None:
        labels = require(record, 'labels', file, where, list)
    seen: set = set()
    for i, label in enumerate(labels):
        path = f'{where}.labels[{i}]'
        track = _track_name(label, file, path)
        check_new(track, seen, 'track id', file, path)
        seen.add(track)
    return dict(
        where=where,
        name=name,
        video=record.get('videoName'),
        index=record.get('frameIndex'),
        labels=labels)


def _track_name(label: Any, file: str, where: str) -> str:
    name = require(label, 'id', file, where, (str, int))
    if isinstance(name, bool) or not str(name).strip():
        raise AnnotationError(f'{file}: {where}.id is {name!r}, expected the '
                              'id of a track')
    return str(name)


def _video_name(frames: Sequence[dict], file: str) -> str:
    name = osp.splitext(osp.basename(file))[0]
    for frame in frames:
        if frame['video'] not in (None, name):
            raise AnnotationError(
                f'{file}: {frame["where"]}.videoName is {frame["video"]!r}, '
                f'expected {name!r} as in the name of the file')
    return name


def _check_order(frames: Sequence[dict], file: str) -> None:
    """Compare the order of the names with the stated positions."""
    stated = [frame for frame in frames if frame['index'] is not None]
    for before, after in zip(stated, stated[1:]):
        if after['index'] <= before['index']:
            raise AnnotationError(
                f'{file}: {after["where"]}.frameIndex of {after["name"]} is '
                f'{after["index"]}, after {before["index"]} of '
                f'{before["name"]}; expected ascending numbers')


def _find_size(frames: Sequence[dict]) -> Optional[Tuple[int, int]]:
    """Return the size that most masks state, None without any."""
    sizes: Counter = Counter()
    for frame in frames:
        for label in frame['labels']:
            rle = label.get('rle')
            size = rle.get('size') if isinstance(rle, dict) else None
            if isinstance(size, list) and len(size) == 2 and all(
                    type(side) is int and 0 < side <= MAX_SIDE
                    for side in size):
                sizes[tuple(size)] += 1
    return sizes.most_common(1)[0][0] if sizes else None


def image_size(path: str,
               backend_args: Optional[dict] = None) -> Tuple[int, int]:
    """Return height and width of a picture; its pixels are not decoded.

    Args:
        path (str): The file.
        backend_args (dict, optional): Arguments of the file backend.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If it is no picture.
    """
    try:
        content = fileio.get(path, backend_args=backend_args)
        width, height = Image.open(io.BytesIO(content)).size
    except FileNotFoundError:
        raise FileNotFoundError(
            f'{path}: needed for the frame size, which the labels of the '
            'video do not tell; check data_root and data_prefix') from None
    except Exception as error:  # Pillow has many for broken files
        raise AnnotationError(f'{path}: cannot be read as an image '
                              f'({type(error).__name__}), needed for the '
                              'frame size') from None
    return height, width


def _number_tracks(frames: Sequence[dict]) -> Dict[str, int]:
    names = sorted(
        {str(label['id'])
         for frame in frames
         for label in frame['labels']})
    if all(n.isdecimal() and len(n) <= _MAX_DIGITS for n in names):
        numbers = {name: int(name) for name in names}
        if len(set(numbers.values())) == len(names):
            return numbers
    return {name: i for i, name in enumerate(names, 1)}


def _read_labels(frame: dict, tracks: Dict[str, int], size: Tuple[int, int],
                 file: str, unknown: str, drops: Counter) -> List[dict]:
    instances = []
    for i, label in enumerate(frame['labels']):
        where = f'{frame["where"]}.labels[{i}]'
        name = require_text(label, 'category', file, where)
        category = category_by_name().get(normalise_name(name))
        if category is None:
            if unknown == 'error':
                raise AnnotationError(
                    f'{file}: unknown category {name!r} in {where} (id '
                    f"{label['id']}); set unknown='drop' to leave it out")
            drops[f'category {name} not in the class list'] += 1
            continue
        record = dict(
            category_id=category[0],
            iscrowd=int(category[1] or _is_ignored(label, file, where)))
        try:
            instance = build_instance(record, tracks[str(label['id'])],
                                      _mask(label), _box(label, file, where),
                                      None, size, drops)
        except ValueError as error:
            if isinstance(error, AnnotationError):
                raise
            raise AnnotationError(
                f'{file}: {where} (id {label["id"]}, frame {frame["name"]}): '
                f'{error}') from None
        if instance is not None:
            instances.append(instance)
    return sorted(instances, key=lambda item: item['instance_id'])


@lru_cache(maxsize=None)
def category_by_name() -> Dict[str, Tuple[int, bool]]:
    """Return category id and 'always ignored' of each name, normalised.

    Names of older releases count as the class they became, distractors as
    ignored objects of the class they look like.
    """
    table = load_table('bdd100k_mots')
    ids = {item['name']: item['id'] for item in table['categories']}
    found = {normalise_name(name): (i, False) for name, i in ids.items()}
    for key, ignored in (('name_mapping', False), ('ignored_mapping', True)):
        for name, target in table[key].items():
            found[normalise_name(name)] = (ids[target], ignored)
    return found


def _is_ignored(label: dict, file: str, where: str) -> bool:
    if label.get('attributes') is None:
        return False
    attributes = require(label, 'attributes', file, where, dict)
    for key in ('crowd', 'ignored'):
        if attributes.get(key) not in (None, False, True):
            raise AnnotationError(
                f'{file}: {where}.attributes.{key} is {attributes[key]!r}, '
                'expected true or false')
    return bool(attributes.get('crowd') or attributes.get('ignored'))


def _mask(label: dict) -> Any:
    """Return the RLE or the polygons of a label."""
    if label.get('rle') is not None:
        if not isinstance(label['rle'], dict):
            raise ValueError(f'rle is a {type(label["rle"]).__name__}, '
                             "expected an object with 'size' and 'counts'")
        return label['rle']
    if not isinstance(label.get('poly2d'), list) or not label['poly2d']:
        raise ValueError("neither rle nor poly2d, expected a mask; use the "
                         "'bitmasks' or 'rles' of the benchmark")
    return [_polygon(part) for part in label['poly2d']]


def _polygon(part: Any) -> List[float]:
    if not isinstance(part, dict) or not isinstance(
            part.get('vertices'), list) or not isinstance(
                part.get('types'), str):
        raise ValueError("poly2d lacks 'vertices' or 'types'")
    if _CURVE in part['types']:
        raise ValueError(
            f'poly2d has Bezier curves (types {part["types"][:20]!r}), which '
            "are not supported; use the 'bitmasks' or 'rles' of the "
            'benchmark')
    if not all(isinstance(p, list) and len(p) == 2 for p in part['vertices']):
        raise ValueError('poly2d.vertices holds a value that is no pair of '
                         'numbers')
    return [value for point in part['vertices'] for value in point]


def _box(label: dict, file: str, where: str) -> Optional[List[float]]:
    """Return [x, y, w, h] of the box, whose last pixel is inside."""
    if label.get('box2d') is None:
        return None
    box = require(label, 'box2d', file, where, dict)
    x1, y1, x2, y2 = (
        require(box, key, file, f'{where}.box2d', (int, float))
        for key in ('x1', 'y1', 'x2', 'y2'))
    return [x1, y1, x2 - x1 + 1, y2 - y1 + 1]
