"""Matching of tracks and average precision from per-video records.

Nothing here knows what a track is made of: masks and boxes share it.
"""
from typing import Dict, Hashable, List, NamedTuple, Sequence, Tuple

import numpy as np

IOU_THRS = np.linspace(0.5, 0.95, 10)
RECALL_THRS = np.linspace(0, 1, 101)
MAX_DETS = (1, 10, 100)
AREA_RANGES = dict(
    all=(0, 1e10),
    small=(0, 128**2),
    medium=(128**2, 256**2),
    large=(256**2, 1e10))


class CategoryRecord(NamedTuple):
    """What average precision needs of one category of one video.

    Detections are sorted by descending score and cut to 100.

    Args:
        scores (np.ndarray): (D, ) scores.
        det_areas (np.ndarray): (D, ) average areas of the detections.
        ious (np.ndarray): (D, G) IoU of detections and tracks.
        gt_areas (np.ndarray): (G, ) average areas of the tracks.
        gt_crowd (np.ndarray): (G, ) bool, crowd tracks.
    """
    scores: np.ndarray
    det_areas: np.ndarray
    ious: np.ndarray
    gt_areas: np.ndarray
    gt_crowd: np.ndarray


class _Matches(NamedTuple):
    """Outcome for A area ranges: matched and ignored are (A, T, D), num_gt
    is (A, )."""
    scores: np.ndarray
    matched: np.ndarray
    ignored: np.ndarray
    num_gt: np.ndarray


def top_detections(scores: Sequence[float]) -> np.ndarray:
    """Return the order in which detections are matched.

    Args:
        scores (Sequence[float]): Scores of the detections of one category
            of one video, in input order.

    Returns:
        np.ndarray: Indices by descending score, ties in input order, at
        most 100.
    """
    order = np.argsort(-np.asarray(scores, dtype=float), kind='stable')
    return order[:MAX_DETS[-1]]


def average_area(areas: np.ndarray) -> np.ndarray:
    """Average the frame areas of tracks over the frames that have any.

    Shape:
        - areas: ``(N, T)``.
        - output: ``(N, )`` float64; 0 for a track that is never seen.
    """
    areas = np.asarray(areas, dtype=float)
    return areas.sum(axis=1) / np.maximum((areas != 0).sum(axis=1), 1)


def match_tracks(ious: np.ndarray, gt_ignore: np.ndarray,
                 gt_crowd: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Assign detections to tracks, greedily by score.

    A detection takes the free track of highest IoU, if that reaches the
    threshold; of equal ones the last. It looks at ignored tracks only if no
    other track is left to it. A crowd track is never used up.

    All thresholds and area ranges are solved in one pass.

    Args:
        ious (np.ndarray): IoU of detections (by descending score) and
            tracks.
        gt_ignore (np.ndarray): bool; tracks that do not count, per range.
        gt_crowd (np.ndarray): bool; tracks that many detections may match.

    Shape:
        - ious: ``(D, G)``; gt_ignore: ``(A, G)``; gt_crowd: ``(G, )``.
        - output: two ``(A, T, D)`` bool arrays for the T thresholds: the
          detection has a track; that track is an ignored one.
    """
    num_ranges, num_gt = gt_ignore.shape
    shape = (num_ranges, len(IOU_THRS), len(ious))
    matched = np.zeros(shape, dtype=bool)
    ignored = np.zeros(shape, dtype=bool)
    free = np.ones((*shape[:2], num_gt), dtype=bool)
    bars = np.minimum(IOU_THRS, 1 - 1e-10)[:, None]
    best = ious.max(axis=1, initial=0)
    for det in np.flatnonzero(best >= bars[0]):
        fits = free & (ious[det] >= bars)
        counted = fits & ~gt_ignore[:, None]
        has_counted = counted.any(axis=2)
        fits = np.where(has_counted[..., None], counted, fits)
        iou = np.where(fits, ious[det], -1)
        last_best = num_gt - 1 - iou[..., ::-1].argmax(axis=2)
        has_match = fits.any(axis=2)
        matched[..., det] = has_match
        ignored[..., det] = has_match & ~has_counted
        ranges, thrs = np.nonzero(has_match)
        taken = last_best[ranges, thrs]
        free[ranges, thrs, taken] = gt_crowd[taken]
    return matched, ignored


def accumulate(records: Sequence[Dict[Hashable, CategoryRecord]],
               categories: Sequence[Hashable],
               classwise: bool = False) -> dict:
    """Compute average precision and recall over all videos.

    Args:
        records (Sequence[dict]): Per video, in ascending order of video id,
            the record of each category it has tracks or detections of.
        categories (Sequence): Ids of the categories. Those without a
            counted track are left out of every mean.
        classwise (bool): Add 'per_category'. Defaults to False.

    Returns:
        dict: AP, AP50, AP75, AP_s, AP_m, AP_l, AR1, AR10, AR100, AR_s, AR_m
        and AR_l in 0...1, nan where nothing is defined; with ``classwise``
        also 'per_category': {category: {AP, AP50, AP75, AR1, AR10, AR100}}.
    """
    tables = [_category_table(records, category) for category in categories]
    results = _summarise(tables)
    if classwise:
        keys = ('AP', 'AP50', 'AP75', 'AR1', 'AR10', 'AR100')
        results['per_category'] = {}
        for category, table in zip(categories, tables):
            own = _summarise([table])
            results['per_category'][category] = {key: own[key] for key in keys}
    return results


def _summarise(tables: List[dict]) -> Dict[str, float]:
    """Average what :func:`_category_table` gives over the categories."""

    def mean(kind: str, name: str, max_dets: int, thr=slice(None)) -> float:
        values = [
            table[name, max_dets][kind][thr] for table in tables
            if (name, max_dets) in table
        ]
        return float(np.mean(values)) if values else float('nan')

    return dict(
        AP=mean('precision', 'all', 100),
        AP50=mean('precision', 'all', 100, 0),
        AP75=mean('precision', 'all', 100, 5),
        AP_s=mean('precision', 'small', 100),
        AP_m=mean('precision', 'medium', 100),
        AP_l=mean('precision', 'large', 100),
        AR1=mean('recall', 'all', 1),
        AR10=mean('recall', 'all', 10),
        AR100=mean('recall', 'all', 100),
        AR_s=mean('recall', 'small', 100),
        AR_m=mean('recall', 'medium', 100),
        AR_l=mean('recall', 'large', 100))


def _category_table(records: Sequence[Dict[Hashable, CategoryRecord]],
                    category: Hashable) -> Dict[Tuple[str, int], dict]:
    """Return precision (T, 101) and recall (T, ) of one category by area
    range and detections per video, without those that have no track."""
    videos = [
        _match_record(video[category]) for video in records
        if category in video
    ]
    table = {}
    for index, name in enumerate(AREA_RANGES):
        num_gt = sum(video.num_gt[index] for video in videos)
        if num_gt == 0:
            continue
        for max_dets in MAX_DETS if name == 'all' else MAX_DETS[-1:]:
            precision, recall = _precision_recall(videos, index, num_gt,
                                                  max_dets)
            table[name, max_dets] = dict(precision=precision, recall=recall)
    return table


def _match_record(record: CategoryRecord) -> _Matches:
    lower, upper = np.array(list(AREA_RANGES.values())).T[..., None]
    out_of_range = [(areas < lower) | (areas > upper)
                    for areas in (record.gt_areas, record.det_areas)]
    gt_ignore = record.gt_crowd | out_of_range[0]
    matched, ignored = match_tracks(record.ious, gt_ignore, record.gt_crowd)
    ignored |= ~matched & out_of_range[1][:, None]
    return _Matches(record.scores, matched, ignored, (~gt_ignore).sum(axis=1))


def _precision_recall(videos: Sequence[_Matches], index: int, num_gt: int,
                      max_dets: int) -> Tuple[np.ndarray, np.ndarray]:
    """Read the precision-recall curve of one category and area range.

    Shape:
        - output: precision ``(T, 101)`` at the recall thresholds, recall
          ``(T, )`` after the last detection.
    """
    scores = np.concatenate([video.scores[:max_dets] for video in videos])
    order = np.argsort(-scores, kind='stable')
    matched, ignored = (
        np.concatenate(parts, axis=1)[:, order]
        for parts in ([video.matched[index, :, :max_dets] for video in videos],
                      [video.ignored[index, :, :max_dets]
                       for video in videos]))
    precision = np.zeros((len(IOU_THRS), len(RECALL_THRS)))
    if len(scores) == 0:
        return precision, np.zeros(len(IOU_THRS))
    hits = np.cumsum(matched & ~ignored, axis=1).astype(float)
    misses = np.cumsum(~matched & ~ignored, axis=1).astype(float)
    recalls = hits / num_gt
    curve = hits / (hits + misses + np.spacing(1))
    envelope = np.maximum.accumulate(curve[:, ::-1], axis=1)[:, ::-1]
    for row, (recall, values) in enumerate(zip(recalls, envelope)):
        at = np.searchsorted(recall, RECALL_THRS, side='left')
        reached = at < len(values)
        precision[row, reached] = values[at[reached]]
    return precision, recalls[:, -1]
