"""How annotated and predicted segments overlap, counted once per frame."""
from dataclasses import dataclass
from typing import Collection, List, Optional, Sequence, Tuple

import numpy as np

from mmvis_plugin.utils.errors import AnnotationError

VOID = -1
IGNORE_LABEL = 255
_INSTANCE_BITS = 32


@dataclass(frozen=True)
class SegmentList:
    """Segments of a frame in the order of their list, after the void.

    Args:
        ids (np.ndarray): int64; the first is 0, the void.
        categories (np.ndarray): int64 category ids, -1 for void.
        crowd (np.ndarray): bool.

    Shape:
        all: (1 + number of segments, ).
    """
    ids: np.ndarray
    categories: np.ndarray
    crowd: np.ndarray


@dataclass(frozen=True)
class PanopticFrameTable:
    """Pixel counts of all pairs of segments that overlap in a frame.

    All that VPQ and STQ need to know about a frame: some hundred rows
    instead of two maps.

    Args:
        gt (SegmentList): Annotated segments.
        pred (SegmentList): Predicted segments.
        gt_index (np.ndarray): int64 position in ``gt`` per row.
        pred_index (np.ndarray): int64 position in ``pred`` per row.
        counts (np.ndarray): int64 number of common pixels per row, > 0.

    Shape:
        gt_index, pred_index, counts: (number of pairs, ).
    """
    gt: SegmentList
    pred: SegmentList
    gt_index: np.ndarray
    pred_index: np.ndarray
    counts: np.ndarray

    @classmethod
    def from_maps(cls,
                  gt: np.ndarray,
                  pred: np.ndarray,
                  gt_segments: Sequence[dict],
                  pred_segments: Sequence[dict],
                  categories: Collection[int],
                  name: str = 'frame',
                  pred_name: Optional[str] = None) -> 'PanopticFrameTable':
        """Count a frame of segment ids.

        Args:
            gt (np.ndarray): Annotated segment ids, 0 for void.
            pred (np.ndarray): Predicted segment ids, 0 for void.
            gt_segments (Sequence[dict]): id, category_id, iscrowd (0 where
                absent) and area (checked if there) of each annotated id.
            pred_segments (Sequence[dict]): The same of the predicted ids.
            categories (Collection[int]): Ids of the known categories.
            name (str): What messages call the annotation.
            pred_name (str, optional): What they call the prediction.

        Raises:
            AnnotationError: If maps and lists disagree about the segments.

        Shape:
            gt, pred: (H, W).
        """
        pred_name = pred_name or f'{name}, prediction'
        gt_list = _segment_list(gt_segments, categories, name)
        pred_list = _segment_list(pred_segments, categories, pred_name)
        _check_shape(gt, pred, name)
        gt_values, pred_values, lengths = _runs(gt, pred)
        table = cls(
            gt_list, pred_list,
            *_count_pairs(
                _positions(gt_values, gt_list.ids, name), len(gt_list.ids),
                _positions(pred_values, pred_list.ids, pred_name),
                len(pred_list.ids), lengths))
        _check_areas(table.gt_areas, gt_list.ids, gt_segments, name)
        # the areas that a result file states are used nowhere
        _check_areas(table.pred_areas, pred_list.ids, [], pred_name)
        return table

    @classmethod
    def from_labels(cls,
                    gt_sem: np.ndarray,
                    gt_inst: np.ndarray,
                    pred_sem: np.ndarray,
                    pred_inst: np.ndarray,
                    name: str = 'frame') -> 'PanopticFrameTable':
        """Count a frame of labels and instance numbers.

        Args:
            gt_sem (np.ndarray): Annotated labels, 255 for void.
            gt_inst (np.ndarray): Annotated instances, 0 for crowd.
            pred_sem (np.ndarray): Predicted labels, 255 for void.
            pred_inst (np.ndarray): Predicted instances.
            name (str): What messages call the frame.

        Raises:
            ValueError: If the maps differ in size.

        Shape:
            all: (H, W).
        """
        for other in (gt_inst, pred_sem, pred_inst):
            _check_shape(gt_sem, other, name)
        gt_values, pred_values, lengths = _runs(
            _join(gt_sem, gt_inst), _join(pred_sem, pred_inst))
        gt_list, gt_at = _labelled_list(gt_values)
        pred_list, pred_at = _labelled_list(pred_values)
        return cls(
            gt_list, pred_list,
            *_count_pairs(gt_at, len(gt_list.ids), pred_at, len(pred_list.ids),
                          lengths))

    @property
    def gt_areas(self) -> np.ndarray:
        """np.ndarray: int64 pixels of each entry of ``gt``."""
        return sum_by(self.gt_index, self.counts, len(self.gt.ids))

    @property
    def pred_areas(self) -> np.ndarray:
        """np.ndarray: int64 pixels of each entry of ``pred``."""
        return sum_by(self.pred_index, self.counts, len(self.pred.ids))


def panoptic_tables(video: dict,
                    categories: Collection[int],
                    name: str = 'video') -> List[PanopticFrameTable]:
    """Count all frames of a video.

    Args:
        video (dict): ``gt`` and ``pred``, segment ids of T frames, and
            ``gt_segments`` and ``pred_segments``, a list of dicts per
            frame.
        categories (Collection[int]): Ids of the known categories.
        name (str): What messages call the video.

    Returns:
        list[PanopticFrameTable]: One per frame.

    Raises:
        AnnotationError: If maps and lists disagree.

    Shape:
        gt, pred: (T, H, W).
    """
    keys = ('gt', 'pred', 'gt_segments', 'pred_segments')
    lengths = {key: len(video[key]) for key in keys}
    if len(set(lengths.values())) > 1:
        raise AnnotationError(f'{name}: numbers of frames differ: {lengths}, '
                              'expected one entry per frame in each')
    return [
        PanopticFrameTable.from_maps(*frame, categories, f'{name}, frame {t}')
        for t, frame in enumerate(zip(*(video[key] for key in keys)))
    ]


def sum_by(index: np.ndarray, counts: np.ndarray, length: int) -> np.ndarray:
    """Sum whole numbers that share an index, exactly below 2^53.

    Args:
        index (np.ndarray): Where each number belongs, in [0, length).
        counts (np.ndarray): The numbers.
        length (int): Length of the result.

    Returns:
        np.ndarray: int64.

    Shape:
        index, counts: (N, ); output: (length, ).
    """
    return np.bincount(index, counts, minlength=length).astype(np.int64)


def values_in(labels: np.ndarray) -> np.ndarray:
    """Return the distinct values of a map of wide regions.

    Args:
        labels (np.ndarray): Integers.

    Returns:
        np.ndarray: int64, ascending.

    Shape:
        labels: (H, W); output: (number of values, ).
    """
    flat = labels.ravel()
    is_start = np.ones(flat.size, dtype=bool)
    np.not_equal(flat[1:], flat[:-1], out=is_start[1:])
    return np.unique(flat[is_start]).astype(np.int64)


def _segment_list(segments: Sequence[dict], categories: Collection[int],
                  name: str) -> SegmentList:
    for segment in segments:
        if segment['id'] <= 0 or segment['category_id'] not in categories:
            raise AnnotationError(
                f'{name}: segment {segment["id"]} of category '
                f'{segment["category_id"]}, expected an id above 0 and one '
                f'of the {len(categories)} categories of the data set')
    ids = np.array([0] + [item['id'] for item in segments], dtype=np.int64)
    if len(np.unique(ids)) < len(ids):
        raise AnnotationError(f'{name}: an id is listed twice among '
                              f'{sorted(ids[1:].tolist())}, expected once')
    return SegmentList(
        ids,
        np.array(
            [VOID] + [item['category_id'] for item in segments],
            dtype=np.int64),
        np.array([False] + [bool(item.get('iscrowd', 0))
                            for item in segments]))


def _check_shape(first: np.ndarray, other: np.ndarray, name: str) -> None:
    if first.shape != other.shape:
        raise AnnotationError(f'{name}: maps of size {first.shape} and '
                              f'{other.shape}, expected equal sizes')


def _runs(gt: np.ndarray,
          pred: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return both values and the length of each run of equal pairs.

    Segments are wide: the runs are a few per cent of the pixels, and all
    that follows costs next to nothing.
    """
    gt, pred = gt.ravel(), pred.ravel()
    is_start = np.ones(gt.size, dtype=bool)
    np.not_equal(gt[1:], gt[:-1], out=is_start[1:])
    is_start[1:] |= pred[1:] != pred[:-1]
    starts = np.flatnonzero(is_start)
    lengths = np.diff(starts, append=gt.size)
    return (gt[starts].astype(np.int64), pred[starts].astype(np.int64),
            lengths)


def _positions(values: np.ndarray, ids: np.ndarray, name: str) -> np.ndarray:
    order = np.argsort(ids)
    found = np.searchsorted(ids, values, sorter=order)
    index = order[np.minimum(found, len(ids) - 1)]
    wrong = ids[index] != values
    if wrong.any():
        unlisted = np.unique(values[wrong])[:5].tolist()
        raise AnnotationError(f'{name}: ids {unlisted} have pixels but are '
                              'not in the list of segments')
    return index


def _count_pairs(
        gt_at: np.ndarray, num_gt: int, pred_at: np.ndarray, num_pred: int,
        lengths: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    counts = sum_by(gt_at * num_pred + pred_at, lengths, num_gt * num_pred)
    rows = np.flatnonzero(counts)
    return rows // num_pred, rows % num_pred, counts[rows]


def _check_areas(areas: np.ndarray, ids: np.ndarray, segments: Sequence[dict],
                 name: str) -> None:
    empty = ids[1:][areas[1:] == 0]
    if len(empty) > 0:
        raise AnnotationError(f'{name}: ids {empty[:5].tolist()} are in the '
                              'list of segments but have no pixels')
    for area, segment in zip(areas[1:].tolist(), segments):
        if segment.get('area', area) != area:
            raise AnnotationError(
                f'{name}: segment {segment["id"]} has {area} pixels, but its '
                f'area is given as {segment["area"]}')


def _join(sem: np.ndarray, inst: np.ndarray) -> np.ndarray:
    joined = sem.astype(np.int64) + 1
    joined <<= _INSTANCE_BITS
    joined |= inst
    joined[sem == IGNORE_LABEL] = 0
    return joined


def _labelled_list(values: np.ndarray) -> Tuple[SegmentList, np.ndarray]:
    # the leading 0 makes the void the first entry, with or without pixels
    ids, index = np.unique(np.concatenate([[0], values]), return_inverse=True)
    instances = ids & ((1 << _INSTANCE_BITS) - 1)
    segments = SegmentList(ids, (ids >> _INSTANCE_BITS) - 1,
                           (instances == 0) & (ids > 0))
    return segments, index.reshape(-1)[1:]
