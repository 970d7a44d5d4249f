"""Reader of the JSON of YouTube-VIS and OVIS, one record per track.

Source of the format: the annotation files of the two benchmarks.
"""
from collections import Counter
from os import path as osp
from typing import Optional

from mmvis_plugin.utils.errors import AnnotationError
from .annotation_checks import (build_instance, check_new, frame_numbers,
                                parse_categories, positive_size, require)
from .video_source import VideoSource

_PER_FRAME = ('segmentations', 'bboxes', 'areas')


def parse_vis_json(data: dict, file: str) -> VideoSource:
    """Read ``videos[].file_names`` and per-track ``annotations``.

    Args:
        data (dict): Top level of the file.
        file (str): The annotation file, for messages.

    Returns:
        VideoSource: The videos; not annotated if the file has no
        ``annotations``, or null or an empty list there.

    Raises:
        AnnotationError: Naming the record that breaks the format.
    """
    drops = Counter()
    categories = parse_categories(data, file)
    known = {category['id'] for category in categories}
    annotations = data.get('annotations')
    if annotations is not None and not isinstance(annotations, list):
        raise AnnotationError(
            f'{file}: annotations is a {type(annotations).__name__}, '
            'expected a list')
    videos, num_frames = {}, 0
    for i, raw in enumerate(require(data, 'videos', file, types=list)):
        where = f'videos[{i}]'
        video_id = require(raw, 'id', file, where, int)
        check_new(video_id, videos, 'video id', file, where)
        videos[video_id] = _parse_video(raw, file, where, num_frames,
                                        bool(annotations))
        num_frames += len(videos[video_id]['images'])
    seen = set()
    for i, track in enumerate(annotations or []):
        where = f'annotations[{i}]'
        track_id = require(track, 'id', file, where, int)
        check_new(track_id, seen, 'annotation id', file, where)
        seen.add(track_id)
        category_id = require(track, 'category_id', file, where, int)
        if category_id not in known:
            raise AnnotationError(f'{file}: unknown category {category_id} '
                                  f'in {where} (id {track_id})')
        video = videos.get(require(track, 'video_id', file, where, int))
        if video is None:
            raise AnnotationError(f'{file}: {where} (id {track_id}) belongs '
                                  f'to video {track["video_id"]}, which is '
                                  'not in videos')
        _add_track(video, track, file, drops)
    return VideoSource(
        list(videos.values()), categories, bool(annotations), drops)


def _parse_video(raw: dict, file: str, where: str, num_before: int,
                 has_ann: bool) -> dict:
    names = require(raw, 'file_names', file, where, list)
    height, width = positive_size(raw, file, where)
    for i, name in enumerate(names):
        if not isinstance(name, str):
            raise AnnotationError(f'{file}: {where}.file_names[{i}] is '
                                  f'{name!r}, expected a path')
    numbers = frame_numbers(names, file, f'{where}.file_names')
    folder = osp.dirname(names[0]) if names else ''
    images = [
        dict(
            img_id=num_before + i + 1,
            file_name=name,
            height=height,
            width=width,
            src_frame=number,
            has_ann=has_ann,
            instances=[])
        for i, (name, number) in enumerate(zip(names, numbers))
    ]
    name = str(raw.get('name') or folder or raw['id'])
    return dict(video_id=raw['id'], video_name=name, images=images)


def _per_frame(track: dict, key: str, length: int, file: str) -> list:
    values = track.get(key)
    if values is None:
        return [None] * length
    if not isinstance(values, list) or len(values) != length:
        found = (f'length {len(values)}'
                 if isinstance(values, list) else type(values).__name__)
        raise AnnotationError(
            f'{file}: annotation {track["id"]} has {key} of {found}, '
            f'expected {length}, the number of file_names of video '
            f'{track["video_id"]}')
    return values


def _add_track(video: dict, track: dict, file: str, drops: Counter) -> None:
    images = video['images']
    columns = [_per_frame(track, key, len(images), file) for key in _PER_FRAME]
    if track.get('segmentations') is None and track.get('bboxes') is None:
        raise AnnotationError(f'{file}: annotation {track["id"]} has neither '
                              'segmentations nor bboxes')
    with_masks = track.get('segmentations') is not None
    for t, (image, mask, bbox, area) in enumerate(zip(images, *columns)):
        if with_masks and mask is None:
            continue
        instance = _build(track, image, mask, bbox, area, drops, file, t)
        if instance is not None:
            image['instances'].append(instance)


def _build(track: dict, image: dict, mask, bbox, area: Optional[float],
           drops: Counter, file: str, frame: int) -> Optional[dict]:
    try:
        return build_instance(track['category_id'], track['id'],
                              track.get('iscrowd'), mask, bbox, area,
                              (image['height'], image['width']), drops)
    except ValueError as error:
        raise AnnotationError(f'{file}: annotation {track["id"]}, frame '
                              f'{frame}: {error}') from None
