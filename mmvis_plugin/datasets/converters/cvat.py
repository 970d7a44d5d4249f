"""Reader of the XML files that CVAT exports, version 1.1."""
import math
import os
import os.path as osp
import re
from collections import Counter
from typing import Any, Dict, List, Optional, Tuple
from xml.etree import ElementTree

from mmvis_plugin.structures import RLE
from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.video_reader import IMAGE_SUFFIXES, natural_key
from ..annotation_checks import check_text
from .custom_vis import check_image, video_record
from .drawn_tracks import Frames, Shape
from .shape_masks import (box_mask, check_points, ellipse_mask, polygon_mask,
                          run_mask)

REGIONS = ('box', 'polygon', 'mask', 'ellipse')
# shapes without an area
OTHERS = ('polyline', 'points', 'skeleton', 'cuboid', 'tag')

_CROWD = ('iscrowd', 'crowd')
_STEP = re.compile(r'step\s*=\s*(\d+)')

Node = ElementTree.Element
Size = Tuple[int, int]


def read_cvat_video(task: Tuple[str, str, str, str, dict]) -> dict:
    """Read one export and its frames.

    "CVAT for video 1.1": a shape counts in its frame unless it is
    ``outside``. The export lists every frame of a track; where it does not,
    boxes between two entries are interpolated, as CVAT does, and other
    shapes are an error. The n-th image of the folder, in natural order, is
    the n-th frame of the task.

    "CVAT for images 1.1": ``name`` of an image is its path; ``group_id`` is
    the id of the object.

    Args:
        task (tuple): Folder that paths of frames start from, name of the
            video, XML file, folder of its frames, and the options of
            :func:`video_record`.

    Returns:
        dict: Result of :func:`video_record`.

    Raises:
        AnnotationError: Naming the element that breaks the format.
        FileNotFoundError: If the file or a frame is missing.
    """
    root, name, file, folder, options = task
    drops: Counter = Counter()
    top = read_xml(file)
    images = top.findall('image')
    if images:
        paths, sizes, frames = _read_images(images, file, folder, drops)
    else:
        paths = list_images(folder)
        numbers = _frame_numbers(top, file, folder, len(paths))
        size = _original_size(top, file)
        sizes = [check_image(path, size, file) for path in paths]
        frames = [[] for _ in paths]
        for track in top.findall('track'):
            _add_track(track, file, numbers, sizes[0], frames, drops)
    return video_record(
        name, [osp.relpath(path, root).replace(os.sep, '/') for path in paths],
        sizes, frames, options, drops, file)


def read_xml(file: str) -> Node:
    """Return the top element of an export.

    Args:
        file (str): The XML file.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If it is no XML, or no export of CVAT.
    """
    try:
        top = ElementTree.parse(file).getroot()
    except (FileNotFoundError, IsADirectoryError):
        raise FileNotFoundError(f'{file}: no such file') from None
    except ElementTree.ParseError as error:
        line, column = error.position
        raise AnnotationError(f'{file}: not valid XML at line {line} column '
                              f'{column + 1}') from None
    except (LookupError, ValueError) as error:  # of the declared encoding
        raise AnnotationError(f'{file}: not valid XML: {error}') from None
    if top.tag != 'annotations' or top.find('meta/project') is not None:
        raise AnnotationError(
            f'{file}: top element <{top.tag}>, expected <annotations> of one '
            'task or job, exported as "CVAT for video 1.1"')
    return top


def list_images(folder: str) -> List[str]:
    """Return the images of a folder in natural order.

    Args:
        folder (str): The folder.

    Raises:
        FileNotFoundError: If there is none.
    """
    names = os.listdir(folder) if osp.isdir(folder) else []
    names = [n for n in names if n.lower().endswith(IMAGE_SUFFIXES)]
    if not names:
        raise FileNotFoundError(f'{folder}: no such folder, or no image in it')
    return [osp.join(folder, name) for name in sorted(names, key=natural_key)]


def _frame_numbers(top: Node, file: str, folder: str,
                   count: int) -> Dict[int, int]:
    """Return position by frame number of the task."""
    meta = top.find('meta/task')
    meta = top.find('meta/job') if meta is None else meta
    fields = {} if meta is None else {n.tag: n.text for n in meta}
    match = _STEP.search(fields.get('frame_filter') or '')
    step, start = int(match[1]) if match else 1, fields.get('start_frame')
    try:
        first, size = int(start or 0), int(fields.get('size') or count)
    except ValueError:
        raise AnnotationError(f'{file}: size or start_frame in <meta> is no '
                              'number') from None
    if size != count:
        raise AnnotationError(f'{file}: the task has {size} frames, but '
                              f'{folder} {count} images; expected one image '
                              'per frame')
    return {first + i * max(step, 1): i for i in range(count)}


def _original_size(top: Node, file: str) -> Optional[Size]:
    node = next(top.iter('original_size'), None)
    if node is None:
        return None
    try:
        return int(node.findtext('height')), int(node.findtext('width'))
    except (TypeError, ValueError):
        raise AnnotationError(f'{file}: original_size has no height and '
                              'width') from None


def _read_images(images: List[Node], file: str, folder: str,
                 drops: Counter) -> Tuple[List[str], List[Size], Frames]:
    entries = []
    for image in images:
        where = f'image {image.get("id")}'
        name = image.get('name')
        check_text(name, file, f'{where}.name')
        path = osp.normpath(osp.join(folder, name))
        try:
            size = int(_number(image, 'height')), int(_number(image, 'width'))
        except ValueError as error:
            raise AnnotationError(f'{file}: {where}: {error}') from None
        size = check_image(path, size, file)
        shapes = []
        for node in image:
            shape = _shape(node, node.get('label'), node.get('group_id'), size,
                           f'{file}: {where}', drops)
            shapes += [] if shape is None else [shape]
        entries.append((path, size, shapes))
    entries.sort(key=lambda entry: natural_key(entry[0]))
    paths, sizes, frames = (list(column) for column in zip(*entries))
    if len(set(paths)) < len(paths):
        raise AnnotationError(f'{file}: two images have one name, expected '
                              'distinct files')
    return paths, sizes, frames


def _add_track(track: Node, file: str, numbers: Dict[int, int], size: Size,
               frames: Frames, drops: Counter) -> None:
    where = f'{file}: track {track.get("id")}'
    entries: List[Tuple[int, Node]] = []
    for node in track:
        number = node.get('frame')
        if number is None or not number.isdecimal() or int(
                number) not in numbers:
            raise AnnotationError(
                f'{where}: frame {number} of <{node.tag}> is none of the '
                f'task, expected one of {len(numbers)} from '
                f'{min(numbers)} to {max(numbers)}')
        entries.append((numbers[int(number)], node))
    entries.sort(key=lambda entry: entry[0])
    for (t, node), after in zip(entries, [*entries[1:], (None, None)]):
        if after[0] == t:
            raise AnnotationError(f'{where}: two shapes in frame '
                                  f'{node.get("frame")}, expected one')
        if node.get('outside') == '1':
            continue
        for position, shown in _until(t, node, *after, where):
            shape = _shape(shown, track.get('label'),
                           f'track {track.get("id")}', size, where, drops)
            if shape is not None:
                frames[position].append(shape)


def _until(t: int, node: Node, after: Optional[int], next_node: Optional[Node],
           where: str) -> List[Tuple[int, Node]]:
    """Return a shape in its frame and in those before the next entry."""
    shown = [(t, node)]
    gap = range(t + 1, t + 1 if after is None else after)
    if gap and (node.tag != 'box' or next_node.tag != 'box'):
        raise AnnotationError(
            f'{where}: no <{node.tag}> between frames {node.get("frame")} and '
            f'{next_node.get("frame")}; export with "CVAT for video 1.1", '
            'which lists every frame')
    for position in gap:
        share = (position - t) / (after - t)
        shown.append((position, _between(node, next_node, share, where)))
    return shown


def _between(node: Node, after: Node, share: float, where: str) -> Node:
    """Return a box on the way to the next one; it waits if that is outside."""
    middle = ElementTree.Element(node.tag, dict(node.attrib))
    middle.extend(node)
    if after.get('outside') != '1':
        try:
            for key in ('xtl', 'ytl', 'xbr', 'ybr'):
                start, end = _number(node, key), _number(after, key)
                middle.set(key, repr(start + share * (end - start)))
        except ValueError as error:
            raise AnnotationError(f'{where}: {error}') from None
    return middle


def _shape(node: Node, label: Any, track: Optional[str], size: Size,
           where: str, drops: Counter) -> Optional[Shape]:
    if node.tag in OTHERS:
        drops[f'shape of type {node.tag!r}'] += 1
        return None
    if node.tag not in REGIONS:
        raise AnnotationError(f'{where}: unknown element <{node.tag}>')
    check_text(label, where, 'label')
    try:
        mask = _mask(node, size)
    except ValueError as error:
        raise AnnotationError(f'{where}: <{node.tag}> in frame '
                              f'{node.get("frame", "")}: {error}') from None
    iscrowd = any(
        a.get('name') in _CROWD and (a.text or '').strip().lower() == 'true'
        for a in node.findall('attribute'))
    return Shape(label, None if track in (None, '', '0') else track, mask,
                 node.tag == 'box', iscrowd)


def _mask(node: Node, size: Size) -> RLE:
    degrees = _number(node, 'rotation', 0.)
    if node.tag == 'box':
        corners = [[_number(node, 'xtl'),
                    _number(node, 'ytl')],
                   [_number(node, 'xbr'),
                    _number(node, 'ybr')]]
        return box_mask(check_points(corners, 2), size, degrees)
    if node.tag == 'ellipse':
        return ellipse_mask((_number(node, 'cx'), _number(node, 'cy')),
                            (_number(node, 'rx'), _number(node, 'ry')), size,
                            degrees)
    if node.tag == 'polygon':
        pairs = (node.get('points') or '').split(';')
        points = [[_float(v) for v in pair.split(',')] for pair in pairs]
        return polygon_mask(check_points(points, 3), size)
    runs = [int(_float(v)) for v in (node.get('rle') or '').split(',')]
    corner = _number(node, 'left'), _number(node, 'top')
    crop = int(_number(node, 'height')), int(_number(node, 'width'))
    return run_mask(runs, corner, crop, size)


def _number(node: Node, key: str, default: Optional[float] = None) -> float:
    text = node.get(key)
    if text is None and default is None:
        raise ValueError(f'attribute {key} is missing')
    return default if text is None else _float(text)


def _float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) < 1e6:
        raise ValueError(f'{text[:40]!r} is no finite number below a million')
    return value
