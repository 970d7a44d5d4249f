"""From videos in the terms of their source to the records of a dataset."""
from collections import Counter
from typing import Dict, List, Optional

from mmengine import fileio

from mmvis_plugin.utils.errors import AnnotationError
from .defects import STRICT, Defects

_SMALL = 'box narrower or lower than 1 pixel'


def finish_video(video: dict,
                 cat2label: Dict[int, int],
                 first_id: int,
                 file: str,
                 unknown: str,
                 on_label_conflict: str,
                 drops: Counter,
                 defects: Defects = STRICT) -> int:
    """Bring one video into the common form, in place.

    Sorts frames, sets ``frame_id``, ``video_length`` and labels, drops
    instances without extent and renumbers the tracks in ascending order of
    their id.

    Args:
        video (dict): A video of a :class:`VideoSource`.
        cat2label (dict[int, int]): Category id to label.
        first_id (int): First free instance id of the dataset.
        file (str): The annotation file, for messages.
        unknown (str): 'error' or 'drop', for categories outside the classes.
        on_label_conflict (str): 'error' or 'first', for a track whose
            category changes.
        drops (Counter): Counts what is left out, by reason.
        defects (Defects): Lets errors of instances pass or collects them.

    Returns:
        int: The next free instance id.

    Raises:
        AnnotationError: Naming the record that breaks the rules.
    """
    images = video['images']
    images.sort(key=lambda image: image['src_frame'])
    for frame_id, image in enumerate(images):
        image['frame_id'] = frame_id
        image['instances'] = _keep_valid(image, cat2label, file, unknown,
                                         drops, defects)
    video['video_length'] = len(images)
    _settle_labels(video, file, on_label_conflict, defects)
    tracks = sorted({
        instance['instance_id']
        for image in images
        for instance in image['instances']
    })
    new_id = {old: first_id + i for i, old in enumerate(tracks)}
    for image in images:
        for instance in image['instances']:
            instance['src_instance_id'] = instance['instance_id']
            instance['instance_id'] = new_id[instance['instance_id']]
    return first_id + len(tracks)


def _keep_valid(image: dict, cat2label: Dict[int, int], file: str,
                unknown: str, drops: Counter, defects: Defects) -> List[dict]:
    kept = []
    for instance in image['instances']:
        category_id = instance.pop('category_id')
        label = cat2label.get(category_id)
        if label is None:
            if unknown == 'error':
                with defects:
                    raise AnnotationError(
                        f'{file}: unknown category {category_id} of instance '
                        f'{instance["instance_id"]}: not in the class list; '
                        "extend metainfo['classes'] or set unknown='drop'")
                continue
            drops[f'category {category_id} not in the class list'] += 1
            continue
        reason = _degenerate(instance, image['height'], image['width'])
        if reason is not None:
            drops[reason] += 1
            continue
        instance['bbox_label'] = label
        kept.append(instance)
    return kept


def _degenerate(instance: dict, height: int, width: int) -> Optional[str]:
    if instance['area'] <= 0:
        return 'mask area <= 0'
    x1, y1, x2, y2 = instance['bbox']
    if min(x2, width) <= max(x1, 0) or min(y2, height) <= max(y1, 0):
        return 'box outside the frame'
    if x2 - x1 < 1 or y2 - y1 < 1:
        return _SMALL
    return None


def _settle_labels(video: dict, file: str, on_label_conflict: str,
                   defects: Defects) -> None:
    first: Dict[int, int] = {}
    for image in video['images']:
        for instance in image['instances']:
            track, label = instance['instance_id'], instance['bbox_label']
            settled = first.setdefault(track, label)
            if settled == label:
                continue
            if on_label_conflict == 'error':
                with defects:
                    raise AnnotationError(
                        f'{file}: instance {track} of video '
                        f'{video["video_name"]} changes its class from label '
                        f'{settled} to {label} in frame {image["frame_id"]}, '
                        'expected one class per track; set '
                        "on_label_conflict='first' to keep the first")
            instance['bbox_label'] = settled


def check_frame_files(video: dict,
                      mode: str,
                      backend_args: Optional[dict] = None,
                      defects: Defects = STRICT) -> None:
    """Raise ``FileNotFoundError`` for the first missing file of a video.

    Args:
        video (dict): A video whose images carry ``img_path`` and, on
            annotated frames of panoptic sets, ``seg_map_path``.
        mode (str): 'all', 'first' (first frame only) or 'none'.
        backend_args (dict, optional): Arguments of the file backend.
        defects (Defects): Lets the error pass or collects one per file.
    """
    images = dict(
        all=video['images'], first=video['images'][:1], none=[])[mode]
    for image in images:
        for key in ('img_path', 'seg_map_path'):
            path = image.get(key)
            if not path or fileio.isfile(path, backend_args=backend_args):
                continue
            with defects:
                raise FileNotFoundError(
                    f'{path} (video {video["video_name"]}, frame '
                    f'{image["frame_id"]}); check data_root and data_prefix')
