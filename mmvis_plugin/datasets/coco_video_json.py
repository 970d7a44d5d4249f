"""Reader of COCO-video JSON, one record per object and frame.

This is the form that mmdet's converters write.
"""
import reprlib
from collections import Counter
from typing import Dict, Optional

from mmvis_plugin.utils.errors import AnnotationError
from .annotation_checks import (check_new, frame_numbers, parse_categories,
                                positive_size, require, require_annotations,
                                require_text)
from .defects import STRICT, Defects
from .object_checks import build_instance
from .video_source import VideoSource
from .vis_json import video_name


def parse_coco_video_json(data: dict,
                          file: str,
                          defects: Defects = STRICT) -> VideoSource:
    """Read ``videos``, ``images`` and per-frame ``annotations``.

    Args:
        data (dict): Top level of the file.
        file (str): The annotation file, for messages.
        defects (Defects): Lets errors of records pass or collects them.

    Returns:
        VideoSource: The videos; not annotated if the file has no
        ``annotations``, or null or an empty list there.

    Raises:
        AnnotationError: Naming the record that breaks the format.
    """
    return _CocoVideoReader(file, defects).read(data)


class _CocoVideoReader:

    def __init__(self, file: str, defects: Defects) -> None:
        self.file = file
        self.defects = defects
        self.drops: Counter = Counter()
        # None: the record is broken
        self.videos: Dict[int, Optional[dict]] = {}
        self.images: Dict[int, Optional[dict]] = {}
        self.video_of: Dict[int, int] = {}
        self.tracks: set = set()

    def read(self, data: dict) -> VideoSource:
        annotations = require_annotations(data, self.file)
        for i, raw in enumerate(
                require(data, 'videos', self.file, types=list)):
            with self.defects:
                self._add_video(raw, f'videos[{i}]')
        categories = parse_categories(data, self.file, self.defects)
        for i, raw in enumerate(
                require(data, 'images', self.file, types=list)):
            with self.defects:
                self._add_image(raw, f'images[{i}]', bool(annotations))
        videos = [v for v in self.videos.values() if v is not None]
        for video in videos:
            with self.defects:
                self._sort_frames(video)
        known = {category['id'] for category in categories}
        seen = set()
        for i, ann in enumerate(annotations):
            with self.defects:
                self._add_object(ann, f'annotations[{i}]', known, seen)
        return VideoSource(videos, categories, bool(annotations), self.drops)

    def _add_video(self, raw: dict, where: str) -> None:
        video_id = require(raw, 'id', self.file, where, int)
        check_new(video_id, self.videos, 'video id', self.file, where)
        self.videos[video_id] = None
        name = video_name(raw, '', self.file, where)
        self.videos[video_id] = dict(
            video_id=video_id, video_name=name, images=[])

    def _add_image(self, raw: dict, where: str, has_ann: bool) -> None:
        file = self.file
        img_id = require(raw, 'id', file, where, int)
        check_new(img_id, self.images, 'image id', file, where)
        self.images[img_id] = None
        video_id = require(raw, 'video_id', file, where, int)
        if video_id not in self.videos:
            raise AnnotationError(f'{file}: {where} (id {img_id}) belongs to '
                                  f'video {video_id}, which is not in '
                                  'videos')
        height, width = positive_size(raw, file, where)
        image = dict(
            img_id=img_id,
            file_name=require_text(raw, 'file_name', file, where),
            height=height,
            width=width,
            frame_id=require(raw, 'frame_id', file, where, int),
            has_ann=has_ann,
            instances=[])
        self.images[img_id] = image
        self.video_of[img_id] = video_id
        if self.videos[video_id] is not None:
            self.videos[video_id]['images'].append(image)

    def _sort_frames(self, video: dict) -> None:
        where = f'video {video["video_id"]}'
        frames = video['images'] = sorted(
            video['images'], key=lambda image: image['frame_id'])
        order = [frame.pop('frame_id') for frame in frames]
        for position, frame in enumerate(frames):
            frame['src_frame'] = position
        for i, (before, after) in enumerate(zip(frames, frames[1:])):
            if order[i] == order[i + 1]:
                raise AnnotationError(
                    f'{self.file}: {where} has images {before["img_id"]} and '
                    f'{after["img_id"]} with frame_id {order[i]}, expected '
                    'one image per frame')
            sizes = [(f['height'], f['width']) for f in (before, after)]
            if sizes[0] != sizes[1]:
                raise AnnotationError(
                    f'{self.file}: {where} changes its frame size from '
                    f'{sizes[0]} to {sizes[1]} (height, width) at image '
                    f'{after["img_id"]}; expected one size per video')
        names = [frame['file_name'] for frame in frames]
        numbers = frame_numbers(names, self.file, where)
        for frame, number in zip(frames, numbers):
            frame['src_frame'] = number

    def _add_object(self, ann: dict, where: str, known: set,
                    seen: set) -> None:
        file = self.file
        ann_id = require(ann, 'id', file, where, int)
        check_new(ann_id, seen, 'annotation id', file, where)
        seen.add(ann_id)
        category_id = require(ann, 'category_id', file, where, int)
        if category_id not in known:
            raise AnnotationError(f'{file}: unknown category {category_id} '
                                  f'in {where} (id {ann_id})')
        img_id = require(ann, 'image_id', file, where, int)
        if img_id not in self.images:
            raise AnnotationError(f'{file}: {where} (id {ann_id}) belongs to '
                                  f'image {img_id}, which is not in images')
        track = require(ann, 'instance_id', file, where, int)
        check_new((img_id, track), self.tracks, '(image id, instance id)',
                  file, where)
        self.tracks.add((img_id, track))
        image = self.images[img_id]
        if image is not None:
            self._add_instance(image, ann)

    def _add_instance(self, image: dict, ann: dict) -> None:
        where = (f'{self.file}: annotation {ann["id"]}, image '
                 f'{image["img_id"]}')
        video_id = self.video_of[image['img_id']]
        if ann.get('video_id', video_id) != video_id:
            raise AnnotationError(
                f'{where}: video_id is {reprlib.repr(ann["video_id"])}, '
                f'expected {video_id}, the video of the image')
        mask, bbox = ann.get('segmentation'), ann.get('bbox')
        if mask is None and bbox is None:
            raise AnnotationError(f'{where}: neither segmentation nor bbox')
        try:
            instance = build_instance(ann, ann['instance_id'], mask, bbox,
                                      ann.get('area'),
                                      (image['height'], image['width']),
                                      self.drops)
        except ValueError as error:
            raise AnnotationError(f'{where}: {error}') from None
        if instance is not None:
            image['instances'].append(instance)
