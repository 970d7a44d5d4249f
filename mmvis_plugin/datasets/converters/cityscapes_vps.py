"""Conversion of the Cityscapes-VPS release."""
import os
import os.path as osp
from collections import defaultdict
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

import numpy as np

from mmvis_plugin.structures import encode_index_map
from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.tasks import write_json
from ..annotation_checks import read_json, require
from .panoptic_frames import (COLOUR, GREY, convert_split, distinct,
                              read_picture, same_size, table_categories,
                              thing_ids, write_frame, write_grey)

_VOID = 255
# values of the instance pictures: label id * 1000 + number
_FIRST_OBJECT = 1000
_LABEL_ENDINGS = dict(
    newImg8bit=('final_mask', 'final_mask'),
    leftImg8bit=('gtFine_color', 'gtFine_instanceIds'))


class _Frame(NamedTuple):
    """A labelled frame: id, image file, and its two label pictures."""
    id: str
    file_name: str
    cls: str
    inst: str


class _Video(NamedTuple):
    """What a task needs to know."""
    folder: str
    frames: Tuple[_Frame, ...]


def cityscapes_ids(colours: np.ndarray, inst: np.ndarray,
                   categories: List[dict]) -> Tuple[np.ndarray, np.ndarray]:
    """Join the two label pictures of a frame.

    Stuff comes from the colours. A thing exists only where ``inst`` is 1000
    or more, as the class that most of the object's colours stand for (of
    equally frequent colours the smallest R + 256 G + 65536 B); if that is no
    thing, the object is none. All other pixels are void, so regions of
    several things that were labelled as one are void, not crowd.

    Args:
        colours (np.ndarray): uint8 class colours.
        inst (np.ndarray): Label id * 1000 + number for objects, less for
            other regions.
        categories (list[dict]): ``id``, ``isthing`` and ``color``.

    Returns:
        tuple[np.ndarray, np.ndarray]: int64 segment ids, 0 for void, and
        int64 category of each colour, -1 for void.

    Shape:
        colours: (H, W, 3); inst and the output: (H, W).
    """
    known = np.array([np.dot(c['color'], [1, 256, 65536]) for c in categories])
    labels = np.array([c['id'] for c in categories])
    is_thing = np.array([bool(c['isthing']) for c in categories])
    order = np.argsort(known)
    found, index = distinct(_colour_keys(colours))
    place = np.minimum(np.searchsorted(known[order], found), len(order) - 1)
    of_colour = np.where(known[order][place] == found, labels[order][place],
                         -1)
    # void is -1, which picks any: it counts as no thing
    thing_colour = is_thing[of_colour] & (of_colour >= 0)
    stuff_ids = np.where(thing_colour, 0, of_colour + 1)

    numbers, owner = distinct(np.where(inst >= _FIRST_OBJECT, inst, 0))
    votes = np.bincount(
        (owner * len(found) + index).ravel(),
        minlength=len(numbers) * len(found))
    winner = votes.reshape(len(numbers), len(found)).argmax(axis=1)
    object_ids = np.where(
        thing_colour[winner] & (numbers > 0),
        thing_ids(of_colour[winner], numbers % _FIRST_OBJECT), 0)
    ids = object_ids[owner]
    return np.where(ids > 0, ids, stuff_ids[index]), of_colour[index]


def _colour_keys(colours: np.ndarray) -> np.ndarray:
    red, green, blue = (colours[..., i].astype(np.int32) for i in range(3))
    return red | green << 8 | blue << 16


def convert_cityscapes_vps(root: str,
                           split: str,
                           workers: int = 1,
                           fine_root: Optional[str] = None) -> bool:
    """Write what training and evaluation need of a split.

    Adds ``labelmap``, ``panoptic_inst`` and ``panoptic_video`` to the folder
    of the split, and ``panoptic_gt_<split>_city_vps.json`` beside it. Files
    of the release are never changed; ``panoptic_im_*`` and ``instances_*``
    are written where the release has none.

    Args:
        root (str): Folder of the release.
        split (str): 'train' or 'val'.
        workers (int): Number of processes. Defaults to 1.
        fine_root (str, optional): Folder ``gtFine/val`` of Cityscapes. The
            labels of the 20th frames are taken from there where the release
            lacks them.

    Returns:
        bool: False if all of it was there already.

    Raises:
        FileNotFoundError: If a label picture is missing.
        AnnotationError: If one is broken.
    """
    folder = osp.join(root, split)
    frames = _labelled_frames(root, split, fine_root)
    videos: Dict[str, List[_Frame]] = defaultdict(list)
    for frame in frames:
        videos[frame.id[:4]].append(frame)
    categories = table_categories('cityscapes_vps')

    def join(results: Iterable[dict]) -> dict:
        records = list(results)
        images, annotations, instances = ([
            item for record in records for item in record[key]
        ] for key in ('images', 'annotations', 'instances'))
        base = dict(images=images, categories=categories)
        instances = [dict(item, id=i) for i, item in enumerate(instances, 1)]
        _write_missing(
            osp.join(root, f'instances_{split}_city_vps_rle.json'),
            dict(base, annotations=instances))
        _write_missing(
            osp.join(root, f'panoptic_im_{split}_city_vps.json'), base)
        return dict(base, annotations=annotations)

    return convert_split(
        osp.join(root, f'panoptic_gt_{split}_city_vps.json'),
        dict(converter='cityscapes_vps', split=split), {
            name: _Video(folder, tuple(of_video))
            for name, of_video in videos.items()
        },
        _convert_video,
        join,
        maps=lambda content:
        (osp.join(folder, 'panoptic_video', item['file_name'])
         for item in content['annotations']),
        workers=workers)


def _write_missing(path: str, content: dict) -> None:
    if not osp.exists(path):
        write_json(path, content)


def _labelled_frames(root: str, split: str,
                     fine_root: Optional[str]) -> List[_Frame]:
    """Find the label pictures of all frames, in the order of their ids."""
    path = osp.join(root, f'panoptic_im_{split}_city_vps.json')
    folders = [osp.join(root, split, kind) for kind in ('cls', 'inst')]
    cls, inst = (_by_image_id(folder) for folder in folders)
    if osp.exists(path):
        listed = {}
        images = require(read_json(path), 'images', path, types=list)
        for i, image in enumerate(images):
            image_id, file_name = (
                require(image, key, path, f'images[{i}]', str)
                for key in ('id', 'file_name'))
            listed[image_id] = file_name
    else:
        listed = {
            name: f'{name}_{_image_ending(file)}.png'
            for name, file in cls.items()
        }
    if not listed:
        raise FileNotFoundError(
            f'{folders[0]}: no label pictures and no {path}; unpack the '
            'release and its labels there')
    return [
        _Frame(
            image_id, file_name,
            *_label_files(image_id, file_name, folders, (cls, inst),
                          fine_root))
        for image_id, file_name in sorted(listed.items())
    ]


def _by_image_id(folder: str) -> Dict[str, str]:
    """Return the pictures of a folder by their id: two words of the name
    belong to its ending."""
    names = sorted(os.listdir(folder)) if osp.isdir(folder) else []
    return {
        name.rsplit('_', 2)[0]: osp.join(folder, name)
        for name in names if name.endswith('.png')
    }


def _image_ending(label_file: str) -> str:
    return 'leftImg8bit' if '_gtFine_' in osp.basename(
        label_file) else 'newImg8bit'


def _label_files(image_id: str, file_name: str, folders: List[str],
                 known: Tuple[Dict[str, str], Dict[str, str]],
                 fine_root: Optional[str]) -> List[str]:
    image_ending = osp.splitext(file_name)[0].rsplit('_', 1)[-1]
    endings = _LABEL_ENDINGS.get(image_ending)
    words = image_id.split('_')
    if endings is None or len(words) != 5:
        raise AnnotationError(
            f'{folders[0]}: image {image_id} of file {file_name}, expected '
            'VVVV_NNNN_city_sequence_frame with the ending _newImg8bit.png '
            'or _leftImg8bit.png')
    files = []
    for folder, ending, found in zip(folders, endings, known):
        path = found.get(image_id)
        if path is None and fine_root and image_ending == 'leftImg8bit':
            path = osp.join(fine_root, words[2],
                            f'{"_".join(words[2:])}_{ending}.png')
        if path is None or not osp.exists(path):
            hint = ('; give the folder gtFine/val of Cityscapes'
                    if image_ending == 'leftImg8bit' else
                    '; unpack the labels of the release')
            missing = path or osp.join(folder, f'{image_id}_{ending}.png')
            raise FileNotFoundError(f'{missing}: no such file{hint}')
        files.append(path)
    return files


def _convert_video(video: _Video) -> dict:
    categories = table_categories('cityscapes_vps')
    images, annotations, instances = [], [], []
    for frame in video.frames:
        colours = read_picture(frame.cls, COLOUR)
        inst = read_picture(frame.inst, GREY)
        same_size({frame.cls: colours.shape[:2], frame.inst: inst.shape})
        ids, semantic = cityscapes_ids(colours, inst, categories)
        ending = _LABEL_ENDINGS[osp.splitext(frame.file_name)[0].rsplit(
            '_', 1)[-1]][0]
        name = f'{frame.id}_{ending}.png'
        write_grey(
            osp.join(video.folder, 'labelmap', name),
            np.where(semantic < 0, _VOID, semantic).astype(np.uint8))
        write_grey(
            osp.join(video.folder, 'panoptic_inst', name), _official(ids))
        segments = write_frame(
            osp.join(video.folder, 'panoptic_video', name), ids)
        height, width = ids.shape
        images.append(
            dict(
                id=frame.id,
                file_name=frame.file_name,
                width=width,
                height=height))
        annotations.append(
            dict(image_id=frame.id, file_name=name, segments_info=segments))
        instances += _instances(frame.id, ids, segments)
    return dict(images=images, annotations=annotations, instances=instances)


def _official(ids: np.ndarray) -> np.ndarray:
    """Return category * 1000 + number, the category for stuff, 255 void."""
    values = np.where(ids >= _FIRST_OBJECT, ids - _FIRST_OBJECT, ids - 1)
    return np.where(ids == 0, _VOID, values).astype(np.uint16)


def _instances(image_id: str, ids: np.ndarray,
               segments: List[dict]) -> List[dict]:
    codes = dict(zip(*encode_index_map(np.where(ids < _FIRST_OBJECT, 0, ids))))
    return [
        dict(
            image_id=image_id,
            category_id=item['category_id'],
            inst_id=item['id'] % _FIRST_OBJECT,
            iscrowd=0,
            area=item['area'],
            bbox=item['bbox'],
            segmentation=codes[item['id']]) for item in segments
        if item['id'] >= _FIRST_OBJECT
    ]
