"""From drawn shapes to the tracks of one video in YouTube-VIS form."""
from collections import Counter
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

import numpy as np
from pycocotools import mask as mask_utils
from scipy.optimize import linear_sum_assignment

from mmvis_plugin.structures import RLE
from mmvis_plugin.utils.errors import AnnotationError

# less of the union than this is another object
_MIN_OVERLAP = 0.1


@dataclass
class Shape:
    """A region that someone drew into one frame.

    Attributes:
        label (str): Name of the class.
        track (hashable): Id of the object in its video; None if not given.
        mask (dict): Run-length code.
        is_box (bool): It was drawn as a rectangle.
        iscrowd (bool): A region of many objects, to be ignored.
    """
    label: str
    track: Optional[object]
    mask: RLE
    is_box: bool = False
    iscrowd: bool = False

    @property
    def kind(self) -> Tuple[str, bool]:
        """tuple: What all shapes of one track have in common."""
        return self.label, self.iscrowd


Frames = List[List[Shape]]
Key = Tuple


def track_keys(frames: Frames, missing_id: str, where: str) -> List[List[Key]]:
    """Return which track each shape belongs to.

    Shapes of one label and one id are one object; in the same frame they are
    its parts. For shapes without an id ``missing_id`` decides:

    - 'label': all shapes of a label are one object, if no frame has two;
    - 'overlap': a shape goes on with the object of the same label whose last
      mask it overlaps most, at least 10 % of the union; otherwise it is a
      new one.

    Args:
        frames (list[list[Shape]]): Shapes of each frame.
        missing_id (str): 'label' or 'overlap'.
        where (str): What messages call the video.

    Raises:
        AnnotationError: If two shapes without id share label and frame under
            the rule 'label'.
    """
    keys: List[List[Key]] = []
    last: Dict[Key, RLE] = {}
    for number, shapes in enumerate(frames):
        free = [s for s in shapes if s.track is None]
        found = iter(
            _by_label(free, number, where) if missing_id ==
            'label' else _by_overlap(free, last))
        keys.append([(s.kind, s.track) if s.track is not None else next(found)
                     for s in shapes])
    return keys


def _by_label(shapes: List[Shape], frame: int, where: str) -> List[Key]:
    for (label, _), count in Counter(s.kind for s in shapes).items():
        if count > 1:
            raise AnnotationError(
                f'{where}: frame {frame} has {count} shapes {label!r} without '
                'group_id, expected at most one; give each object its own '
                'group_id, or use --missing-id overlap')
    return [(s.kind, ) for s in shapes]


def _by_overlap(shapes: List[Shape], last: Dict[Key, RLE]) -> List[Key]:
    keys: List[Optional[Key]] = [None] * len(shapes)
    for kind in sorted({s.kind for s in shapes}):
        rows = [i for i, s in enumerate(shapes) if s.kind == kind]
        known = [key for key in last if key[0] == kind]
        overlap = np.zeros((len(rows), len(known)))
        if known:
            overlap = mask_utils.iou([shapes[i].mask for i in rows],
                                     [last[key] for key in known],
                                     [0] * len(known))
        for row, col in zip(*linear_sum_assignment(overlap, maximize=True)):
            if overlap[row, col] >= _MIN_OVERLAP:
                keys[rows[row]] = known[col]
        for i in rows:
            keys[i] = keys[i] or (kind, 'new', len(last))
            last[keys[i]] = shapes[i].mask
    return keys


def build_tracks(frames: Frames, keys: List[List[Key]], keep_boxes: bool,
                 drops: Counter) -> List[dict]:
    """Join the shapes of each track.

    Args:
        frames (list[list[Shape]]): Shapes of each frame.
        keys (list[list[tuple]]): Their tracks, from :func:`track_keys`.
        keep_boxes (bool): A track of rectangles alone has boxes and no
            masks.
        drops (Counter): Counts what is left out.

    Returns:
        list[dict]: In the order of appearance: ``label``, ``iscrowd``,
        ``bboxes``, ``areas`` and ``segmentations`` (absent for boxes), None
        in frames without the object.
    """
    parts: Dict[Key, Dict[int, List[Shape]]] = {}
    for t, (shapes, names) in enumerate(zip(frames, keys)):
        for shape, key in zip(shapes, names):
            if mask_utils.area(shape.mask) == 0:
                drops['shape without a pixel in the frame'] += 1
                continue
            parts.setdefault(key, {}).setdefault(t, []).append(shape)
    return [
        _track(*key[0], by_frame, len(frames), keep_boxes)
        for key, by_frame in parts.items()
    ]


def _track(label: str, iscrowd: bool, by_frame: Dict[int, List[Shape]],
           length: int, keep_boxes: bool) -> dict:
    shapes = [s for parts in by_frame.values() for s in parts]
    masks: List[Optional[dict]] = [None] * length
    boxes: List[Optional[list]] = [None] * length
    areas: List[Optional[int]] = [None] * length
    for t, parts in by_frame.items():
        code = mask_utils.merge([s.mask for s in parts])
        masks[t] = dict(
            size=[int(v) for v in code['size']],
            counts=code['counts'].decode('ascii'))
        boxes[t] = mask_utils.toBbox(code).tolist()
        areas[t] = int(mask_utils.area(code))
    track = dict(label=label, iscrowd=int(iscrowd), bboxes=boxes, areas=areas)
    if not (keep_boxes and all(s.is_box for s in shapes)):
        track['segmentations'] = masks
    return track
