"""Video panoptic quality over windows of frames."""
from typing import Collection, Dict, List, Sequence

import numpy as np

from .panoptic_frame_table import PanopticFrameTable, panoptic_tables, sum_by
from .panoptic_tubes import PanopticTubes

_GROUPS = (('All', '', (True, False)), ('Things', '_th', (True, )),
           ('Stuff', '_st', (False, )))


def vpq(videos: Sequence[dict],
        categories: Sequence[dict],
        windows: Sequence[int],
        min_area: int = 0,
        skip_categories: Collection[int] = (),
        merge_crowd: bool = False) -> dict:
    """Compute VPQ (Kim et al., Video Panoptic Segmentation, section 3.2).

    Differs from the paper: a predicted tube is no error if more than half of
    it lies on unlabelled pixels or the crowd of its category, as in the
    program of the authors. Each frame is counted once, for all windows.

    Args:
        videos (Sequence[dict]): ``gt`` and ``pred`` (segment ids, 0 for
            void), ``gt_segments`` and ``pred_segments`` (per frame a list of
            id, category_id, iscrowd, area) and optionally ``name``.
        categories (Sequence[dict]): id and isthing of each category.
        windows (Sequence[int]): Numbers of successive frames in a window;
            videos with fewer frames have none.
        min_area (int): Annotated tubes with fewer pixels in the window are
            neither found nor missed; 1024 for VIPER. Defaults to 0.
        skip_categories (Collection[int]): Left out of the means; (11, ) for
            VIPER. Defaults to ().
        merge_crowd (bool): Use all crowd regions of a category, not only the
            last one as the authors do. Defaults to False.

    Returns:
        dict: See :func:`vpq_results`.

    Raises:
        AnnotationError: If maps and lists disagree.

    Shape:
        gt, pred: (T, H, W).
    """
    ids = [category['id'] for category in categories]
    counts = np.zeros((len(windows), len(ids), 4))
    for index, video in enumerate(videos):
        name = f'video {video.get("name", index)}'
        tables = panoptic_tables(video, set(ids), name)
        counts += vpq_counts(tables, ids, windows, min_area, merge_crowd)
    return vpq_results(counts, categories, windows, skip_categories)


def vpq_counts(tables: Sequence[PanopticFrameTable],
               categories: Sequence[int],
               windows: Sequence[int],
               min_area: int = 0,
               merge_crowd: bool = False) -> np.ndarray:
    """Match the tubes in all windows of a video.

    Args:
        tables (Sequence[PanopticFrameTable]): Frames of the video, in order.
        categories (Sequence[int]): Category ids.
        windows (Sequence[int]): Numbers of frames in a window.
        min_area (int): See :func:`vpq`.
        merge_crowd (bool): See :func:`vpq`.

    Returns:
        np.ndarray: float64 sum of IoU, TP, FP and FN.

    Shape:
        Output: (windows, categories, 4).
    """
    counts = np.zeros((len(windows), len(categories), 4))
    if len(tables) == 0:
        return counts
    tubes = PanopticTubes(tables, categories)
    for row, size in enumerate(windows):
        for start, overlaps in tubes.slide(size):
            counts[row] += _count_window(tubes, start, size, overlaps,
                                         len(categories), min_area,
                                         merge_crowd)
    return counts


def vpq_results(
    counts: np.ndarray,
    categories: Sequence[dict],
    windows: Sequence[int],
    skip_categories: Collection[int] = ()) -> dict:
    """Turn counts over all windows of all videos into qualities.

    Args:
        counts (np.ndarray): Sum of :func:`vpq_counts` over videos.
        categories (Sequence[dict]): id and isthing of each category.
        windows (Sequence[int]): Numbers of frames in a window.
        skip_categories (Collection[int]): Left out of the means.

    Returns:
        dict: In per cent, nan where undefined: VPQ, VPQ_th, VPQ_st (means
        over the windows) and VPQ_<n>, VPQ_th_<n>, VPQ_st_<n>; ``windows[n]``
        has ``average[All / Things / Stuff]`` with pq, sq, rq and the number
        n of categories, and ``per_category[id]`` with iou, tp, fp and fn of
        the categories that occur.

    Shape:
        counts: (windows, categories, 4).
    """
    results: dict = {'VPQ': 0., 'VPQ_th': 0., 'VPQ_st': 0.}
    details: Dict[int, dict] = {}
    for size, table in zip(windows, counts):
        occurs = table[:, 1:].sum(axis=1) > 0
        kept = occurs & [c['id'] not in skip_categories for c in categories]
        average = {}
        for group, suffix, kinds in _GROUPS:
            chosen = [bool(c['isthing']) in kinds for c in categories]
            average[group] = _qualities(table[kept & chosen])
            results[f'VPQ{suffix}_{size}'] = average[group]['pq']
        details[size] = dict(
            average=average,
            per_category={
                category['id']: _named(row)
                for category, row, seen in zip(categories, table, occurs)
                if seen
            })
    for _, suffix, _ in _GROUPS:
        results[f'VPQ{suffix}'] = _mean(
            [results[f'VPQ{suffix}_{size}'] for size in windows])
    return {**results, 'windows': details}


def _count_window(tubes: PanopticTubes, start: int, size: int,
                  overlaps: np.ndarray, num_categories: int, min_area: int,
                  merge_crowd: bool) -> np.ndarray:
    """Count one window; the names follow the formulas of VPQ."""
    gt, pred = tubes.gt.within(start, size), tubes.pred.within(start, size)
    g, p = tubes.pair_gt, tubes.pair_pred
    num_gt, num_pred = len(gt.category), len(pred.category)
    gt_area = sum_by(g, overlaps, num_gt)
    pred_area = sum_by(p, overlaps, num_pred)
    excused = sum_by(p, overlaps * (g == 0), num_pred)
    union = gt_area[g] + pred_area[p] - overlaps - excused[p]
    is_object = (gt.order >= 0) & ~gt.crowd & (gt_area >= min_area)
    same = (gt.category[g] == pred.category[p]) & (pred.category[p] >= 0)
    # IoU > 1/2 in whole numbers: such pairs exclude each other
    hit = same & is_object[g] & (2 * overlaps > union)
    is_crowd = gt.crowd.copy()
    if not merge_crowd:
        last = np.full(num_categories, -1)
        order = np.argsort(gt.order, kind='stable')
        order = order[gt.crowd[order]]
        # of equal indices the last assignment stays
        last[gt.category[order]] = order
        is_crowd[:] = False
        is_crowd[last[last >= 0]] = True
    excused += sum_by(p, overlaps * (same & is_crowd[g]), num_pred)
    missed, false = is_object.copy(), pred.order >= 0
    missed[g[hit]] = False
    false[p[hit]] = False
    false &= 2 * excused <= pred_area
    matched = gt.category[g[hit]]
    counts = [
        np.bincount(matched, overlaps[hit] / union[hit], num_categories),
        *(np.bincount(found, minlength=num_categories)
          for found in (matched, pred.category[false], gt.category[missed]))
    ]
    return np.stack(counts, axis=1)


def _qualities(rows: np.ndarray) -> Dict[str, float]:
    iou, hits, false, missed = rows.T
    weight = hits + false / 2 + missed / 2
    return dict(
        pq=_mean(100 * iou / weight),
        sq=_mean(100 * iou / np.maximum(hits, 1)),
        rq=_mean(100 * hits / weight),
        n=len(rows))


def _named(row: np.ndarray) -> Dict[str, float]:
    return dict(
        iou=float(row[0]), tp=int(row[1]), fp=int(row[2]), fn=int(row[3]))


def _mean(values: List[float]) -> float:
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) > 0 else float('nan')
