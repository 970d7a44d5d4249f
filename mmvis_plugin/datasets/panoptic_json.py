"""Reader of panoptic JSON with one list of images for all videos.

Source of the format: the ``panoptic_gt_*`` and ``im_all_info_*`` files of
Cityscapes-VPS.
"""
from os import path as osp
from typing import Any, Callable, Dict, Hashable, Iterator, Optional, Tuple

from mmvis_plugin.utils.errors import AnnotationError
from .annotation_checks import (check_new, parse_categories, positive_size,
                                require, require_annotations, require_text)
from .panoptic_records import number_frames, parse_segments
from .video_source import VideoSource

VideoOf = Callable[[str], Tuple[str, Optional[int]]]


def parse_panoptic_json(data: dict,
                        file: str,
                        video_of: VideoOf,
                        every: Optional[dict] = None,
                        every_file: str = '') -> VideoSource:
    """Read ``images`` and one record of ``annotations`` per image.

    Videos are numbered from 1 in the order in which they first appear.

    Args:
        data (dict): Top level of the file.
        file (str): The annotation file, for messages.
        video_of (Callable): Returns name of the video and number of the
            frame, or None if it has none, from the name of an image file
            without folder and ending; raises ``ValueError`` with the finding
            alone.
        every (dict, optional): Top level of a file whose ``images`` are all
            frames, the labelled ones among them. Its frames take the place
            of those in ``data``, found by video and number; the others have
            no ``src_img_id``.
        every_file (str): The file of ``every``.

    Returns:
        VideoSource: The videos, with ``seg_map_file`` for annotated frames;
        not annotated if the file has no ``annotations``, or null or an empty
        list there.

    Raises:
        AnnotationError: Naming the record that breaks the format.
    """
    categories = parse_categories(data, file)
    images = _parse_images(data, file, video_of)
    annotations = require_annotations(data, file)
    if annotations:
        known = {category['id'] for category in categories}
        _add_annotations(annotations, images, known, file)
    if every is not None:
        images = _among_all(images, _parse_images(every, every_file, video_of),
                            file, every_file)
    videos: Dict[str, dict] = {}
    for number, image in enumerate(images.values(), 1):
        name = image.pop('video_name')
        video = videos.setdefault(
            name, dict(video_id=len(videos) + 1, video_name=name, images=[]))
        video['images'].append(dict(image, img_id=number))
    for video in videos.values():
        video['images'] = number_frames(video['images'], every_file or file,
                                        f'video {video["video_name"]}')
    return VideoSource(list(videos.values()), categories, bool(annotations))


def _parse_images(data: dict, file: str,
                  video_of: VideoOf) -> Dict[Hashable, dict]:
    """Return the frames by their id in the file."""
    images: Dict[Hashable, dict] = {}
    for i, raw in enumerate(require(data, 'images', file, types=list)):
        where = f'images[{i}]'
        image_id = require_id(raw, 'id', file, where)
        check_new(image_id, images, 'image id', file, where)
        name = require_text(raw, 'file_name', file, where)
        height, width = positive_size(raw, file, where)
        stem = osp.splitext(osp.basename(name))[0]
        try:
            video_name, number = video_of(stem)
        except ValueError as error:
            raise AnnotationError(
                f'{file}: {where} has file_name {name}: {error}') from None
        images[image_id] = dict(
            video_name=video_name,
            src_img_id=image_id,
            file_name=name,
            height=height,
            width=width,
            src_frame=number,
            has_ann=False,
            instances=[])
    return images


def require_id(record: dict, key: str, file: str, where: str) -> Hashable:
    """Return an id that is a text or a whole number.

    Args:
        record (dict): A JSON object.
        key (str): Key that must be there.
        file (str): The annotation file.
        where (str): JSON path of ``record``.

    Raises:
        AnnotationError: If it is missing or of another type.
    """
    value = require(record, key, file, where, (str, int))
    if isinstance(value, bool):
        raise AnnotationError(f'{file}: {where}.{key} is a bool, expected str '
                              'or int')
    return value


def pair_annotations(annotations: list, images: Dict[Hashable, dict],
                     file: str, where: str) -> Iterator[Tuple[str, Any, dict]]:
    """Yield each annotation with its JSON path and its image.

    Args:
        annotations (list): Records with ``image_id``.
        images (dict): Frames by id.
        file (str): The annotation file.
        where (str): JSON path of the list.

    Raises:
        AnnotationError: If the two are not one to one, or two annotations
            have one map.
    """
    seen: set = set()
    maps: set = set()
    for i, raw in enumerate(annotations):
        at = f'{where}[{i}]'
        image_id = require_id(raw, 'image_id', file, at)
        check_new(image_id, seen, 'image id', file, at)
        seen.add(image_id)
        map_file = require_text(raw, 'file_name', file, at)
        check_new(map_file, maps, 'map', file, at)
        maps.add(map_file)
        if image_id not in images:
            raise AnnotationError(f'{file}: {at} belongs to image {image_id}, '
                                  'which is not in images')
        yield at, raw, images[image_id]
    bare = [image_id for image_id in images if image_id not in seen]
    if bare:
        raise AnnotationError(
            f'{file}: {where}: images {bare[:5]} have no annotation, expected '
            'one for each image; leave images without annotation out')


def annotate(image: dict, raw: dict, known: set, file: str,
             where: str) -> None:
    """Add the panoptic annotation of a frame to its record.

    Args:
        image (dict): The frame.
        raw (dict): Its annotation, as :func:`pair_annotations` yields it.
        known (set): Ids of the categories of the file.
        file (str): The annotation file.
        where (str): JSON path of the annotation.
    """
    image['has_ann'] = True
    image['seg_map_file'] = raw['file_name']
    image['segments_info'] = parse_segments(raw, known, file, where)


def _add_annotations(annotations: list, images: Dict[Hashable, dict],
                     known: set, file: str) -> None:
    for at, raw, image in pair_annotations(annotations, images, file,
                                           'annotations'):
        annotate(image, raw, known, file, at)


def _among_all(labelled: Dict[Hashable, dict], every: Dict[Hashable, dict],
               file: str, every_file: str) -> Dict[Hashable, dict]:
    """Return all frames, with the annotations of the labelled ones."""
    places = {
        (image['video_name'], image['src_frame']): image
        for image in every.values()
    }
    absent = []
    for image in every.values():
        # an id tells that a frame is in the list of images
        del image['src_img_id']
    for image in labelled.values():
        place = places.get((image['video_name'], image['src_frame']))
        if place is None:
            absent.append(image['file_name'])
            continue
        frame_file = place['file_name']
        place.update(image, file_name=frame_file)
    if absent:
        raise AnnotationError(
            f'{every_file}: {len(absent)} labelled images of {file} are not '
            f'among its images: {absent[:5]}; the two files do not belong '
            'together')
    return every
