"""Which videos of a training set are kept back for validation."""
import os.path as osp
from hashlib import sha1
from typing import Dict, Iterable, List, Tuple, Union

from mmvis_plugin.utils.errors import AnnotationError
from .annotation_checks import check_new, require
from .vis_json import video_name


def hold_out_names(names: Iterable[str], percent: float) -> List[str]:
    """Return the names of the videos that are kept back.

    The names are sorted by their sha1; the first ``percent`` % are kept back,
    rounded to whole videos, at least one and not all. The choice depends on
    the names alone: not on the order, the ids or the contents.

    Args:
        names (Iterable[str]): Names of the videos, distinct.
        percent (float): Above 0, below 100.

    Returns:
        list[str]: In the order of their sha1.

    Raises:
        ValueError: If ``percent`` is out of range.
        AnnotationError: If there are fewer than two videos, or two of one
            name.
    """
    names = list(names)
    if not 0 < percent < 100:
        raise ValueError(f'percent={percent}, expected a number above 0 and '
                         'below 100')
    if len(names) < 2:
        raise AnnotationError(
            f'{len(names)} video(s) cannot be split, expected '
            'at least 2')
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise AnnotationError(f'two videos are named {twice!r}, expected '
                              'distinct names; a video is never split')
    count = int(len(names) * percent / 100 + 0.5)
    count = min(max(count, 1), len(names) - 1)
    return sorted(names, key=name_digest)[:count]


def name_digest(name: str) -> str:
    """Return the sha1 of a video name, by which videos are sorted."""
    return sha1(name.encode()).hexdigest()


def split_videos(data: dict, file: str,
                 percent: float) -> Tuple[dict, dict, List[str]]:
    """Split the content of an annotation file by video.

    Known are YouTube-VIS and OVIS, COCO-video, VIPSeg, and Cityscapes-VPS
    and VIPER, where the video is the part of the image id before the first
    underscore. Records keep their ids and their order.

    Args:
        data (dict): Top level of the file.
        file (str): The file, for messages.
        percent (float): Share of the videos that is kept back, see
            :func:`hold_out_names`.

    Returns:
        tuple[dict, dict, list[str]]: Content of the rest, content of the
        videos that are kept back, and their names.

    Raises:
        AnnotationError: If the file has none of the forms, or naming a
            record that belongs to no video.
    """
    if data.get('videos') is not None:
        lists = _by_video(data, file)
    elif data.get('images') is not None:
        lists = _by_image_name(data, file)
    else:
        raise AnnotationError(f"{file}: neither 'videos' nor 'images', "
                              'expected VIS, COCO-video or panoptic JSON')
    # of each list, the name of the video of every record
    names = next(iter(lists.values()))
    distinct = list(dict.fromkeys(names))
    if 'videos' in lists and len(distinct) < len(names):
        raise AnnotationError(f'{file}: {len(names)} videos have '
                              f'{len(distinct)} names, expected distinct ones')
    try:
        held = hold_out_names(distinct, percent)
    except AnnotationError as error:
        raise AnnotationError(f'{file}: {error}') from None
    inside, parts = set(held), []
    for keep in (False, True):
        part = dict(data)
        for key, owners in lists.items():
            part[key] = [
                record for record, name in zip(data[key], owners)
                if (name in inside) == keep
            ]
        parts.append(part)
    return parts[0], parts[1], held


def _by_video(data: dict, file: str) -> Dict[str, List[str]]:
    """Forms with ``videos``; their id is ``id`` or, in VIPSeg, text."""
    name_of: Dict[Union[int, str], str] = {}
    for i, video in enumerate(require(data, 'videos', file, types=list)):
        where = f'videos[{i}]'
        is_vipseg = isinstance(video, dict) and 'video_id' in video
        video_id = require(video, 'video_id' if is_vipseg else 'id', file,
                           where, (int, str))
        check_new(video_id, name_of, 'video id', file, where)
        folder = ''
        if video.get('file_names'):
            files = require(video, 'file_names', file, where, list)
            folder = osp.dirname(str(files[0]))
        name_of[video_id] = video_name(
            dict(video, id=video_id), folder, file, where)
    lists = dict(videos=list(name_of.values()))
    owner_of = name_of
    if data.get('images') is not None:
        lists['images'] = _owners(data, 'images', 'video_id', name_of, file)
        owner_of = {}
        for i, image in enumerate(data['images']):
            image_id = require(image, 'id', file, f'images[{i}]', (int, str))
            check_new(image_id, owner_of, 'image id', file, f'images[{i}]')
            owner_of[image_id] = lists['images'][i]
    if data.get('annotations') is not None:
        key = 'video_id' if owner_of is name_of else 'image_id'
        lists['annotations'] = _owners(data, 'annotations', key, owner_of,
                                       file)
    return lists


def _by_image_name(data: dict, file: str) -> Dict[str, List[str]]:
    """Forms whose image ids start with the name of the video."""
    name_of = {}
    for i, image in enumerate(require(data, 'images', file, types=list)):
        image_id = require(image, 'id', file, f'images[{i}]', (int, str))
        name, underscore, _ = str(image_id).partition('_')
        if not underscore:
            raise AnnotationError(
                f'{file}: images[{i}].id is {image_id!r}, expected '
                '<video>_<frame>; still images have no videos to split by')
        check_new(image_id, name_of, 'image id', file, f'images[{i}]')
        name_of[image_id] = name
    lists = dict(images=list(name_of.values()))
    if data.get('annotations') is not None:
        lists['annotations'] = _owners(data, 'annotations', 'image_id',
                                       name_of, file)
    return lists


def _owners(data: dict, kind: str, key: str, name_of: dict,
            file: str) -> List[str]:
    owners = []
    for i, record in enumerate(require(data, kind, file, types=list)):
        owner = require(record, key, file, f'{kind}[{i}]', (int, str))
        if owner not in name_of:
            raise AnnotationError(f'{file}: {kind}[{i}] belongs to {key} '
                                  f'{owner!r}, which the file does not list')
        owners.append(name_of[owner])
    return owners
