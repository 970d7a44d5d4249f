"""Conversion of BDD100K MOTS to one COCO-video JSON file per split."""
import os.path as osp
from typing import Iterable

from mmengine.logging import MMLogger

from ..bdd100k_labels import (collect_videos, find_videos, labels_key,
                              read_video)
from .panoptic_frames import convert_split
from .vis_coco_video import to_coco_video

BDD100K_SPLITS = ('train', 'val')
BDD100K_FORMS = ('bitmasks', 'rles')


def convert_bdd100k(root: str,
                    path: str,
                    split: str,
                    form: str = 'bitmasks',
                    unknown: str = 'error',
                    workers: int = 1) -> bool:
    """Convert the labels of a split unless it is done already.

    Masks become run-length codes, one annotation per object and frame;
    crowd and ignored objects get ``iscrowd`` 1, ``instance_id`` is the track
    id, unique in its video. Videos are numbered from 1 in the order of their
    names.

    Args:
        root (str): Folder with ``images`` and ``labels``.
        path (str): The JSON file, which appears when it is complete.
        split (str): 'train' or 'val'.
        form (str): 'bitmasks' or 'rles', the labels to start from. Defaults
            to 'bitmasks'.
        unknown (str): 'error' or 'drop', for objects of other categories.
            Defaults to 'error'.
        workers (int): Number of processes. Defaults to 1.

    Returns:
        bool: False if it was there already, made from the same labels.

    Raises:
        AnnotationError: If a label file is broken.
        FileNotFoundError: If the labels, or those of a frame, are missing.
        ValueError: If another program wrote ``path``.
    """
    label_dir = osp.join(root, 'labels', 'seg_track_20', form, split)
    image_dir = osp.join(root, 'images', 'seg_track_20', split)
    tasks = find_videos(label_dir, image_dir, unknown=unknown)

    def join(results: Iterable[dict]) -> dict:
        source = collect_videos(results)
        for reason, count in sorted(source.drops.items()):
            MMLogger.get_current_instance().info(
                f'{path}: left out {count}: {reason}')
        return to_coco_video(source)

    info = dict(
        converter='bdd100k', split=split, form=form, **labels_key(tasks))
    return convert_split(
        path, info, tasks, read_video, join, lambda _: (), workers=workers)
