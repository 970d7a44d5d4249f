"""Reader of the JSON of YouTube-VIS and OVIS, one record per track.

Source of the format: the annotation files of the two benchmarks.
"""
from collections import Counter
from os import path as osp
from typing import Dict, Optional

from mmvis_plugin.utils.errors import AnnotationError
from .annotation_checks import (check_new, check_text, frame_numbers,
                                parse_categories, positive_size, require,
                                require_annotations)
from .defects import STRICT, Defects
from .object_checks import build_instance
from .video_source import VideoSource

_PER_FRAME = ('segmentations', 'bboxes', 'areas')


def parse_vis_json(data: dict,
                   file: str,
                   defects: Defects = STRICT) -> VideoSource:
    """Read ``videos[].file_names`` and per-track ``annotations``.

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
    return _VisReader(file, defects).read(data)


class _VisReader:

    def __init__(self, file: str, defects: Defects) -> None:
        self.file = file
        self.defects = defects
        self.drops: Counter = Counter()
        # None: the record of the video is broken
        self.videos: Dict[int, Optional[dict]] = {}

    def read(self, data: dict) -> VideoSource:
        categories = parse_categories(data, self.file, self.defects)
        known = {category['id'] for category in categories}
        annotations = require_annotations(data, self.file)
        num_frames = 0
        for i, raw in enumerate(
                require(data, 'videos', self.file, types=list)):
            with self.defects:
                num_frames += self._add_video(raw, f'videos[{i}]', num_frames,
                                              bool(annotations))
        seen = set()
        for i, track in enumerate(annotations):
            with self.defects:
                self._add_track(track, f'annotations[{i}]', known, seen)
        videos = [v for v in self.videos.values() if v is not None]
        return VideoSource(videos, categories, bool(annotations), self.drops)

    def _add_video(self, raw: dict, where: str, num_before: int,
                   has_ann: bool) -> int:
        video_id = require(raw, 'id', self.file, where, int)
        check_new(video_id, self.videos, 'video id', self.file, where)
        self.videos[video_id] = None
        names = require(raw, 'file_names', self.file, where, list)
        height, width = positive_size(raw, self.file, where)
        for i, name in enumerate(names):
            check_text(name, self.file, f'{where}.file_names[{i}]')
        length = raw.get('length', len(names))
        if length != len(names):
            raise AnnotationError(
                f'{self.file}: {where} has length {length!r}, expected '
                f'{len(names)}, the number of its file_names')
        numbers = frame_numbers(names, self.file, f'{where}.file_names')
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
        folder = osp.dirname(names[0]) if names else ''
        name = video_name(raw, folder, self.file, where)
        self.videos[video_id] = dict(
            video_id=video_id, video_name=name, images=images)
        return len(images)

    def _add_track(self, track: dict, where: str, known: set,
                   seen: set) -> None:
        file = self.file
        track_id = require(track, 'id', file, where, int)
        check_new(track_id, seen, 'annotation id', file, where)
        seen.add(track_id)
        category_id = require(track, 'category_id', file, where, int)
        if category_id not in known:
            raise AnnotationError(f'{file}: unknown category {category_id} '
                                  f'in {where} (id {track_id})')
        video_id = require(track, 'video_id', file, where, int)
        if video_id not in self.videos:
            raise AnnotationError(f'{file}: {where} (id {track_id}) belongs '
                                  f'to video {video_id}, which is not in '
                                  'videos')
        video = self.videos[video_id]
        if video is not None:
            self._add_objects(video['images'], track)

    def _add_objects(self, images: list, track: dict) -> None:
        columns = [
            _per_frame(track, key, len(images), self.file)
            for key in _PER_FRAME
        ]
        with_masks = track.get('segmentations') is not None
        if not with_masks and track.get('bboxes') is None:
            raise AnnotationError(f'{self.file}: annotation {track["id"]} has '
                                  'neither segmentations nor bboxes')
        is_absent = True
        for t, (image, mask, bbox, area) in enumerate(zip(images, *columns)):
            if with_masks and mask is None:
                if bbox is not None:
                    self.drops['box without a mask in its frame'] += 1
                continue
            is_absent = False
            with self.defects:
                self._add_object(image, track, t, (mask, bbox, area))
        if is_absent:
            self.drops['track without an object in any frame'] += 1

    def _add_object(self, image: dict, track: dict, frame: int,
                    fields: tuple) -> None:
        try:
            instance = build_instance(track, track['id'], *fields,
                                      (image['height'], image['width']),
                                      self.drops)
        except ValueError as error:
            raise AnnotationError(
                f'{self.file}: annotation {track["id"]}, frame {frame}: '
                f'{error}') from None
        if instance is not None:
            image['instances'].append(instance)


def video_name(raw: dict, default: str, file: str, where: str) -> str:
    """Return the name of a video record.

    Args:
        raw (dict): Record with ``id`` and perhaps ``name``, text or number.
        default (str): Name of a record without one; its id if that is ''.
        file (str): The annotation file.
        where (str): JSON path of the record.
    """
    name = raw.get('name')
    if isinstance(name, int) and not isinstance(name, bool):
        return str(name)
    if name is not None:
        check_text(name, file, f'{where}.name')
    return name or default or str(raw['id'])


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
