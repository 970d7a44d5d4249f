"""Where each track has been lately."""
from collections import deque
from typing import Deque, Dict, List, Sequence

import numpy as np


class TrackTrails:
    """Remember the last centres of each track.

    A track that stays away for longer than ``max_gap`` frames is forgotten:
    memory is bounded by the tracks alive, and no line is drawn across a long
    absence.

    Args:
        length (int): Most points of a trail.
        max_gap (int): Longest absence in frames that a trail survives.
            Defaults to 5.
    """

    def __init__(self, length: int, max_gap: int = 5) -> None:
        self.length = length
        self.max_gap = max_gap
        self._points: Dict[int, Deque[np.ndarray]] = {}
        self._last_seen: Dict[int, int] = {}
        self._frame = 0

    def __len__(self) -> int:
        return len(self._points)

    def reset(self) -> None:
        """Forget all tracks."""
        self._points.clear()
        self._last_seen.clear()
        self._frame = 0

    def update(self, ids: Sequence[int],
               centers: np.ndarray) -> List[np.ndarray]:
        """Add the centres of one frame.

        Args:
            ids (Sequence[int]): Track ids ``(n, )`` of this frame.
            centers (np.ndarray): ``(n, 2)`` centres (x, y) in pixels.

        Returns:
            list[np.ndarray]: Per id its trail ``(k, 2)``, oldest point
            first, this frame last.
        """
        self._frame += 1
        oldest = self._frame - self.max_gap - 1
        for gone in [
                i for i, seen in self._last_seen.items() if seen < oldest
        ]:
            del self._points[gone], self._last_seen[gone]
        for track_id, center in zip(ids, np.asarray(centers, np.float32)):
            points = self._points.setdefault(track_id,
                                             deque(maxlen=self.length))
            points.append(center)
            self._last_seen[track_id] = self._frame
        return [np.stack(self._points[track_id]) for track_id in ids]
