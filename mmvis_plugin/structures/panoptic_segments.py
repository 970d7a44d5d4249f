"""The segments of a panoptic map."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PanopticSegments:
    """Ids, areas and boxes of the segments of a map, without the void.

    Args:
        ids (np.ndarray): int64, ascending, above 0.
        areas (np.ndarray): int64 number of pixels.
        boxes (np.ndarray): int64 tight boxes (x, y, width, height).

    Shape:
        ids, areas: (N, ); boxes: (N, 4).
    """
    ids: np.ndarray
    areas: np.ndarray
    boxes: np.ndarray

    @classmethod
    def from_map(cls, ids: np.ndarray) -> 'PanopticSegments':
        """Measure all segments of a map in one pass.

        Args:
            ids (np.ndarray): Integer segment ids, 0 for void.

        Shape:
            ids: (H, W).
        """
        height, width = ids.shape
        flat = ids.ravel()
        # a run is a stretch of one id within a row
        is_start = np.ones(flat.size, dtype=bool)
        np.not_equal(flat[1:], flat[:-1], out=is_start[1:])
        is_start[::width] = True
        starts = np.flatnonzero(is_start)
        lengths = np.diff(starts, append=flat.size)
        values = flat[starts].astype(np.int64)
        solid = values > 0
        starts, lengths, values = starts[solid], lengths[solid], values[solid]
        found, index = np.unique(values, return_inverse=True)
        if len(found) == 0:
            empty = np.zeros(0, dtype=np.int64)
            return cls(empty, empty, empty.reshape(0, 4))
        order = np.argsort(index.reshape(-1), kind='stable')
        first = np.searchsorted(values[order], found)
        rows, left = np.divmod(starts[order], width)
        right = left + lengths[order]
        x, y = (np.minimum.reduceat(side, first) for side in (left, rows))
        boxes = np.stack([
            x, y,
            np.maximum.reduceat(right, first) - x,
            np.maximum.reduceat(rows, first) - y + 1
        ],
                         axis=1)
        areas = np.add.reduceat(lengths[order], first)
        return cls(found, areas.astype(np.int64), boxes.astype(np.int64))
