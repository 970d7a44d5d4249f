"""Reader of the bitmask pictures of BDD100K segmentation tracking."""
from collections import Counter
from functools import lru_cache
from os import path as osp
from typing import Dict, Optional, Tuple

from mmengine import fileio

from mmvis_plugin.structures.bdd100k_bitmask import (CROWD, IGNORED,
                                                     BitmaskObject,
                                                     bitmask_objects,
                                                     read_bitmask)
from mmvis_plugin.utils.errors import AnnotationError
from .annotation_checks import frame_numbers
from .class_tables import load_table
from .object_checks import build_instance

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png')


def read_bitmask_video(name: str,
                       label_dir: str,
                       image_dir: str,
                       drops: Counter,
                       unknown: str = 'error',
                       check_files: str = 'first',
                       backend_args: Optional[dict] = None) -> dict:
    """Read the pictures of one video.

    Args:
        name (str): Name of the video.
        label_dir (str): Folder of its pictures, ``<name>-<frame>.png``.
        image_dir (str): Folder of its frames, of the same names.
        drops (Counter): Counts what is left out.
        unknown (str): 'error' or 'drop', for other categories than 1 to 8.
        check_files (str): 'none' allows frames without a bitmask file.
        backend_args (dict, optional): Arguments of the file backend.

    Returns:
        dict: A video of a ``VideoSource`` without ids.

    Raises:
        AnnotationError: If a picture breaks the format.
        FileNotFoundError: If a frame has no bitmask.
    """
    labels = frame_files(label_dir, ('.png', ), backend_args)
    frames = frame_files(image_dir, IMAGE_SUFFIXES, backend_args)
    absent = sorted(set(frames) - set(labels))
    if absent and check_files != 'none':
        raise FileNotFoundError(
            f'{osp.join(label_dir, absent[0])}.png (video {name}, frame '
            f'{frames[absent[0]]}): the frame has no bitmask, expected one '
            'for each')
    file_names = [
        f'{name}/{frames.get(stem, stem + IMAGE_SUFFIXES[0])}'
        for stem in labels
    ]
    numbers = frame_numbers(file_names, label_dir, 'files')
    video = dict(video_name=name, images=[])
    for label, file_name, number in zip(labels.values(), file_names, numbers):
        image = _read_frame(
            osp.join(label_dir, label), unknown, drops, backend_args)
        image.update(file_name=file_name, src_frame=number, has_ann=True)
        video['images'].append(image)
        _check_size(image, video['images'][0], osp.join(label_dir, label))
    return video


def frame_files(folder: str, suffixes: tuple,
                backend_args: Optional[dict]) -> Dict[str, str]:
    """List the frames of a folder.

    Args:
        folder (str): Folder of a video.
        suffixes (tuple[str]): Endings of file names.
        backend_args (dict, optional): Arguments of the file backend.

    Returns:
        dict[str, str]: Name without suffix to file name, in the order of the
        numbers; empty if there is no such folder.
    """
    if not fileio.isdir(folder, backend_args=backend_args):
        return {}
    names = fileio.list_dir_or_file(
        folder, list_dir=False, suffix=suffixes, backend_args=backend_args)
    return {
        osp.splitext(name)[0]: name
        for name in sorted(names, key=lambda name: (len(name), name))
    }


def _read_frame(path: str, unknown: str, drops: Counter,
                backend_args: Optional[dict]) -> dict:
    picture = read_bitmask(path, backend_args)
    size = picture.shape[:2]
    return dict(
        height=size[0],
        width=size[1],
        instances=[
            _instance(item, size, path, unknown, drops)
            for item in bitmask_objects(picture, path)
        ])


def _instance(item: BitmaskObject, size: tuple, path: str, unknown: str,
              drops: Counter) -> dict:
    known = category_ids()
    if item.category_id not in known and unknown == 'error':
        raise AnnotationError(
            f'{path}: unknown category {item.category_id} of track '
            f'{item.track_id}, expected {known[0]} to {known[-1]} in channel '
            "R; set unknown='drop' to leave it out")
    record = dict(
        category_id=item.category_id,
        iscrowd=int(item.bits & (CROWD | IGNORED) > 0))
    return build_instance(record, item.track_id, item.rle, None, None, size,
                          drops)


@lru_cache(maxsize=None)
def category_ids() -> Tuple[int, ...]:
    """Return the category ids of the benchmark, ascending."""
    return tuple(item['id']
                 for item in load_table('bdd100k_mots')['categories'])


def _check_size(image: dict, first: dict, path: str) -> None:
    sizes = [(item['height'], item['width']) for item in (image, first)]
    if sizes[0] != sizes[1]:
        raise AnnotationError(
            f'{path}: size {sizes[0]}, expected {sizes[1]} (height, width) '
            'as in the first frame of the video')
