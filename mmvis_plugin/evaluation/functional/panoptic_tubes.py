"""Segments of a video as tubes, and windows that slide over them."""
from dataclasses import dataclass
from typing import Iterator, List, Sequence, Tuple

import numpy as np

from .panoptic_frame_table import PanopticFrameTable, SegmentList


@dataclass
class TubesInWindow:
    """Tubes as the first frame of a window that lists them has them.

    Args:
        category (np.ndarray): int64 position among the categories; -1 for
            void and tubes outside the window.
        crowd (np.ndarray): bool.
        order (np.ndarray): int64, ascending in order of first appearance;
            -1 for void and tubes outside the window.

    Shape:
        all: (tubes of the video, ).
    """
    category: np.ndarray
    crowd: np.ndarray
    order: np.ndarray


class TubeLists:
    """Annotated or predicted segment lists of a video, ids made dense.

    Args:
        lists (Sequence[SegmentList]): One per frame.
        categories (Sequence[int]): Category ids.
    """

    def __init__(self, lists: Sequence[SegmentList],
                 categories: Sequence[int]) -> None:
        # ids are never negative, so the void stays the first
        ids, index = np.unique(
            np.concatenate([segments.ids for segments in lists]),
            return_inverse=True)
        ends = np.cumsum([len(segments.ids) for segments in lists])[:-1]
        self.num_tubes = len(ids)
        self.index: List[np.ndarray] = np.split(index.reshape(-1), ends)
        order = np.argsort(categories)
        self._categories = [
            order[np.searchsorted(
                categories, segments.categories[1:], sorter=order)]
            for segments in lists
        ]
        self._crowd = [segments.crowd[1:] for segments in lists]

    def within(self, start: int, size: int) -> TubesInWindow:
        """Return the tubes of a window.

        Args:
            start (int): First frame.
            size (int): Number of frames.
        """
        tubes = TubesInWindow(
            np.full(self.num_tubes, -1), np.zeros(self.num_tubes, dtype=bool),
            np.full(self.num_tubes, -1))
        # backwards: the first frame has the last word
        for t in reversed(range(start, start + size)):
            index = self.index[t][1:]
            tubes.category[index] = self._categories[t]
            tubes.crowd[index] = self._crowd[t]
            tubes.order[index] = (t - start) * self.num_tubes + np.arange(
                len(index))
        return tubes


class PanopticTubes:
    """Overlaps of all tubes of a video, frame by frame.

    Args:
        tables (Sequence[PanopticFrameTable]): Frames of the video, at least
            one.
        categories (Sequence[int]): Category ids.
    """

    def __init__(self, tables: Sequence[PanopticFrameTable],
                 categories: Sequence[int]) -> None:
        self.gt = TubeLists([table.gt for table in tables], categories)
        self.pred = TubeLists([table.pred for table in tables], categories)
        keys = [
            self.gt.index[t][table.gt_index] * self.pred.num_tubes +
            self.pred.index[t][table.pred_index]
            for t, table in enumerate(tables)
        ]
        pairs, index = np.unique(np.concatenate(keys), return_inverse=True)
        self.pair_gt, self.pair_pred = np.divmod(pairs, self.pred.num_tubes)
        ends = np.cumsum([len(key) for key in keys])[:-1]
        self._rows = np.split(index.reshape(-1), ends)
        self._counts = [table.counts for table in tables]

    def slide(self, size: int) -> Iterator[Tuple[int, np.ndarray]]:
        """Yield the overlaps in each window of successive frames.

        A window comes from the one before: the new frame is added, the old
        one taken away.

        Args:
            size (int): Number of frames of a window.

        Yields:
            tuple[int, np.ndarray]: First frame of the window, and the int64
            common pixels of each of ``pair_gt``, ``pair_pred``; the array is
            changed by the next step.
        """
        overlaps = np.zeros(len(self.pair_gt), dtype=np.int64)
        for t, (rows, counts) in enumerate(zip(self._rows, self._counts)):
            # the pairs of a frame are all different
            overlaps[rows] += counts
            if t >= size:
                overlaps[self._rows[t - size]] -= self._counts[t - size]
            if t >= size - 1:
                yield t - size + 1, overlaps
