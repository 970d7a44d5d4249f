"""Reader of the files that labelme writes, one per frame."""
import os
import os.path as osp
from collections import Counter
from typing import Any, Dict, List, Optional, Tuple

from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.video_reader import IMAGE_SUFFIXES, natural_key
from ..annotation_checks import positive_size, read_json, require, require_text
from .custom_vis import FILES, check_image, source_stamp, video_record
from .drawn_tracks import Shape
from .shape_masks import (box_mask, check_points, ellipse_mask, png_mask,
                          polygon_mask)

# shapes without an area
OTHERS = ('line', 'linestrip', 'point', 'points')

_CROWD_FLAGS = ('iscrowd', 'crowd')


def find_labelme_videos(root: str) -> Dict[str, List[str]]:
    """Return the labelme files of each video below a folder.

    A folder with JSON files is a video; its name is its path from ``root``.

    Args:
        root (str): Folder, searched to any depth; hidden folders are not.

    Returns:
        dict[str, list[str]]: Paths in natural order, by name of the video.

    Raises:
        FileNotFoundError: If there is none.
    """
    videos = {}
    for folder, below, names in os.walk(root):
        below[:] = sorted((n for n in below if not n.startswith('.')),
                          key=natural_key)
        files = [
            osp.join(folder, name) for name in sorted(names, key=natural_key)
            if name.endswith('.json') and name not in FILES.values()
        ]
        if files:
            name = osp.relpath(folder, root).replace(os.sep, '/')
            if name == '.':
                name = osp.basename(osp.abspath(root))
            if name in videos:
                raise AnnotationError(f'{folder}: another video is named '
                                      f'{name}, too; rename the folder')
            videos[name] = files
    if not videos:
        raise FileNotFoundError(f'{root}: no labelme file (.json) in it or in '
                                'a folder below')
    return videos


def video_stamp(files: List[str], all_frames: bool) -> str:
    """Return what changes when the files or the frames of a video change.

    Args:
        files (list[str]): Labelme files.
        all_frames (bool): Frames without a file count.
    """
    folder = osp.dirname(files[0])
    return source_stamp(files) + repr(
        all_frames and sorted(os.listdir(folder)))


def read_labelme_video(task: Tuple[str, str, List[str], bool, dict]) -> dict:
    """Read the labelme files of one video.

    Args:
        task (tuple): Folder that paths of frames start from, name of the
            video, labelme files, whether images without a file are frames
            without objects, and the options of :func:`video_record`.

    Returns:
        dict: Result of :func:`video_record`.

    Raises:
        AnnotationError: Naming the file and the shape that break the format.
        FileNotFoundError: If the image of a file is missing.
    """
    root, name, files, all_frames, options = task
    drops: Counter = Counter()
    by_image: Dict[str, tuple] = {}
    for file in files:
        image, size, shapes = read_labelme_file(file, drops)
        if image in by_image:
            raise AnnotationError(f'{file}: annotates {image}, as another '
                                  'file does; expected one file per frame')
        by_image[image] = (size, shapes)
    if all_frames:
        folder = osp.dirname(files[0])
        for entry in os.listdir(folder):
            path = osp.join(folder, entry)
            if entry.lower().endswith(IMAGE_SUFFIXES):
                by_image.setdefault(path, (check_image(path, None, ''), []))
    images = sorted(by_image, key=natural_key)
    return video_record(
        name, [osp.relpath(i, root).replace(os.sep, '/') for i in images],
        [by_image[i][0] for i in images], [by_image[i][1]
                                           for i in images], options, drops,
        osp.dirname(files[0]))


def read_labelme_file(file: str,
                      drops: Counter) -> Tuple[str, tuple, List[Shape]]:
    """Read one labelme file.

    Args:
        file (str): The JSON file.
        drops (Counter): Counts shapes without an area.

    Returns:
        tuple: Path of the image, its (height, width), and the shapes.

    Raises:
        AnnotationError: Naming the shape that breaks the format.
        FileNotFoundError: If the image is missing.
    """
    data = read_json(file)
    records = require(data, 'shapes', file, types=list)
    image = _find_image(file, require_text(data, 'imagePath', file))
    expected = None
    if data.get('imageHeight') is not None:
        expected = positive_size(
            dict(height=data['imageHeight'], width=data.get('imageWidth')),
            file, 'imageHeight and imageWidth')
    size, shapes = check_image(image, expected, file), []
    for i, record in enumerate(records):
        where = f'shapes[{i}]'
        label = require_text(record, 'label', file, where)
        group = record.get('group_id')
        if group is not None:
            group = require(record, 'group_id', file, where, int)
        try:
            mask = _shape_mask(record, size)
        except ValueError as error:
            raise AnnotationError(
                f'{file}: {where} ({label!r}): {error}') from None
        if mask is None:
            drops[f'shape of type {record["shape_type"]!r}'] += 1
            continue
        shapes.append(
            Shape(label, group, mask,
                  record.get('shape_type') == 'rectangle',
                  _is_crowd(record.get('flags'))))
    return image, size, shapes


def _find_image(file: str, image_path: str) -> str:
    folder = osp.dirname(file)
    path = osp.normpath(osp.join(folder, image_path.replace('\\', '/')))
    stem = osp.splitext(file)[0]
    for candidate in (path, *(stem + suffix for suffix in IMAGE_SUFFIXES)):
        if osp.isfile(candidate):
            return candidate
    raise FileNotFoundError(f'{path} (imagePath of {file}); put the image '
                            'beside its labelme file')


def _shape_mask(record: dict, size: Tuple[int, int]) -> Optional[dict]:
    """Return the mask; None for a shape without an area."""
    kind, points = record.get('shape_type', 'polygon'), record.get('points')
    corners = len(points) if isinstance(points, list) else 0
    if kind in ('polygon', 'oriented_rectangle') or (kind == 'rectangle'
                                                     and corners > 2):
        return polygon_mask(check_points(points, 3), size)
    if kind == 'rectangle':
        return box_mask(check_points(points, 2)[:2], size)
    if kind == 'circle':
        (x, y), (x2, y2) = check_points(points, 2)[:2]
        radius = ((x2 - x)**2 + (y2 - y)**2)**0.5
        return ellipse_mask((x, y), (radius, radius), size)
    if kind == 'mask':
        return png_mask(record.get('mask'), check_points(points, 1)[0], size)
    if kind not in OTHERS:
        raise ValueError(f'unknown shape_type {kind!r}')
    return None


def _is_crowd(flags: Any) -> bool:
    return isinstance(flags, dict) and any(
        flags.get(name) is True for name in _CROWD_FLAGS)
