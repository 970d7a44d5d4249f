"""Which frames, images and WordNet ids of ILSVRC are used."""
import json
import os
import os.path as osp
import re
from typing import Dict, List, Optional, Tuple

from mmvis_plugin.utils.errors import AnnotationError
from ..class_tables import load_table

_INTEGER = re.compile(r'-?\d{1,9}')


def known_wnids(map_file: Optional[str] = None) -> Dict[str, int]:
    """Return the category id of every WordNet id that is kept.

    Args:
        map_file (str, optional): JSON object from finer WordNet ids to one
            of the 30, or to the name of a class.

    Raises:
        FileNotFoundError: If the map file is missing.
        AnnotationError: If it is no such object.
    """
    table = load_table('imagenet_vid')['categories']
    known = {category['wnid']: category['id'] for category in table}
    if map_file is None:
        return known
    targets = {**known, **{c['name']: c['id'] for c in table}}
    try:
        with open(map_file, encoding='utf-8') as file:
            pairs = json.load(file)
    except ValueError as error:
        raise AnnotationError(f'{map_file}: not valid JSON: {error}') from None
    if not isinstance(pairs, dict):
        raise AnnotationError(f'{map_file}: top level is a '
                              f'{type(pairs).__name__}, expected an object')
    for wnid, target in pairs.items():
        if not isinstance(target, str) or target not in targets:
            raise AnnotationError(
                f'{map_file}: {wnid} is mapped to {target!r}, expected a '
                'WordNet id or name of one of the 30 classes')
    return {**{w: targets[t] for w, t in pairs.items()}, **known}


def read_list(path: str, num_columns: int) -> List[Tuple[str, List[int]]]:
    """Read lines of a name and some integers.

    Args:
        path (str): One of the lists.
        num_columns (int): Least number of columns.

    Returns:
        list[tuple]: Name and the numbers of each line that is not empty.

    Raises:
        FileNotFoundError: If there is no such list.
        AnnotationError: Naming file and line, if one is of another form.
    """
    if not osp.isfile(path):
        raise FileNotFoundError(
            f'list {path} not found; name its folder with --lists, or take '
            'every frame and image with --all')
    rows = []
    with open(path, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            name, *values = line.split() or ['']
            if not name:
                continue
            if (len(values) < num_columns - 1
                    or not all(_INTEGER.fullmatch(v) for v in values)):
                raise AnnotationError(
                    f'{path}: line {number} is {line.strip()[:60]!r}, '
                    f'expected a name and {num_columns - 1} integers')
            rows.append((name, [int(value) for value in values]))
    if not rows:
        raise AnnotationError(f'{path}: no line, expected at least one')
    return rows


def listed_frames(path: str) -> Dict[str, List[int]]:
    """Return the frames of each video of ``VID_train_15frames.txt``.

    Frames are numbered from 1 in the list and from 0 in the names of files.

    Args:
        path (str): The list: name, 1, number of the frame, length.

    Returns:
        dict[str, list[int]]: Video to numbers in names of files, ascending.
    """
    frames: Dict[str, List[int]] = {}
    for name, (_, number, *_, length) in read_list(path, 4):
        if not 1 <= number <= length:
            raise AnnotationError(
                f'{path}: {name} has frame {number} of {length}, expected '
                'numbers from 1 on')
        frames.setdefault(name, []).append(number - 1)
    for name, numbers in frames.items():
        if len(set(numbers)) < len(numbers):
            raise AnnotationError(f'{path}: {name} lists a frame twice')
        numbers.sort()
    return frames


def listed_videos(path: str) -> Dict[str, List[int]]:
    """Return all frames of each video of ``VID_val_videos.txt``.

    Args:
        path (str): The list: name, numbers of which the last is the length.

    Returns:
        dict[str, list[int]]: Video to numbers in names of files, from 0.
    """
    frames = {}
    for name, (*_, length) in read_list(path, 2):
        if length < 1 or name in frames:
            raise AnnotationError(f'{path}: {name} of {length} frames, '
                                  'expected each video once with its length')
        frames[name] = list(range(length))
    return frames


def all_frames(folder: str, split: str) -> Dict[str, List[int]]:
    """Return all frames of all videos of a split of VID.

    Args:
        folder (str): ``Annotations/VID``.
        split (str): 'train' or 'val'.

    Returns:
        dict[str, list[int]]: Video to numbers in names of files, ascending.
    """
    frames: Dict[str, List[int]] = {}
    for path in find_xml(folder, split):
        video, stem = osp.split(path)
        if not stem.isdecimal():
            raise AnnotationError(f'{osp.join(folder, path)}.xml: expected '
                                  'the number of a frame as its name')
        frames.setdefault(video, []).append(int(stem))
    return frames


def find_xml(folder: str, split: str) -> List[str]:
    """Return the XML files below a folder, sorted, without their suffix.

    Args:
        folder (str): ``Annotations/VID`` or ``Annotations/DET``.
        split (str): Folder below it.
    """
    found = []
    for where, _, names in os.walk(osp.join(folder, split)):
        below = osp.relpath(where, folder).replace(os.sep, '/')
        found += [f'{below}/{n[:-4]}' for n in names if n.endswith('.xml')]
    if not found:
        raise FileNotFoundError(f'no XML file below '
                                f'{osp.join(folder, split)}; give the folder '
                                'that holds Annotations as ROOT')
    return sorted(found)
