"""Segmentation and tracking quality."""
import math
from dataclasses import dataclass
from typing import Collection, Dict, List, Sequence, Tuple

import numpy as np

from .panoptic_frame_table import (IGNORE_LABEL, VOID, PanopticFrameTable,
                                   sum_by)

NUMBERINGS = ('clean', 'vipseg')


@dataclass(frozen=True)
class STQRecord:
    """What STQ needs to know about a video.

    Args:
        confusion (np.ndarray): int64 rows of annotated category, predicted
            category (-1 for void) and common pixels.
        association (float): Sum over annotated tubes of their association
            with predicted ones.
        num_tubes (int): Number of annotated tubes.

    Shape:
        confusion: (pairs of categories that occur, 3).
    """
    confusion: np.ndarray
    association: float
    num_tubes: int


def stq(gt_sem: Sequence[np.ndarray], gt_inst: Sequence[np.ndarray],
        pred_sem: Sequence[np.ndarray], pred_inst: Sequence[np.ndarray],
        num_classes: int, things: Collection[int]) -> dict:
    """Compute STQ (Weber et al., STEP, section 4) over videos.

    A tube is a class of ``things`` with an instance number; annotated number
    0 is crowd. Differs from the paper, as the program of the authors does:
    predicted void on labelled pixels counts as one more class without hits.

    Args:
        gt_sem (Sequence[np.ndarray]): Labels of each video, 255 for void.
        gt_inst (Sequence[np.ndarray]): Instance numbers of each video.
        pred_sem (Sequence[np.ndarray]): Predicted labels, 255 for void.
        pred_inst (Sequence[np.ndarray]): Predicted instance numbers.
        num_classes (int): Labels are below it.
        things (Collection[int]): Labels that have instances.

    Returns:
        dict: See :func:`stq_results`.

    Raises:
        ValueError: If maps differ in size or a label is out of range.

    Shape:
        each video: (T, H, W).
    """
    videos = (gt_sem, gt_inst, pred_sem, pred_inst)
    if len({len(maps) for maps in videos}) > 1:
        raise ValueError('stq: got maps of '
                         f'{[len(maps) for maps in videos]} videos, expected '
                         'equal numbers')
    records = []
    for index, maps in enumerate(zip(*videos)):
        name = f'video {index}'
        if len({len(item) for item in maps}) > 1:
            raise ValueError(f'{name}: got {[len(item) for item in maps]} '
                             'frames, expected equal numbers')
        tables = [
            PanopticFrameTable.from_labels(*frame, f'{name}, frame {t}')
            for t, frame in enumerate(zip(*maps))
        ]
        for t, table in enumerate(tables):
            _check_labels(table, num_classes, f'{name}, frame {t}')
        records.append(stq_record(tables, things))
    return stq_results(records, range(num_classes))


def stq_record(tables: Sequence[PanopticFrameTable],
               things: Collection[int],
               numbering: str = 'clean') -> STQRecord:
    """Reduce the frames of a video.

    Args:
        tables (Sequence[PanopticFrameTable]): Frames of the video, in order.
        things (Collection[int]): Category ids that have instances.
        numbering (str): 'clean': crowd flags are heeded; 'vipseg': as in the
            script of VIPSeg, segments are numbered from 0 in order of first
            appearance, so that only the first annotated segment of a video
            is crowd, if it is a thing.

    Returns:
        STQRecord: A tube that changes its category counts as two.

    Raises:
        ValueError: If the numbering is unknown.
    """
    if numbering not in NUMBERINGS:
        raise ValueError(f'stq: numbering={numbering!r}, expected one of '
                         f'{NUMBERINGS}')
    if len(tables) == 0:
        return STQRecord(np.zeros((0, 3), dtype=np.int64), 0., 0)
    gt_ids, gt_category, gt_crowd = _rows(tables, 'gt')
    pred_ids, pred_category, _ = _rows(tables, 'pred')
    counts = np.concatenate([table.counts for table in tables])
    if numbering == 'vipseg':
        listed = np.concatenate([table.gt.ids[1:] for table in tables])
        gt_crowd = gt_ids == (listed[0] if len(listed) > 0 else VOID)
    is_thing = np.isin(gt_category, list(things))
    is_crowd = is_thing & gt_crowd
    gt_tube = _tubes(gt_category, gt_ids, is_thing & ~is_crowd)
    pred_tube = _tubes(pred_category, pred_ids,
                       np.isin(pred_category, list(things)) & ~is_crowd)
    return STQRecord(
        _confusion(gt_category, pred_category, counts),
        *_association(gt_tube, pred_tube, counts))


def stq_results(records: Sequence[STQRecord],
                categories: Sequence[int],
                count_void_class: bool = True) -> dict:
    """Compute STQ, AQ and SQ from the records of all videos.

    Args:
        records (Sequence[STQRecord]): One per video.
        categories (Sequence[int]): Category ids.
        count_void_class (bool): Count the predicted void as a class of IoU
            0 as soon as a labelled pixel is void, as the authors do.
            Defaults to True.

    Returns:
        dict: Fractions, nan where undefined. STQ, AQ, SQ and the same with
        ``_per_seq`` as lists over videos; ``IoU`` and ``IoU_per_seq`` repeat
        SQ under the name of the reference program; ``mIoU`` is SQ without
        the void class. AQ is 0 without tubes.
    """
    tables = [_dense(record.confusion, categories) for record in records]
    nothing = np.zeros((0, 3), dtype=np.int64)
    total = sum(tables, _dense(nothing, categories))
    tubes = sum(record.num_tubes for record in records)
    quality = math.fsum(record.association for record in records)
    results = dict(
        AQ=quality / max(tubes, 1),
        SQ=_mean_iou(total, count_void_class),
        mIoU=_mean_iou(total, False),
        AQ_per_seq=[r.association / max(r.num_tubes, 1) for r in records],
        SQ_per_seq=[_mean_iou(table, count_void_class) for table in tables])
    return dict(
        STQ=math.sqrt(results['AQ'] * results['SQ']),
        STQ_per_seq=[
            math.sqrt(aq * sq)
            for aq, sq in zip(results['AQ_per_seq'], results['SQ_per_seq'])
        ],
        IoU=results['SQ'],
        IoU_per_seq=list(results['SQ_per_seq']),
        **results)


def _check_labels(table: PanopticFrameTable, num_classes: int,
                  name: str) -> None:
    for kind, segments in (('', table.gt), ('predicted ', table.pred)):
        labels = segments.categories[1:]
        wrong = labels[(labels < 0) | (labels >= num_classes)]
        if len(wrong) > 0:
            raise ValueError(
                f'{name}: {kind}label {wrong[0]}, expected labels below '
                f'{num_classes}, and {IGNORE_LABEL} for void')


def _rows(tables: Sequence[PanopticFrameTable],
          side: str) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return id, category and crowd of one side of all rows."""
    columns: Dict[str, List[np.ndarray]] = dict(
        ids=[], categories=[], crowd=[])
    for table in tables:
        segments = getattr(table, side)
        for name, values in columns.items():
            index = getattr(table, f'{side}_index')
            values.append(getattr(segments, name)[index])
    ids, categories, crowd = map(np.concatenate, columns.values())
    return ids, categories, crowd


def _tubes(categories: np.ndarray, ids: np.ndarray,
           counted: np.ndarray) -> np.ndarray:
    """Number the tubes from 1; 0 for rows that belong to none."""
    _, category = np.unique(categories, return_inverse=True)
    known, index = np.unique(ids, return_inverse=True)
    key = category.reshape(-1) * len(known) + index.reshape(-1) + 1
    # the added 0 is the number of rows without a tube
    _, tube = np.unique(
        np.append(np.where(counted, key, 0), 0), return_inverse=True)
    return tube.reshape(-1)[:-1]


def _association(gt_tube: np.ndarray, pred_tube: np.ndarray,
                 counts: np.ndarray) -> Tuple[float, int]:
    num_gt, num_pred = gt_tube.max() + 1, pred_tube.max() + 1
    gt_area = sum_by(gt_tube, counts, num_gt)
    pred_area = sum_by(pred_tube, counts, num_pred)
    pairs, index = np.unique(
        gt_tube * num_pred + pred_tube, return_inverse=True)
    common = sum_by(index.reshape(-1), counts, len(pairs))
    g, p = np.divmod(pairs, num_pred)
    both = (g > 0) & (p > 0)
    g, p, common = g[both], p[both], common[both]
    iou = common / (gt_area[g] + pred_area[p] - common)
    return math.fsum(common * iou / gt_area[g]), int(num_gt - 1)


def _confusion(gt: np.ndarray, pred: np.ndarray,
               counts: np.ndarray) -> np.ndarray:
    known = gt != VOID
    pairs, index = np.unique(
        np.stack([gt[known], pred[known]], axis=1),
        axis=0,
        return_inverse=True)
    total = sum_by(index.reshape(-1), counts[known], len(pairs))
    return np.column_stack([pairs, total])


def _dense(confusion: np.ndarray, categories: Sequence[int]) -> np.ndarray:
    """Return the int64 matrix of annotated rows and predicted columns, of
    which the last is the void."""
    position = {category: i for i, category in enumerate(categories)}
    position[VOID] = len(categories)
    dense = np.zeros((len(categories), len(categories) + 1), dtype=np.int64)
    for gt, pred, count in confusion.tolist():
        dense[position[gt], position[pred]] += count
    return dense


def _mean_iou(confusion: np.ndarray, count_void_class: bool) -> float:
    common = np.diagonal(confusion)
    union = confusion.sum(axis=1) + confusion[:, :-1].sum(axis=0) - common
    number = np.count_nonzero(union)
    number += bool(count_void_class and confusion[:, -1].any())
    if number == 0:
        return float('nan')
    return float((common / np.maximum(union, 1)).sum() / number)
