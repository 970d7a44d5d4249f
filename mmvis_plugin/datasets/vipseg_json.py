"""Reader of the JSON of VIPSeg, with the frames of each video apart.

Source of the format: the ``panoptic_gt_VIPSeg_*`` files of the 720P form.
"""
from os import path as osp
from typing import Dict, Hashable

from mmvis_plugin.utils.errors import AnnotationError
from .annotation_checks import (check_new, parse_categories, positive_size,
                                require, require_annotations, require_text)
from .panoptic_json import annotate, pair_annotations, require_id
from .panoptic_records import last_number, number_frames
from .video_source import VideoSource


def parse_vipseg_json(data: dict, file: str, img_suffix: str) -> VideoSource:
    """Read ``videos[].images`` and ``annotations[].annotations``.

    Videos are numbered from 1 in the order of the file.

    Args:
        data (dict): Top level of the file.
        file (str): The annotation file, for messages.
        img_suffix (str): Ending of the frame files; the JSON names those of
            the maps.

    Returns:
        VideoSource: The videos, with ``seg_map_file`` for annotated frames;
        not annotated if the file has no ``annotations``, or null or an empty
        list there.

    Raises:
        AnnotationError: Naming the record that breaks the format.
    """
    categories = parse_categories(data, file)
    known = {category['id'] for category in categories}
    videos: Dict[str, dict] = {}
    for i, raw in enumerate(require(data, 'videos', file, types=list)):
        where = f'videos[{i}]'
        name = require_text(raw, 'video_id', file, where)
        check_new(name, videos, 'video id', file, where)
        images = _parse_images(raw, name, file, where, img_suffix)
        videos[name] = dict(
            video_id=len(videos) + 1, video_name=name, images=images)
    annotations = require_annotations(data, file)
    if annotations:
        _add_annotations(annotations, videos, known, file)
    img_id = 0
    for name, video in videos.items():
        frames = number_frames(
            list(video['images'].values()), file, f'video {name}')
        for img_id, frame in enumerate(frames, img_id + 1):
            frame['img_id'] = img_id
        video['images'] = frames
    return VideoSource(list(videos.values()), categories, bool(annotations))


def _parse_images(raw: dict, video_name: str, file: str, where: str,
                  img_suffix: str) -> Dict[Hashable, dict]:
    """Return the frames of a video by their id in the file."""
    images: Dict[Hashable, dict] = {}
    for i, image in enumerate(require(raw, 'images', file, where, list)):
        at = f'{where}.images[{i}]'
        image_id = require_id(image, 'id', file, at)
        check_new(image_id, images, 'image id', file, at)
        name = require_text(image, 'file_name', file, at)
        height, width = positive_size(image, file, at)
        stem = osp.splitext(name)[0]
        images[image_id] = dict(
            src_img_id=image_id,
            file_name=f'{video_name}/{stem}{img_suffix}',
            height=height,
            width=width,
            src_frame=last_number(stem),
            has_ann=False,
            instances=[])
    return images


def _add_annotations(annotations: list, videos: Dict[str, dict], known: set,
                     file: str) -> None:
    seen: set = set()
    for i, raw in enumerate(annotations):
        where = f'annotations[{i}]'
        name = require_text(raw, 'video_id', file, where)
        check_new(name, seen, 'video id', file, where)
        seen.add(name)
        if name not in videos:
            raise AnnotationError(f'{file}: {where} belongs to video {name}, '
                                  'which is not in videos')
        frames = require(raw, 'annotations', file, where, list)
        for at, record, image in pair_annotations(frames,
                                                  videos[name]['images'], file,
                                                  f'{where}.annotations'):
            annotate(image, record, known, file, at)
            image['seg_map_file'] = f'{name}/{image["seg_map_file"]}'
    bare = [name for name in videos if name not in seen]
    if bare:
        raise AnnotationError(
            f'{file}: annotations: videos {bare[:5]} have no annotation, '
            'expected one for each video; leave videos without annotation '
            'out')
