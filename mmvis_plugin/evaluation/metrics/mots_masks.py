"""From the masks of a frame to their overlaps."""
import math
from typing import List, Sequence, Tuple

import numpy as np
from pycocotools import mask as mask_utils

from mmvis_plugin.structures import (RLE, as_rle, encode_index_map,
                                     paint_masks, rle_areas)
from mmvis_plugin.utils.errors import AnnotationError
from ..functional import MOTSFrame, MOTSSegments, mots_overlaps
from ..functional.mots_frame import CLASSES
from .vis_tracks import FrameTracks


def check_predictions(tracks: FrameTracks, name: str) -> None:
    """Raise for predictions that no picture could hold.

    Args:
        tracks (FrameTracks): The frame.
        name (str): What messages call it.

    Raises:
        ValueError: If an id comes twice, a label is none of the classes or a
            score is not finite.
    """
    if len(set(tracks.ids)) < len(tracks.ids):
        twice = sorted(i for i in set(tracks.ids) if tracks.ids.count(i) > 1)
        raise ValueError(f'{name}: track ids {twice[:5]} appear twice, '
                         'expected distinct ids')
    for track, label, score in zip(tracks.ids, tracks.labels, tracks.scores):
        if not 0 <= label < len(CLASSES):
            raise ValueError(f'{name}, track {track}: label {label}, expected '
                             f'0 to {len(CLASSES) - 1}')
        if not math.isfinite(score):
            raise ValueError(f'{name}, track {track}: score {score}, expected '
                             'a finite number')


def visible_masks(rles: Sequence[RLE],
                  scores: Sequence[float],
                  size: Tuple[int, int],
                  min_area: int = 0,
                  min_keep: float = 0.) -> Tuple[List[int], List[RLE]]:
    """Paint masks by ascending score and return what can be seen of them.

    Args:
        rles (Sequence[dict]): Masks.
        scores (Sequence[float]): One per mask.
        size (tuple[int, int]): Height and width of the frame.
        min_area (int): Least number of visible pixels. Defaults to 0.
        min_keep (float): Least visible part of a mask. Defaults to 0.

    Returns:
        tuple[list[int], list[dict]]: Positions of the masks that have
        visible pixels, ascending, and these pixels as run-length codes.
    """
    rles = [as_rle(rle, *size) for rle in rles]
    top = paint_masks(rles, scores, size, min_area, min_keep)
    positions, visible = encode_index_map(top + 1)
    return (positions - 1).tolist(), visible


def check_apart(tracks: FrameTracks, kept: Sequence[int],
                visible: Sequence[RLE], name: str) -> None:
    """Raise if a mask has lost pixels to another one.

    Args:
        tracks (FrameTracks): The frame.
        kept (Sequence[int]): Positions of the masks with visible pixels.
        visible (Sequence[dict]): Visible pixels of these.
        name (str): What messages call the frame.

    Raises:
        ValueError: If masks overlap.
    """
    lost = rle_areas(tracks.rles)
    lost[list(kept)] -= rle_areas(visible)
    if lost.any():
        covered = [tracks.ids[i] for i in np.flatnonzero(lost)]
        raise ValueError(
            f'{name}: {int(lost.sum())} pixels of tracks {covered[:5]} are '
            "covered by other tracks, expected none with overlap='error'; set "
            "overlap='paint'")


def frame_overlaps(tracks: FrameTracks, kept: Sequence[int],
                   visible: Sequence[RLE], size: Tuple[int, int],
                   name: str) -> MOTSFrame:
    """Compare the visible predictions of a frame with its annotations.

    Annotations are taken as they are, also where they overlap.

    Args:
        tracks (FrameTracks): The frame.
        kept (Sequence[int]): Positions of the predictions to compare.
        visible (Sequence[dict]): Masks of these.
        size (tuple[int, int]): Height and width of the frame.
        name (str): What messages call the frame.

    Raises:
        AnnotationError: If an annotation has no mask, a broken one, an
            unknown label or the id of another one.
    """
    masks, gt = [], tracks.instances
    for item in gt:
        where = f'{name}: instance {item["instance_id"]}'
        if item.get('mask') is None:
            raise AnnotationError(f'{where} has no mask, expected one')
        if not 0 <= item['bbox_label'] < len(CLASSES):
            raise AnnotationError(f'{where} has label {item["bbox_label"]}, '
                                  f'expected 0 to {len(CLASSES) - 1}')
        try:
            masks.append(as_rle(item['mask'], *size))
        except ValueError as err:
            raise AnnotationError(f'{where}: {err}') from None
    ids = [item['instance_id'] for item in gt]
    if len(set(ids)) < len(ids):
        raise AnnotationError(f'{name}: instance ids {sorted(ids)[:10]} are '
                              'not distinct, expected one mask per instance')
    objects = MOTSSegments(
        np.array(ids, dtype=np.int64),
        np.array([item['bbox_label'] for item in gt], dtype=np.int64),
        rle_areas(masks),
        np.array([bool(item.get('ignore_flag', 0)) for item in gt],
                 dtype=bool))
    found = MOTSSegments(
        np.array([tracks.ids[i] for i in kept], dtype=np.int64),
        np.array([tracks.labels[i] for i in kept], dtype=np.int64),
        rle_areas(visible), np.zeros(len(kept), dtype=bool))
    return mots_overlaps(objects, found,
                         _intersections(masks, visible, objects, found))


def _intersections(masks: Sequence[RLE], visible: Sequence[RLE],
                   objects: MOTSSegments, found: MOTSSegments) -> np.ndarray:
    """Return the common pixels, int64 (objects, found), from the IoU."""
    if not masks or not visible:
        return np.zeros((len(masks), len(visible)), dtype=np.int64)
    ratio = mask_utils.iou(list(visible), list(masks), [0] * len(masks)).T
    pixels = objects.areas[:, None] + found.areas
    return np.rint(ratio * pixels / (1 + ratio)).astype(np.int64)
