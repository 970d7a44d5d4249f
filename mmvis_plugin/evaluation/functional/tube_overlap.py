"""Intersection over union of mask tubes."""
from typing import List, Optional, Sequence, Tuple

import numpy as np
from pycocotools import mask as mask_utils

from mmvis_plugin.structures.rle_tracks import RLE, rle_areas

Tube = Sequence[Optional[RLE]]


def tube_areas(tubes: Sequence[Tube], num_frames: int) -> np.ndarray:
    """Count the pixels of mask tubes, frame by frame, in one call.

    Args:
        tubes (Sequence[Sequence[dict or None]]): N tubes, each one
            compressed run-length code per frame, None where absent.
        num_frames (int): Number of frames T.

    Shape:
        - output: ``(N, T)`` int64.
    """
    areas = np.zeros((len(tubes), num_frames), dtype=np.int64)
    where = [(row, frame) for row, tube in enumerate(tubes)
             for frame, rle in enumerate(tube) if rle is not None]
    if where:
        rows, frames = zip(*where)
        areas[rows,
              frames] = rle_areas([tubes[row][frame] for row, frame in where])
    return areas


def tube_iou(tubes_a: Sequence[Tube],
             tubes_b: Sequence[Tube],
             areas_a: Optional[np.ndarray] = None,
             areas_b: Optional[np.ndarray] = None) -> np.ndarray:
    r"""Compute the IoU of every pair of mask tubes of one video.

    .. math:: IoU(a, b) = \sum_t |a_t \cap b_t| \,/\, \sum_t |a_t \cup b_t|

    with the empty set for a frame in which a tube is absent and 0 for an
    empty union. Crowd tracks get no rule of their own.

    One pycocotools call per frame gives the IoU :math:`r` of all pairs;
    the pixel count of an intersection follows exactly as
    :math:`\mathrm{round}(r (|a| + |b|) / (1 + r))`. That call skips pairs
    with disjoint boxes before it walks the runs; frames in which one side
    is empty are never visited.

    Args:
        tubes_a (Sequence[Sequence[dict or None]]): N tubes, one compressed
            run-length code or None per frame.
        tubes_b (Sequence[Sequence[dict or None]]): M tubes, as above.
        areas_a (np.ndarray, optional): Result of :func:`tube_areas` for
            ``tubes_a``; computed if None.
        areas_b (np.ndarray, optional): The same for ``tubes_b``.

    Shape:
        - areas_a: ``(N, T)``; areas_b: ``(M, T)``.
        - output: ``(N, M)`` float64.

    Raises:
        ValueError: If the tubes differ in number of frames or the masks of
            a frame in size.
    """
    num_frames = _common_length([*tubes_a, *tubes_b])
    if areas_a is None:
        areas_a = tube_areas(tubes_a, num_frames)
    if areas_b is None:
        areas_b = tube_areas(tubes_b, num_frames)
    rows, cols, frames, ratio = _overlaps(tubes_a, tubes_b, areas_a, areas_b)
    pixels = areas_a[rows, frames] + areas_b[cols, frames]
    inter = np.zeros((len(tubes_a), len(tubes_b)))
    np.add.at(inter, (rows, cols), np.rint(ratio * pixels / (1 + ratio)))
    union = areas_a.sum(axis=1)[:, None] + areas_b.sum(axis=1) - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


def _overlaps(
    tubes_a: Sequence[Tube], tubes_b: Sequence[Tube], areas_a: np.ndarray,
    areas_b: np.ndarray
) -> Tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Find the pairs of masks that share pixels.

    Returns:
        tuple[np.ndarray]: Row, column, frame and IoU of each such pair, all
        of shape (P, ).
    """
    found_a, found_b, found_ratio, counts = [], [], [], []
    present = zip(_rows_by_frame(areas_a), _rows_by_frame(areas_b))
    for frame, (rows, cols) in enumerate(present):
        counts.append(0)
        if len(rows) == 0 or len(cols) == 0:
            continue
        ratio = mask_utils.iou([tubes_a[row][frame] for row in rows.tolist()],
                               [tubes_b[col][frame] for col in cols.tolist()],
                               [0] * len(cols))
        hit_a, hit_b = ratio.nonzero()
        counts[-1] = len(hit_a)
        found_a.append(rows[hit_a])
        found_b.append(cols[hit_b])
        found_ratio.append(ratio[hit_a, hit_b])
    frames = np.repeat(np.arange(len(counts)), counts)
    ratio = np.concatenate(found_ratio or [np.zeros(0)])
    if (ratio < 0).any():
        raise ValueError(f'frame {frames[ratio < 0][0]}: masks of different '
                         'sizes, expected one size per video')
    none = [np.zeros(0, dtype=int)]
    return (np.concatenate(found_a
                           or none), np.concatenate(found_b
                                                    or none), frames, ratio)


def _rows_by_frame(areas: np.ndarray) -> List[np.ndarray]:
    """Return the rows with pixels of each frame; areas is (N, T)."""
    frames, rows = np.nonzero(areas.T)
    return np.split(rows, np.searchsorted(frames, range(1, areas.shape[1])))


def _common_length(tubes: Sequence[Tube]) -> int:
    lengths = {len(tube) for tube in tubes}
    if len(lengths) > 1:
        raise ValueError(f'tubes of {sorted(lengths)} frames, expected one '
                         'length per video')
    return lengths.pop() if lengths else 0
