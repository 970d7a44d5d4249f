"""Segments of panoptic frames: checks, labels and identities."""
import re
from collections import Counter
from typing import Collection, Dict, List, Optional

from mmvis_plugin.utils.errors import AnnotationError
from .annotation_checks import check_new, require

_ID_LIMIT = 1 << 24
_INT64 = 1 << 63
_LAST_DIGITS = re.compile(r'\d+$')


def parse_segments(record: dict, known: Collection[int], file: str,
                   where: str) -> List[dict]:
    """Read the ``segments_info`` of a frame.

    Args:
        record (dict): Annotation of a frame.
        known (Collection[int]): Ids of the categories of the file.
        file (str): The annotation file, for messages.
        where (str): JSON path of the record.

    Returns:
        list[dict]: ``id``, ``category_id``, ``iscrowd`` (0 where absent) and
        ``area`` of each segment.

    Raises:
        AnnotationError: Naming the segment that breaks the format.
    """
    segments: List[dict] = []
    seen: set = set()
    for i, raw in enumerate(
            require(record, 'segments_info', file, where, list)):
        at = f'{where}.segments_info[{i}]'
        segment_id = require(raw, 'id', file, at, int)
        if not 0 < segment_id < _ID_LIMIT:
            raise AnnotationError(f'{file}: {at} has id {segment_id}, '
                                  f'expected 1 to {_ID_LIMIT - 1}')
        check_new(segment_id, seen, 'segment id', file, at)
        seen.add(segment_id)
        category_id = require(raw, 'category_id', file, at, int)
        if category_id not in known:
            raise AnnotationError(f'{file}: unknown category {category_id} '
                                  f'in {at} (id {segment_id})')
        area = require(raw, 'area', file, at, int)
        if area <= 0:
            raise AnnotationError(f'{file}: {at} (id {segment_id}) has area '
                                  f'{area}, expected a positive number')
        iscrowd = raw.get('iscrowd', 0)
        if iscrowd not in (0, 1):
            raise AnnotationError(f'{file}: {at} (id {segment_id}) has '
                                  f'iscrowd {iscrowd!r}, expected 0 or 1')
        segments.append(
            dict(
                id=segment_id,
                category_id=category_id,
                iscrowd=int(iscrowd),
                area=area))
    return segments


def finish_segments(video: dict, cat2label: Dict[int, int], num_things: int,
                    first_id: int, file: str, unknown: str,
                    on_label_conflict: str, drops: Counter) -> int:
    """Bring the segments of one video into the common form, in place.

    Each gets its label as ``category``, ``is_thing``, and an ``instance_id``
    that is the same for one segment id in all frames. Segments of categories
    outside the classes become void: their ids go to ``void_ids``.

    Args:
        video (dict): A video of a :class:`VideoSource`; frames in order.
        cat2label (dict[int, int]): Category id to label, things first.
        num_things (int): Number of things among the labels.
        first_id (int): First free instance id of the dataset.
        file (str): The annotation file, for messages.
        unknown (str): 'error' or 'drop', for categories outside the classes.
        on_label_conflict (str): 'error' or 'first', for a segment id whose
            category changes.
        drops (Counter): Counts what is left out, by reason.

    Returns:
        int: The next free instance id.

    Raises:
        AnnotationError: Naming the segment that breaks the rules.
    """
    labels: Dict[int, int] = {}
    for image in video['images']:
        if image.get('segments_info') is None:
            continue
        kept = []
        for segment in image['segments_info']:
            where = (f'{file}: segment {segment["id"]} of video '
                     f'{video["video_name"]}, frame {image["frame_id"]}')
            category_id = segment.pop('category_id')
            label = cat2label.get(category_id)
            if label is None:
                _meet_unknown(category_id, where, unknown, drops)
                image.setdefault('void_ids', []).append(segment['id'])
                continue
            settled = labels.setdefault(segment['id'], label)
            if settled != label and on_label_conflict == 'error':
                raise AnnotationError(
                    f'{where} changes its class from label {settled} to '
                    f'{label}, expected one class per segment id and video; '
                    "set on_label_conflict='first' to keep the first")
            segment['category'] = settled
            segment['is_thing'] = settled < num_things
            kept.append(segment)
        image['segments_info'] = kept
    new_id = {old: first_id + i for i, old in enumerate(sorted(labels))}
    for image in video['images']:
        for segment in image.get('segments_info') or ():
            segment['instance_id'] = new_id[segment['id']]
    return first_id + len(new_id)


def _meet_unknown(category_id: int, where: str, unknown: str,
                  drops: Counter) -> None:
    if unknown == 'error':
        raise AnnotationError(
            f'{where} is of unknown category {category_id}: not in the class '
            "list; extend metainfo['classes'] or set unknown='drop'")
    drops[f'segment of category {category_id}, not in the class list '
          '(void)'] += 1


def last_number(name: str) -> Optional[int]:
    """Return the number at the end of a name, None if there is none.

    Args:
        name (str): File name without its ending.
    """
    digits = _LAST_DIGITS.search(name)
    number = int(digits.group()) if digits else _INT64
    return number if number < _INT64 else None


def number_frames(images: List[dict], file: str, where: str) -> List[dict]:
    """Put the frames of a video in order by their ``src_frame``.

    Frames without a number are numbered by position.

    Args:
        images (list[dict]): ``file_name`` and ``src_frame``, an int or None.
        file (str): The annotation file, for messages.
        where (str): What messages call the video.

    Returns:
        list[dict]: The frames, ascending.

    Raises:
        AnnotationError: If two frames have one number.
    """
    if any(image['src_frame'] is None for image in images):
        for position, image in enumerate(images):
            image['src_frame'] = position
        return images
    names: Dict[int, str] = {}
    for image in images:
        number = image['src_frame']
        if number in names:
            raise AnnotationError(
                f'{file}: {where}: {names[number]} and {image["file_name"]} '
                f'are both frame {number}, expected distinct numbers')
        names[number] = image['file_name']
    return sorted(images, key=lambda image: image['src_frame'])
