"""Overlaps of the masks of one frame, all that the MOTS scores need."""
from typing import NamedTuple, Tuple

import numpy as np

from mmvis_plugin.datasets.class_tables import load_table
from mmvis_plugin.utils.errors import AnnotationError

_CATEGORIES = load_table('bdd100k_mots')['categories']
CLASSES = tuple(category['name'] for category in _CATEGORIES)
SUPER_CLASSES = {
    group:
    tuple(category['name'] for category in _CATEGORIES
          if category['supercategory'] == group)
    for group in dict.fromkeys(c['supercategory'] for c in _CATEGORIES)
}
# bits of the attribute channel: ignored and crowd
_NOT_COUNTED = 0b11


class MOTSFrame(NamedTuple):
    """Objects and predictions of a frame, by ascending id.

    Args:
        gt_ids (np.ndarray): int64 ids of the counted objects.
        gt_labels (np.ndarray): int64 labels of these.
        pred_ids (np.ndarray): int64 ids of the predictions.
        pred_labels (np.ndarray): int64 labels of these.
        ious (np.ndarray): float64 IoU of masks.
        allowed (np.ndarray): bool; IoU of at least 1/2.
        in_region (np.ndarray): bool; more than half of the prediction lies
            in one single crowd or ignored region.

    Shape:
        gt_ids, gt_labels: (G, ); pred_ids, pred_labels, in_region: (P, );
        ious, allowed: (G, P).
    """
    gt_ids: np.ndarray
    gt_labels: np.ndarray
    pred_ids: np.ndarray
    pred_labels: np.ndarray
    ious: np.ndarray
    allowed: np.ndarray
    in_region: np.ndarray


class MOTSSegments(NamedTuple):
    """Masks of one side of a frame, without their pixels.

    Args:
        ids (np.ndarray): int64 ids.
        labels (np.ndarray): int64 labels.
        areas (np.ndarray): int64 pixel counts.
        excluded (np.ndarray): bool; crowd or ignored.

    Shape:
        all: (N, ).
    """
    ids: np.ndarray
    labels: np.ndarray
    areas: np.ndarray
    excluded: np.ndarray


def mots_frame(gt: np.ndarray,
               pred: np.ndarray,
               name: str = 'frame') -> MOTSFrame:
    """Reduce two pictures to the overlaps of their masks.

    One joint histogram of ids gives all areas and intersections.

    Args:
        gt (np.ndarray): uint8 annotation, see :func:`mots`.
        pred (np.ndarray): uint8 prediction.
        name (str): What messages call the frame.

    Raises:
        AnnotationError: If a track id has two categories or attributes, or
            a category is unknown.

    Shape:
        gt, pred: (H, W, 4).
    """
    gt_at, objects = _segments(gt, f'{name}, annotation')
    pred_at, tracks = _segments(pred, f'{name}, prediction')
    shape = (len(objects.ids) + 1, len(tracks.ids) + 1)
    inter = np.bincount(
        gt_at * shape[1] + pred_at, minlength=shape[0] * shape[1])
    return mots_overlaps(objects, tracks, inter.reshape(shape)[1:, 1:])


def mots_overlaps(gt: MOTSSegments, pred: MOTSSegments,
                  inter: np.ndarray) -> MOTSFrame:
    """Keep of the overlaps what matching needs.

    Excluded annotations are regions that excuse predictions. Excluded
    predictions and masks without pixels are left out.

    Args:
        gt (MOTSSegments): Annotations.
        pred (MOTSSegments): Predictions.
        inter (np.ndarray): int64 common pixels.

    Shape:
        inter: (annotations, predictions).
    """
    rows = np.flatnonzero(~gt.excluded & (gt.areas > 0))
    cols = np.flatnonzero(~pred.excluded & (pred.areas > 0))
    rows = rows[np.argsort(gt.ids[rows], kind='stable')]
    cols = cols[np.argsort(pred.ids[cols], kind='stable')]
    common = inter[np.ix_(rows, cols)]
    union = gt.areas[rows][:, None] + pred.areas[cols] - common
    in_region = (2 * inter[gt.excluded] > pred.areas).any(axis=0)
    return MOTSFrame(gt.ids[rows], gt.labels[rows], pred.ids[cols],
                     pred.labels[cols], common / union, 2 * common >= union,
                     in_region[cols])


def _segments(image: np.ndarray, name: str) -> Tuple[np.ndarray, MOTSSegments]:
    """Return the segment of each pixel, from 1, 0 for the background, and
    the segments by ascending id."""
    # neighbours are mostly equal: look at one pixel of each run
    packed = np.ascontiguousarray(image, dtype=np.uint8).view(np.uint32)
    packed = packed.reshape(-1)
    starts = np.flatnonzero(packed[1:] != packed[:-1]) + 1
    starts = np.append(np.zeros(min(len(packed), 1), np.int64), starts)
    lengths = np.diff(np.append(starts, len(packed)))
    colours = image.reshape(-1, 4)[starts].astype(np.int64)
    track = (colours[:, 2] << 8) | colours[:, 3]
    keys = np.where((track > 0) & (colours[:, 0] > 0),
                    (track << 16) | (colours[:, 0] << 8) | colours[:, 1], 0)
    # with one more, so that the background is always there and comes first
    keys, index = np.unique(np.append(keys, 0), return_inverse=True)
    index = np.repeat(index.reshape(-1)[:-1], lengths)
    areas = np.bincount(index, minlength=len(keys))[1:]
    keys = keys[1:]
    ids, labels = keys >> 16, ((keys >> 8) & 255) - 1
    if (ids[1:] == ids[:-1]).any():
        twice = ids[1:][ids[1:] == ids[:-1]][0]
        raise AnnotationError(f'{name}: track {twice} has two pairs of '
                              'category and attributes, expected one')
    if labels.max(initial=-1) >= len(CLASSES):
        raise AnnotationError(
            f'{name}: category id {labels.max() + 1}, expected 0 to '
            f'{len(CLASSES)} in the first channel (read as RGBA)')
    return index, MOTSSegments(ids, labels, areas, (keys & _NOT_COUNTED) > 0)
