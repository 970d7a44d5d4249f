"""ImageNet VID and DET: from XML files to COCO-video and COCO JSON."""
import hashlib
import itertools
import json
import os.path as osp
from typing import Dict, Iterable, List, Optional, Tuple

from mmvis_plugin.utils.tasks import TaskParts, run_tasks, write_json
from ..class_tables import load_table
from .imagenet_lists import (all_frames, find_xml, known_wnids, listed_frames,
                             listed_videos, read_list)
from .imagenet_xml import read_imagenet_xml
from .panoptic_frames import read_info

# split -> list that names its videos or images, name of the result
IMAGENET_SPLITS = dict(
    vid_train=('VID_train_15frames.txt', 'imagenet_vid_train.json'),
    vid_val=('VID_val_videos.txt', 'imagenet_vid_val.json'),
    det_train=('DET_train_30classes.txt', 'imagenet_det_train.json'),
    det_val=('DET_val_30classes.txt', 'imagenet_det_val.json'))
_IMAGES_PER_TASK = 1000


def convert_imagenet(root: str,
                     split: str,
                     out: Optional[str] = None,
                     lists: Optional[str] = None,
                     everything: bool = False,
                     wnid_map: Optional[str] = None,
                     workers: int = 1) -> Tuple[str, bool]:
    """Write the JSON of one split unless it is there already.

    Args:
        root (str): Folder of ``Annotations`` and ``Data``.
        split (str): A key of ``IMAGENET_SPLITS``.
        out (str, optional): Target folder. None: ``<root>/annotations``.
        lists (str, optional): Folder of the lists. None: ``<root>/Lists`` or
            ``<root>/ImageSets``.
        everything (bool): Take every frame and image, without the lists.
            Defaults to False.
        wnid_map (str, optional): See :func:`known_wnids`.
        workers (int): Number of processes. Defaults to 1.

    Returns:
        tuple[str, bool]: The file, and False if there was nothing to do.

    Raises:
        AnnotationError: Naming the file that breaks its format.
        FileNotFoundError: If an XML file or a list is missing.
        ValueError: If another program wrote the target.
    """
    path = osp.join(
        out or osp.join(root, 'annotations'), IMAGENET_SPLITS[split][1])
    wnids = known_wnids(wnid_map)
    names = find_names(root, split, lists, everything)
    source = hashlib.sha1(json.dumps([wnids, names]).encode()).hexdigest()
    info = dict(converter='imagenet', split=split, source=source)
    if osp.exists(path):
        known = read_info(path)
        if known == info:
            return path, False
        if known is None or known.get('converter') != 'imagenet':
            raise ValueError(f'{path}: was not written by this converter; '
                             'move it away to convert again')
    kind = split[:3].upper()
    folder = osp.join(root, 'Annotations', kind)
    tasks = {
        name: (folder, files, wnids, kind == 'VID')
        for name, files in names.items()
    }
    parts = TaskParts(f'{path}.parts', info)
    label = 'videos' if kind == 'VID' else 'thousand images'
    results = run_tasks(read_frames, tasks, parts, workers, label)
    content = build_video_json(
        names, results) if kind == 'VID' else build_image_json(results)
    categories = load_table('imagenet_vid')['categories']
    write_json(path, dict(info=info, categories=categories, **content))
    parts.remove()
    return path, True


def find_names(root: str, split: str, lists: Optional[str],
               everything: bool) -> Dict[str, List[str]]:
    """Return the files of each task of a split.

    Args:
        root (str): See :func:`convert_imagenet`.
        split (str): See there.
        lists (str, optional): See there.
        everything (bool): See there.

    Returns:
        dict[str, list[str]]: Video, or the first image of some, to the names
        of XML files below ``Annotations/VID`` or ``Annotations/DET``.
    """
    kind, part = split.split('_')
    folder = osp.join(root, 'Annotations', kind.upper())
    folders = [lists] if lists else [
        osp.join(root, name) for name in ('Lists', 'ImageSets')
    ]
    paths = [osp.join(where, IMAGENET_SPLITS[split][0]) for where in folders]
    path = next((p for p in paths if osp.isfile(p)), paths[0])
    if kind == 'det':
        names = find_xml(folder, part) if everything else [
            name for name, _ in read_list(path, 1)
        ]
        steps = range(0, len(names), _IMAGES_PER_TASK)
        return {names[i]: names[i:i + _IMAGES_PER_TASK] for i in steps}
    if everything:
        frames = all_frames(folder, part)
    elif part == 'train':
        frames = listed_frames(path)
    else:
        frames = listed_videos(path)
    return {
        video: [f'{video}/{number:06d}' for number in sorted(numbers)]
        for video, numbers in sorted(frames.items())
    }


def read_frames(task: Tuple[str, List[str], Dict[str, int], bool]) -> list:
    """Read some XML files; a task of :func:`run_tasks`.

    Args:
        task (tuple): Folder, names below it without suffix, category ids by
            WordNet id, whether objects have track ids.

    Returns:
        list[dict]: Results of :func:`read_imagenet_xml` with their ``name``.
    """
    folder, names, wnid_to_id, tracks = task
    return [
        dict(
            name=name,
            **read_imagenet_xml(
                osp.join(folder, f'{name}.xml'), wnid_to_id, tracks))
        for name in names
    ]


def build_video_json(names: Iterable[str], parts: Iterable[list]) -> dict:
    """Join the frames of videos to COCO-video JSON.

    Args:
        names (Iterable[str]): Videos.
        parts (Iterable[list]): Results of :func:`read_frames`, one per video.

    Returns:
        dict: ``videos``, ``images`` and ``annotations``; all ids count from
        1, those of tracks over all videos.
    """
    content, num_tracks = dict(videos=[], images=[], annotations=[]), 0
    for video_id, (name, frames) in enumerate(zip(names, parts), 1):
        content['videos'].append(dict(id=video_id, name=name))
        tracks = sorted({o['trackid'] for f in frames for o in f['objects']})
        track_id = {old: num_tracks + i for i, old in enumerate(tracks, 1)}
        num_tracks += len(tracks)
        for frame in frames:
            for item in frame['objects']:
                item['instance_id'] = track_id[item['trackid']]
                item['video_id'] = video_id
            add_image(
                content,
                frame,
                video_id=video_id,
                frame_id=int(osp.basename(frame['name'])))
    return content


def build_image_json(parts: Iterable[list]) -> dict:
    """Join still images to COCO JSON; those without an object are left out.

    Args:
        parts (Iterable[list]): Results of :func:`read_frames`.

    Returns:
        dict: ``images`` and ``annotations``.
    """
    content = dict(images=[], annotations=[])
    for image in itertools.chain.from_iterable(parts):
        if image['objects']:
            add_image(content, image)
    return content


def add_image(content: dict, image: dict, **extra) -> None:
    """Append an image and its objects, with the next ids.

    Args:
        content (dict): ``images`` and ``annotations``; changed in place.
        image (dict): One of the results of :func:`read_frames`.
        **extra: More fields of the image.
    """
    image_id = len(content['images']) + 1
    content['images'].append(
        dict(
            id=image_id,
            file_name=f'{image["name"]}.JPEG',
            height=image['height'],
            width=image['width'],
            **extra))
    for item in image['objects']:
        content['annotations'].append(
            dict(
                id=len(content['annotations']) + 1,
                image_id=image_id,
                area=item['bbox'][2] * item['bbox'][3],
                iscrowd=0,
                **item))
