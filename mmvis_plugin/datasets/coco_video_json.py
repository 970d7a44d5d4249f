"""Reader of COCO-video JSON, one record per object and frame.

This is the form that mmdet's converters write.
"""
from collections import Counter
from typing import Dict, List

from mmvis_plugin.utils.errors import AnnotationError
from .annotation_checks import (build_instance, check_new, frame_numbers,
                                parse_categories, positive_size, require)
from .video_source import VideoSource


def parse_coco_video_json(data: dict, file: str) -> VideoSource:
    """Read ``videos``, ``images`` and per-frame ``annotations``.

    Args:
        data (dict): Top level of the file.
        file (str): The annotation file, for messages.

    Returns:
        VideoSource: The videos; not annotated if the file has no
        ``annotations``, or null or an empty list there.

    Raises:
        AnnotationError: Naming the record that breaks the format.
    """
    annotations = data.get('annotations')
    source = VideoSource(
        _parse_videos(data, file), parse_categories(data, file),
        bool(annotations))
    videos = {video['video_id']: video for video in source.videos}
    images = _parse_images(data, file, videos, source.annotated)
    for video in source.videos:
        _sort_frames(video, file)
    known = {category['id'] for category in source.categories}
    seen, tracks = set(), set()
    for i, ann in enumerate(annotations or []):
        where = f'annotations[{i}]'
        ann_id = require(ann, 'id', file, where, int)
        check_new(ann_id, seen, 'annotation id', file, where)
        seen.add(ann_id)
        if require(ann, 'category_id', file, where, int) not in known:
            raise AnnotationError(f'{file}: unknown category '
                                  f'{ann["category_id"]} in {where} '
                                  f'(id {ann_id})')
        image = images.get(require(ann, 'image_id', file, where, int))
        if image is None:
            raise AnnotationError(f'{file}: {where} (id {ann_id}) belongs to '
                                  f'image {ann["image_id"]}, which is not in '
                                  'images')
        track = require(ann, 'instance_id', file, where, int)
        check_new((ann['image_id'], track), tracks, '(image id, instance id)',
                  file, where)
        tracks.add((ann['image_id'], track))
        _add_object(image, ann, file, source.drops)
    return source


def _parse_videos(data: dict, file: str) -> List[dict]:
    videos, seen = [], set()
    for i, raw in enumerate(require(data, 'videos', file, types=list)):
        where = f'videos[{i}]'
        video_id = require(raw, 'id', file, where, int)
        check_new(video_id, seen, 'video id', file, where)
        seen.add(video_id)
        videos.append(
            dict(
                video_id=video_id,
                video_name=str(raw.get('name') or video_id),
                images=[]))
    return videos


def _parse_images(data: dict, file: str, videos: Dict[int, dict],
                  has_ann: bool) -> Dict[int, dict]:
    images = {}
    for i, raw in enumerate(require(data, 'images', file, types=list)):
        where = f'images[{i}]'
        img_id = require(raw, 'id', file, where, int)
        check_new(img_id, images, 'image id', file, where)
        video = videos.get(require(raw, 'video_id', file, where, int))
        if video is None:
            raise AnnotationError(f'{file}: {where} (id {img_id}) belongs to '
                                  f'video {raw["video_id"]}, which is not in '
                                  'videos')
        height, width = positive_size(raw, file, where)
        images[img_id] = dict(
            img_id=img_id,
            file_name=require(raw, 'file_name', file, where, str),
            height=height,
            width=width,
            frame_id=require(raw, 'frame_id', file, where, int),
            has_ann=has_ann,
            instances=[])
        video['images'].append(images[img_id])
    return images


def _sort_frames(video: dict, file: str) -> None:
    where = f'video {video["video_id"]}'
    frames = video['images'] = sorted(
        video['images'], key=lambda image: image['frame_id'])
    for before, after in zip(frames, frames[1:]):
        if before['frame_id'] == after['frame_id']:
            raise AnnotationError(
                f'{file}: {where} has images {before["img_id"]} and '
                f'{after["img_id"]} with frame_id {after["frame_id"]}, '
                'expected one image per frame')
        sizes = [(f['height'], f['width']) for f in (before, after)]
        if sizes[0] != sizes[1]:
            raise AnnotationError(
                f'{file}: {where} changes its frame size from {sizes[0]} to '
                f'{sizes[1]} (height, width) at image {after["img_id"]}; '
                'expected one size per video')
    names = [frame['file_name'] for frame in frames]
    for frame, number in zip(frames, frame_numbers(names, file, where)):
        frame['src_frame'] = number
        del frame['frame_id']


def _add_object(image: dict, ann: dict, file: str, drops: Counter) -> None:
    try:
        instance = build_instance(ann['category_id'], ann['instance_id'],
                                  ann.get('iscrowd'), ann.get('segmentation'),
                                  ann.get('bbox'), ann.get('area'),
                                  (image['height'], image['width']), drops)
    except ValueError as error:
        raise AnnotationError(f'{file}: annotation {ann["id"]}, image '
                              f'{image["img_id"]}: {error}') from None
    if instance is not None:
        image['instances'].append(instance)
