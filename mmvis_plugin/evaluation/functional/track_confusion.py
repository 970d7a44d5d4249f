"""Which classes of tracks are taken for which."""
from typing import List, NamedTuple, Optional

import numpy as np


class TrackOverlaps(NamedTuple):
    """What a confusion matrix needs of one video.

    Attributes:
        ious (np.ndarray): ``(D, G)``, IoU of detections and tracks.
        scores (np.ndarray): ``(D, )``, of the detections.
        labels (np.ndarray): ``(D, )`` int, of the detections.
        gt_labels (np.ndarray): ``(G, )`` int, of the tracks.
        gt_crowd (np.ndarray): ``(G, )`` bool, crowd tracks.
        det_ious (np.ndarray, optional): ``(D, D)``, IoU of the detections
            with each other; needed for suppression.
    """
    ious: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    gt_labels: np.ndarray
    gt_crowd: np.ndarray
    det_ious: Optional[np.ndarray] = None


def track_confusion(video: TrackOverlaps,
                    num_classes: int,
                    iou_thr: float = 0.5,
                    score_thr: float = 0.3,
                    nms_iou_thr: Optional[float] = None) -> np.ndarray:
    """Count which class the tracks of one video are taken for.

    Detections of all classes compete, the best score first: each takes the
    free track of highest IoU, of equal ones that of its own class. A
    detection whose only partners are crowd tracks is not counted, nor is a
    crowd track without partner. Every other track counts once and every
    other detection counts once, so a second detection of one track is
    background.

    Differs from mmdet's tool for images, where a detection counts with each
    object that it overlaps, and an object with each such detection.

    Args:
        video (TrackOverlaps): The video.
        num_classes (int): Number of classes K.
        iou_thr (float): Least IoU of partners. Defaults to 0.5.
        score_thr (float): Least score. Defaults to 0.3.
        nms_iou_thr (float, optional): Detections, of any class, that overlap
            a better one by more are left out. Defaults to None.

    Returns:
        np.ndarray: int64; rows are classes of tracks and, last, background;
        columns are classes of detections and, last, missed.

    Shape:
        - output: ``(K + 1, K + 1)``.
    """
    matrix = np.zeros((num_classes + 1, num_classes + 1), dtype=np.int64)
    free = ~video.gt_crowd
    for det in _kept(video, score_thr, nms_iou_thr):
        fits = video.ious[det] >= iou_thr
        label = video.labels[det]
        if (fits & free).any():
            best = np.lexsort((video.gt_labels == label,
                               np.where(fits & free, video.ious[det], -1)))[-1]
            free[best] = False
            matrix[video.gt_labels[best], label] += 1
        elif not (fits & video.gt_crowd).any():
            matrix[num_classes, label] += 1
    np.add.at(matrix, (video.gt_labels[free], num_classes), 1)
    return matrix


def _kept(video: TrackOverlaps, score_thr: float,
          nms_iou_thr: Optional[float]) -> List[int]:
    """Return the detections that count, by falling score."""
    kept: List[int] = []
    for det in np.argsort(-video.scores, kind='stable').tolist():
        if video.scores[det] < score_thr:
            break
        if nms_iou_thr is not None and (video.det_ious[det, kept]
                                        > nms_iou_thr).any():
            continue
        kept.append(det)
    return kept
