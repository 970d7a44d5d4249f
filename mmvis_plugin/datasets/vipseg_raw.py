"""Reader of VIPSeg as it is downloaded: a list of videos and 16 bit masks.

Source of the format: the release of VIPSeg and its conversion scripts.
"""
import os
from os import path as osp
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
from mmengine.dist import get_rank
from mmengine.logging import MMLogger
from PIL import Image

from mmvis_plugin.structures import PanopticSegments, read_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.progress import FrameProgress
from mmvis_plugin.utils.tasks import TaskParts, run_tasks
from .annotation_checks import check_text
from .panoptic_records import last_number, number_frames
from .video_source import VideoSource

VOID_VALUE = 200
_FIRST_NUMBERED = 125
_IMAGES = ('.jpg', '.jpeg', '.png')


def read_split_list(path: str) -> List[str]:
    """Return the names of the videos of a split.

    Args:
        path (str): Text file, one name per line; the last line may have no
            end.

    Raises:
        FileNotFoundError: If the file does not exist.
        AnnotationError: If a line is no name, or a name comes twice.
    """
    if not osp.isfile(path):
        raise FileNotFoundError(f'annotation file {path} not found (from '
                                'data_root, ann_file)')
    try:
        with open(path, encoding='utf-8') as file:
            lines = file.read().splitlines()
    except UnicodeDecodeError as error:
        raise AnnotationError(f'{path}: not a text file: byte {error.start} '
                              'is not UTF-8') from None
    names: Dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        name = line.strip()
        if not name:
            continue
        check_text(name, path, f'line {number}')
        if name != osp.basename(name) or name in ('.', '..'):
            raise AnnotationError(f'{path}: line {number} is {name!r}, '
                                  'expected the name of a video')
        if name in names:
            raise AnnotationError(
                f'{path}: line {number} repeats video {name} of line '
                f'{names[name]}, expected distinct videos')
        names[name] = number
    return list(names)


def parse_vipseg_raw(path: str,
                     img_dir: str,
                     mask_dir: str,
                     categories: List[dict],
                     workers: int = 1,
                     cache_dir: Optional[str] = None) -> VideoSource:
    """List the frames of a split and the segments in their masks.

    Every mask is read once, which takes long: with a cache folder the
    videos that are done stay done when the program is stopped.

    Args:
        path (str): The split list.
        img_dir (str): Folder of the frames, one folder per video.
        mask_dir (str): Folder of the masks, the same way. A split without
            any of them is not annotated.
        categories (list[dict]): ``id``, ``name`` and ``isthing``.
        workers (int): Number of processes, with a cache folder. Defaults to
            1.
        cache_dir (str, optional): Where results of single videos are kept
            until all are there. None keeps nothing. Defaults to None.

    Returns:
        VideoSource: The videos, in the order of the list.

    Raises:
        AnnotationError: If a mask breaks the format or the list is empty.
        FileNotFoundError: If a folder or a mask is missing.
    """
    names = read_split_list(path)
    if not names:
        raise AnnotationError(f'{path}: no video, expected a name per line')
    annotated = any(osp.isdir(osp.join(mask_dir, name)) for name in names)
    tasks = {
        name:
        dict(
            name=name,
            file=path,
            img_dir=osp.join(img_dir, name),
            mask_dir=osp.join(mask_dir, name) if annotated else None,
            things=[c['id'] for c in categories if c['isthing']],
            num_classes=len(categories))
        for name in names
    }
    if cache_dir is None:
        videos = _run_here(tasks)
    else:
        parts = TaskParts(
            osp.join(cache_dir, f'.{osp.basename(path)}.{get_rank()}.parts'),
            dict(img_dir=img_dir, mask_dir=mask_dir, annotated=annotated))
        videos = list(run_tasks(parse_raw_video, tasks, parts, workers))
        parts.remove()
    _warn_void(videos, path)
    img_id = 0
    for video_id, video in enumerate(videos, 1):
        video['video_id'] = video_id
        for img_id, image in enumerate(video['images'], img_id + 1):
            image.update(img_id=img_id, instances=[])
    return VideoSource(videos, categories, annotated)


def parse_raw_video(task: Dict[str, Any]) -> Dict[str, Any]:
    """Read the masks of a video.

    Args:
        task (dict): ``name`` of the video, ``file`` that lists it, its
            ``img_dir`` and ``mask_dir`` (None if not annotated), ``things``
            (category ids) and ``num_classes``.

    Returns:
        dict: ``video_name`` and ``images``; plain values.
    """
    name, mask_dir = task['name'], task['mask_dir']
    images = []
    for file_name in _frame_files(task):
        stem = osp.splitext(file_name)[0]
        image = dict(
            file_name=f'{name}/{file_name}',
            src_img_id=stem,
            src_frame=last_number(stem),
            has_ann=mask_dir is not None)
        if mask_dir is None:
            path = osp.join(task['img_dir'], file_name)
            image['height'], image['width'] = _image_size(path)
        else:
            image['seg_map_file'] = f'{name}/{stem}.png'
            image.update(_read_mask(osp.join(mask_dir, f'{stem}.png'), task))
        images.append(image)
    return dict(
        video_name=name,
        images=number_frames(images, task['file'], f'video {name}'))


def segments_of_values(values: np.ndarray, areas: np.ndarray, things: set,
                       num_classes: int) -> Tuple[List[dict], List[int]]:
    """Turn the values of a mask into segments.

    Args:
        values (np.ndarray): Distinct values above 0. 1 to 124 is the one
            region of category value - 1; from 125 on it is instance
            value % 100 of category value // 100 - 1.
        areas (np.ndarray): Number of pixels of each.
        things (set[int]): Category ids of things.
        num_classes (int): Number of categories.

    Returns:
        tuple[list[dict], list[int]]: Segments with ``id`` (the value),
        ``category_id``, ``iscrowd`` and ``area``; and the values that are
        void: 200, as in a published loader.

    Raises:
        ValueError: With the finding alone, if a value has no meaning.

    Shape:
        values, areas: (N, ).
    """
    segments, void = [], []
    for value, area in zip(values.tolist(), areas.tolist()):
        numbered = value >= _FIRST_NUMBERED
        category_id = value // 100 - 1 if numbered else value - 1
        if value == VOID_VALUE:
            void.append(value)
            continue
        if numbered and category_id not in things:
            raise ValueError(
                f'value {value} stands for instance {value % 100} of '
                f'category {category_id}, which is not a thing')
        if category_id >= num_classes:
            raise ValueError(f'value {value} stands for category '
                             f'{category_id}, expected one below '
                             f'{num_classes}')
        segments.append(
            dict(id=value, category_id=category_id, iscrowd=0, area=area))
    return segments, void


def _run_here(tasks: Dict[str, dict]) -> List[dict]:
    videos = []
    with FrameProgress(len(tasks), 'videos') as progress:
        for task in tasks.values():
            videos.append(parse_raw_video(task))
            progress.advance()
    return videos


def _frame_files(task: Dict[str, Any]) -> List[str]:
    try:
        names = os.listdir(task['img_dir'])
    except (OSError, ValueError):
        raise FileNotFoundError(
            f'{task["img_dir"]} (frames of video {task["name"]} of '
            f'{task["file"]}); check data_root and data_prefix') from None
    return sorted(name for name in names if name.lower().endswith(_IMAGES))


def _read_mask(path: str, task: Dict[str, Any]) -> Dict[str, Any]:
    where = f'{path} (video {task["name"]} of {task["file"]})'
    try:
        ids = read_panoptic_map(path, channels=1)
    except FileNotFoundError:
        raise FileNotFoundError(f'{where}: no mask of this frame') from None
    found = PanopticSegments.from_map(ids)
    try:
        segments, void = segments_of_values(found.ids, found.areas,
                                            set(task['things']),
                                            task['num_classes'])
    except ValueError as error:
        raise AnnotationError(f'{where}: {error}') from None
    record = dict(
        height=ids.shape[0], width=ids.shape[1], segments_info=segments)
    return dict(record, void_ids=void) if void else record


def _image_size(path: str) -> Tuple[int, int]:
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except OSError:
        raise AnnotationError(f'{path}: cannot be read as an image; replace '
                              'the file') from None


def _warn_void(videos: List[dict], path: str) -> None:
    hit = [
        sum('void_ids' in image for image in video['images'])
        for video in videos
    ]
    if any(hit):
        MMLogger.get_current_instance().warning(
            f'{path}: masks of {sum(hit)} frames of {np.count_nonzero(hit)} '
            f'videos have pixels of value {VOID_VALUE}, taken as void')
