"""Conversion of VIPSeg to the size and form that its programs use."""
import io
import os
import os.path as osp
from collections import Counter
from hashlib import sha1
from typing import Iterable, List, NamedTuple, Sequence, Tuple

import numpy as np
from mmengine.logging import MMLogger
from PIL import Image

from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.whole_file import write_whole
from .panoptic_frames import (GREY, convert_split, read_picture, same_size,
                              table_categories, thing_ids, write_frame,
                              write_grey)

SPLITS = ('train', 'val', 'test')
_IMAGE_ENDINGS = ('.jpg', '.jpeg', '.png')
# values up to the number of classes are whole regions, of things too
_FIRST_OBJECT = 125
_OBJECTS_PER_CLASS = 100
# stands in some masks and for no class
_STRAY_VOID = 200
# what the program of the data set writes
_JPEG_QUALITY = 75


class _Video(NamedTuple):
    """What a task needs to know; a mask is '' where there is none."""
    out: str
    name: str
    height: int
    files: Tuple[Tuple[str, str], ...]


def vipseg_ids(values: np.ndarray, categories: List[dict],
               name: str) -> np.ndarray:
    """Turn the values of a mask into segment ids.

    0 is void, 1 to 124 a whole region of category value - 1, and from 125 on
    object value % 100 of category value // 100 - 1. The value 200 stands for
    no class; it becomes void, as in published loaders.

    Args:
        values (np.ndarray): Integers.
        categories (list[dict]): ``id`` (0 to 123) and ``isthing``.
        name (str): What messages call the mask.

    Returns:
        np.ndarray: int64 segment ids, 0 for void.

    Raises:
        AnnotationError: If a value is out of range or numbers an object of a
            class that is no thing.

    Shape:
        values and the output: (H, W).
    """
    values = np.where(values == _STRAY_VOID, 0, values)
    numbered = values >= _FIRST_OBJECT
    category = np.where(numbered, values // _OBJECTS_PER_CLASS, values) - 1
    is_thing = np.array([bool(c['isthing']) for c in categories])
    # void is -1, which picks the last category; nothing there is numbered
    in_range = (values >= 0) & (category < len(is_thing))
    wrong = ~in_range | (numbered & ~is_thing[np.where(in_range, category, 0)])
    if wrong.any():
        value = int(values[wrong][0])
        raise AnnotationError(
            f'{name}: value {value} stands for object '
            f'{value % _OBJECTS_PER_CLASS} of category '
            f'{value // _OBJECTS_PER_CLASS - 1}, expected one of the '
            f'{is_thing.sum()} things; take the original mask')
    return np.where(numbered, thing_ids(category, values % _OBJECTS_PER_CLASS),
                    category + 1)


def read_split(path: str) -> List[str]:
    """Read a list of videos; blank lines and white space do not matter.

    Args:
        path (str): A text file with one name per line.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If it names a video twice, or none.
    """
    if not osp.isfile(path):
        raise FileNotFoundError(f'{path}: no such file; it comes with the '
                                'programs of VIPSeg, not with its images')
    with open(path, encoding='utf-8') as file:
        names = [line.strip() for line in file if line.strip()]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice or not names:
        raise AnnotationError(f'{path}: ' +
                              (f'names {twice[:5]} more than once'
                               if twice else 'names no video') +
                              ', expected one video per line')
    return names


def convert_vipseg(root: str,
                   out: str,
                   split: str,
                   list_file: str,
                   height: int = 720,
                   workers: int = 1) -> bool:
    """Write ``images``, ``panomasks``, ``panomasksRGB``, JSON and list.

    Images are scaled with bilinear, masks with nearest interpolation, both
    as Pillow does it, to ``height`` and width int(height * w / h). Frames
    that have this size already are copied.

    A split of which no video has masks (the public form of 'test') gets a
    JSON file without ``annotations``.

    Args:
        root (str): Folder with ``imgs`` and ``panomasks``.
        out (str): Target, e.g. ``VIPSeg_720P``.
        split (str): 'train', 'val' or 'test'.
        list_file (str): The videos of the split.
        height (int): Pixels. Defaults to 720.
        workers (int): Number of processes. Defaults to 1.

    Returns:
        bool: False if all of it was there already.

    Raises:
        FileNotFoundError: If a video or a mask is missing.
        AnnotationError: If a mask is broken.
    """
    names = read_split(list_file)
    files = {name: _find_files(root, name) for name in names}
    has_masks = any(mask for pairs in files.values() for _, mask in pairs)
    lost = [
        image for pairs in files.values() for image, mask in pairs if not mask
    ]
    if has_masks and lost:
        raise FileNotFoundError(f'{_mask_of(root, lost[0])}: no such file, '
                                'expected a mask for every image of the '
                                f'split {split}; unpack panomasks')

    def join(results: Iterable[dict]) -> dict:
        records = list(results)
        _write_list(osp.join(out, f'{split}.txt'), names)
        keys = dict(videos='images', annotations='annotations')
        content = {
            key: [{
                'video_id': record['video_id'],
                part: record[part]
            } for record in records]
            for key, part in keys.items() if has_masks or part == 'images'
        }
        return dict(categories=table_categories('vipseg'), **content)

    return convert_split(
        osp.join(out, f'panoptic_gt_VIPSeg_{split}.json'),
        dict(
            converter='vipseg',
            split=split,
            height=height,
            videos=sha1('\n'.join(names).encode()).hexdigest()), {
                name: _Video(out, name, height, tuple(pairs))
                for name, pairs in files.items()
            },
        _convert_video,
        join,
        maps=lambda content: _written_files(out, content),
        workers=workers)


def _written_files(out: str, content: dict) -> Iterable[str]:
    for video in content['videos']:
        for image in video['images']:
            stem = osp.splitext(image['file_name'])[0]
            yield osp.join(out, 'images', video['video_id'], f'{stem}.jpg')
    for video in content.get('annotations', []):
        for item in video['annotations']:
            for kind in ('panomasks', 'panomasksRGB'):
                yield osp.join(out, kind, video['video_id'], item['file_name'])


def _write_list(path: str, names: Sequence[str]) -> None:
    write_whole(path, ''.join(f'{name}\n' for name in names).encode())


def _find_files(root: str, video: str) -> List[Tuple[str, str]]:
    """Return image and mask ('' if there is none) of each frame."""
    folder = osp.join(root, 'imgs', video)
    names = sorted(os.listdir(folder)) if osp.isdir(folder) else []
    images = [
        osp.join(folder, name) for name in names
        if name.lower().endswith(_IMAGE_ENDINGS) and name[0] != '.'
    ]
    if not images:
        raise FileNotFoundError(f'{folder}: no images of this video; unpack '
                                'imgs of VIPSeg')
    masks = [_mask_of(root, image) for image in images]
    return [(image, mask if osp.exists(mask) else '')
            for image, mask in zip(images, masks)]


def _mask_of(root: str, image: str) -> str:
    video, name = osp.split(image)
    return osp.join(root, 'panomasks', osp.basename(video),
                    f'{osp.splitext(name)[0]}.png')


def _convert_video(video: _Video) -> dict:
    images, annotations, strays = [], [], 0
    for image, mask in video.files:
        stem = osp.splitext(osp.basename(image))[0]
        name = f'{stem}.png'
        target = osp.join(video.out, 'images', video.name, f'{stem}.jpg')
        source, size = _scale_image(image, target, video.height)
        images.append(
            dict(id=stem, file_name=name, width=size[0], height=size[1]))
        if not mask:
            continue
        values = read_picture(mask, GREY)
        same_size({image: source[::-1], mask: values.shape})
        # of 32 bit, as Pillow used to open the masks: 16 bit are rounded
        # another way
        values = np.asarray(
            Image.fromarray(values).resize(size, Image.NEAREST))
        strays += int((values == _STRAY_VOID).any())
        path = osp.join(video.out, '{}', video.name, name)
        ids = vipseg_ids(values, table_categories('vipseg'), mask)
        write_grey(path.format('panomasks'), values.astype(np.uint16))
        segments = write_frame(path.format('panomasksRGB'), ids)
        annotations.append(
            dict(image_id=stem, file_name=name, segments_info=segments))
    if strays:
        MMLogger.get_current_instance().warning(
            f'{osp.dirname(video.files[0][1])}: value {_STRAY_VOID} in '
            f'{strays} masks stands for no class, taken as void')
    return dict(video_id=video.name, images=images, annotations=annotations)


def _scale_image(path: str, target: str,
                 height: int) -> Tuple[Tuple[int, int], Tuple[int, int]]:
    """Write the scaled image; return (width, height) before and after."""
    try:
        with Image.open(path) as image:
            source = image.size
            size = (int(height * source[0] / source[1]), height)
            if source == size and image.format == 'JPEG':
                with open(path, 'rb') as file:
                    content = file.read()
            else:
                buffer = io.BytesIO()
                scaled = image.convert('RGB').resize(size, Image.BILINEAR)
                scaled.save(buffer, 'JPEG', quality=_JPEG_QUALITY)
                content = buffer.getvalue()
    except (OSError, SyntaxError) as error:
        raise AnnotationError(f'{path}: cannot be read as an image '
                              f'({error}); download it again') from None
    write_whole(target, content)
    return source, size
