"""Average precision of box tubes (ImageNet VID)."""
import math
from typing import Any, Dict, Hashable, List, Sequence

import numpy as np

from mmvis_plugin.utils.errors import AnnotationError
from .track_ap import CategoryRecord, average_area, top_detections
from .track_inputs import (check_length, count_frames, evaluate_tracks,
                           get_field, is_number, reduce_by_category)

_CHUNK_BYTES = 64 * 2**20
# float64 values per pair of boxes that are alive at once: both corners of
# the intersection, its sides, and one temporary of each
_VALUES_PER_PAIR = 8


def box_tube_ap(gt: dict,
                pred: Sequence[dict],
                classwise: bool = False) -> Dict[str, Any]:
    """Evaluate box tracks by AP and AR, as mask tracks are evaluated.

    The protocol is that of :func:`video_instance_ap` with boxes as masks:
    the area of [x, y, w, h] is w h, in continuous coordinates.

    Args:
        gt (dict): ``videos`` (id, and length or file_names), ``categories``
            (id) and ``annotations`` (video_id, category_id, bboxes; optional
            iscrowd, areas).
        pred (Sequence[dict]): Results: video_id, category_id, score, bboxes.
            A box is [x, y, w, h] in pixels, or None where absent.
        classwise (bool): Add the results of each category. Defaults to
            False.

    Returns:
        dict[str, float]: As :func:`video_instance_ap`. The inputs are not
        changed.

    Raises:
        AnnotationError: If an annotation or a result names an unknown video
            or category, or does not fit its video.
    """
    return evaluate_tracks(gt, pred, classwise, _checked_track, box_records)


def box_records(tracks: Sequence[dict], results: Sequence[dict],
                num_frames: int) -> Dict[Hashable, CategoryRecord]:
    """Reduce one video to what average precision needs of it.

    Args:
        tracks (Sequence[dict]): Ground truth of the video: category_id,
            bboxes, iscrowd and optional areas, which stand in for w h in the
            area ranges.
        results (Sequence[dict]): Detections of the video: category_id,
            score, bboxes.
        num_frames (int): Length of the video.

    Returns:
        dict: Category id to its record, for each category with a track or a
        detection.
    """
    return reduce_by_category(tracks, results, num_frames, _category_record)


def box_tube_iou(tubes_a: np.ndarray, tubes_b: np.ndarray) -> np.ndarray:
    """Compute the IoU of every pair of box tubes of one video.

    Intersections and areas are summed over the frames before they are
    divided; an empty union has IoU 0. Temporaries stay below 64 MB.

    Args:
        tubes_a (np.ndarray): Boxes (x, y, w, h), nan where absent.
        tubes_b (np.ndarray): Boxes, as above.

    Returns:
        np.ndarray: float64 IoU.

    Shape:
        tubes_a: (N, T, 4); tubes_b: (M, T, 4); output: (N, M).
    """
    inter = np.zeros((len(tubes_a), len(tubes_b)))
    pair_bytes = _VALUES_PER_PAIR * 8 * max(inter.size, 1)
    step = max(_CHUNK_BYTES // pair_bytes, 1)
    for start in range(0, tubes_a.shape[1], step):
        a = tubes_a[:, None, start:start + step]
        b = tubes_b[None, :, start:start + step]
        lower = np.maximum(a[..., :2], b[..., :2])
        sides = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
        sides -= lower
        pixels = sides.clip(min=0).prod(axis=-1)
        inter += np.nansum(pixels, axis=2)
    union = (
        _areas(tubes_a).sum(axis=1)[:, None] + _areas(tubes_b).sum(axis=1) -
        inter)
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


def _areas(tubes: np.ndarray) -> np.ndarray:
    return np.nan_to_num(tubes[..., 2] * tubes[..., 3])


def _as_array(items: Sequence[dict], num_frames: int) -> np.ndarray:
    tubes = np.full((len(items), num_frames, 4), np.nan)
    where = [(row, frame) for row, item in enumerate(items)
             for frame, box in enumerate(item['bboxes']) if box is not None]
    if where:
        rows, frames = zip(*where)
        tubes[rows,
              frames] = [items[row]['bboxes'][frame] for row, frame in where]
    return tubes


def _category_record(tracks: List[dict], results: List[dict],
                     num_frames: int) -> CategoryRecord:
    order = top_detections([result['score'] for result in results])
    results = [results[index] for index in order]
    det_tubes = _as_array(results, num_frames)
    gt_tubes = _as_array(tracks, num_frames)
    stated = _areas(gt_tubes)
    for row, track in enumerate(tracks):
        if track.get('areas') is not None:
            stated[row] = [area or 0 for area in track['areas']]
    return CategoryRecord(
        scores=np.array([result['score'] for result in results], dtype=float),
        det_areas=average_area(_areas(det_tubes)),
        ious=box_tube_iou(det_tubes, gt_tubes),
        gt_areas=average_area(stated),
        gt_crowd=np.array([bool(track.get('iscrowd', 0)) for track in tracks],
                          dtype=bool))


def _checked_track(item: dict, video: dict, name: str) -> dict:
    boxes = get_field(item, 'bboxes', name)
    name = f'{name} (video {video["id"]})'
    if boxes is None:
        raise AnnotationError(f'{name}: bboxes is null, expected a list '
                              'of one box or null per frame')
    num_frames = count_frames(video)
    check_length(boxes, 'bboxes', num_frames, name)
    check_length(item.get('areas'), 'areas', num_frames, name)
    for frame, box in enumerate(boxes):
        if box is not None and not _is_box(box):
            raise AnnotationError(
                f'{name}, frame {frame}: box {box!r}, expected null or '
                '[x, y, w, h] of finite numbers with w and h not below 0')
    return item


def _is_box(box: Any) -> bool:
    return (isinstance(box, (list, tuple, np.ndarray)) and len(box) == 4
            and all(
                is_number(value) and math.isfinite(value) for value in box)
            and min(box[2], box[3]) >= 0)
