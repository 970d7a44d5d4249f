"""Conversion of VIPER to the form of Cityscapes-VPS."""
import os
import os.path as osp
import re
from collections import defaultdict
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from PIL import Image

from mmvis_plugin.utils.errors import AnnotationError
from .panoptic_frames import (COLOUR, GREY, convert_split, read_picture,
                              same_size, table_categories, thing_ids,
                              write_frame)

_TABLE = ('viper', 'vps_categories')
_NAME = re.compile(r'(\d{3})_(\d{5})')
_IMAGE_ENDINGS = ('.jpg', '.png')
_MAX_LABEL = 31


class _Frame(NamedTuple):
    """A frame ``<sequence>_<number>`` and its three files."""
    id: str
    image: str
    cls: str
    inst: str


class _Sequence(NamedTuple):
    """What a task needs to know."""
    folder: str
    frames: Tuple[_Frame, ...]


def viper_ids(cls: np.ndarray, inst: np.ndarray,
              categories: List[dict]) -> np.ndarray:
    """Join the two label pictures of a frame.

    Stuff comes from ``cls``. A thing is where ``inst`` has a label of a thing
    and a number above 0. All other pixels are void.

    Args:
        cls (np.ndarray): Label ids.
        inst (np.ndarray): Label id (R) and object number 256 G + B.
        categories (list[dict]): ``id``, ``isthing`` and the label id as
            ``ori_id``.

    Returns:
        np.ndarray: int64 segment ids, 0 for void.

    Shape:
        cls: (H, W); inst: (H, W, 3). Output: (H, W).
    """
    stuff, things = (np.full(256, -1, dtype=np.int64) for _ in range(2))
    for category in categories:
        table = things if category['isthing'] else stuff
        table[category['ori_id']] = category['id']
    category = things[inst[..., 0]]
    number = inst[..., 1].astype(np.int64) << 8 | inst[..., 2]
    return np.where((category >= 0) & (number > 0),
                    thing_ids(category, number), stuff[cls] + 1)


def convert_viper(root: str,
                  split: str,
                  sequences: Optional[Sequence[str]] = None,
                  max_frames: Optional[int] = None,
                  workers: int = 1) -> bool:
    """Write ``panoptic_video`` and ``panoptic_gt_<split>_viper.json``.

    Frames lie in a folder per sequence or all in one. The benchmark takes
    the first 60 frames of 10 sequences by day of the split 'val'; which ones
    is not published.

    Args:
        root (str): Folder with ``<split>/{img,cls,inst}``.
        split (str): 'train' or 'val'.
        sequences (Sequence[str], optional): Which to take, e.g. '002'. None
            takes all that have labels.
        max_frames (int, optional): Number of frames at the start of each
            sequence. None takes all.
        workers (int): Number of processes. Defaults to 1.

    Returns:
        bool: False if all of it was there already.

    Raises:
        FileNotFoundError: If a sequence or a file of a frame is missing.
        AnnotationError: If a label picture is broken.
    """
    folder = osp.join(root, split)
    found = _find_frames(osp.join(folder, 'cls'))
    names = sorted(set(sequences)) if sequences else sorted(found)
    absent = [name for name in names if name not in found]
    if absent or not names:
        raise FileNotFoundError(
            f'{osp.join(folder, "cls")}: no labels of sequences '
            f'{absent[:5] if absent else ""}, expected files '
            '<sequence>_<frame>.png such as 002_00001.png; unpack cls, inst '
            f'and img of the split {split}')
    tasks = {
        name:
        _Sequence(
            folder,
            tuple(
                _with_partners(folder, *frame)
                for frame in found[name][:max_frames]))
        for name in names
    }

    def join(results: Iterable[dict]) -> dict:
        records = list(results)
        content = {
            key: [item for record in records for item in record[key]]
            for key in ('images', 'annotations')
        }
        return dict(categories=table_categories(*_TABLE), **content)

    return convert_split(
        osp.join(root, f'panoptic_gt_{split}_viper.json'),
        dict(
            converter='viper',
            split=split,
            sequences=names,
            max_frames=max_frames),
        tasks,
        _convert_sequence,
        join,
        maps=lambda content:
        (osp.join(folder, 'panoptic_video', item['file_name'])
         for item in content['annotations']),
        workers=workers)


def _find_frames(folder: str) -> Dict[str, List[Tuple[str, str]]]:
    """Return (id, label picture) of each sequence, by frame number."""
    found: Dict[str, List[Tuple[str, str]]] = defaultdict(list)
    for where, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            stem, ending = osp.splitext(name)
            match = _NAME.fullmatch(stem)
            if match and ending == '.png':
                found[match[1]].append((stem, osp.join(where, name)))
    for frames in found.values():
        frames.sort()
        for one, two in zip(frames, frames[1:]):
            if one[0] == two[0]:
                raise AnnotationError(f'{two[1]}: the same frame as {one[1]}, '
                                      'expected one of them; delete the other')
    return found


def _with_partners(folder: str, name: str, cls: str) -> _Frame:
    """Find the instances and the image of a frame in either layout."""
    inst = _first_there(
        osp.join(folder, 'inst'), name, ('.png', ),
        'unpack the instance labels of VIPER')
    image = _first_there(
        osp.join(folder, 'img'), name, _IMAGE_ENDINGS,
        'unpack the images of VIPER')
    return _Frame(name, osp.relpath(image, osp.join(folder, 'img')), cls, inst)


def _first_there(folder: str, name: str, endings: Sequence[str],
                 remedy: str) -> str:
    paths = [
        osp.join(folder, part, f'{name}{ending}') for part in (name[:3], '')
        for ending in endings
    ]
    for path in paths:
        if osp.exists(path):
            return path
    raise FileNotFoundError(f'{paths[0]}: no such file; {remedy}')


def _convert_sequence(sequence: _Sequence) -> dict:
    categories = table_categories(*_TABLE)
    images, annotations = [], []
    for frame in sequence.frames:
        cls = read_picture(frame.cls, GREY)
        inst = read_picture(frame.inst, COLOUR)
        path = osp.join(sequence.folder, 'img', frame.image)
        with Image.open(path) as image:
            size = image.size[::-1]
        same_size({
            path: size,
            frame.cls: cls.shape,
            frame.inst: inst.shape[:2]
        })
        if cls.min() < 0 or cls.max() > _MAX_LABEL:
            raise AnnotationError(
                f'{frame.cls}: label id {int(cls.max())}, expected 0 to '
                f'{_MAX_LABEL}; take the indexed pictures, not the colours')
        name = f'{frame.id}.png'
        segments = write_frame(
            osp.join(sequence.folder, 'panoptic_video', name),
            viper_ids(cls, inst, categories))
        images.append(
            dict(
                id=frame.id,
                file_name=frame.image.replace(os.sep, '/'),
                width=size[1],
                height=size[0]))
        annotations.append(
            dict(image_id=frame.id, file_name=name, segments_info=segments))
    return dict(images=images, annotations=annotations)
