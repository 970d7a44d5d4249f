"""A few frames of a video side by side."""
from pathlib import Path
from typing import List, Optional, Union

import cv2
import numpy as np

from .frame_folder import write_image


class FrameStrip:
    """Collect evenly spaced frames of a stream of unknown length.

    While frames come in, every ``2^k``-th and the latest are held, with
    ``k`` such that at most ``4 * num + 1`` are in memory.

    Args:
        num (int): Frames of the strip.
        max_width (int): Frames wider than this are shrunk. Defaults to 480.
        gap (int): White pixels between frames. Defaults to 4.
    """

    def __init__(self, num: int, max_width: int = 480, gap: int = 4) -> None:
        if num < 1:
            raise ValueError(f'a strip needs at least 1 frame, got {num}')
        self.num = num
        self.max_width = max_width
        self.gap = gap
        self._kept: List[np.ndarray] = []
        self._latest: Optional[np.ndarray] = None
        self._stride = 1
        self._count = 0

    def __len__(self) -> int:
        return min(self.num, self._count)

    def add(self, frame: np.ndarray) -> None:
        """Offer the next frame.

        Args:
            frame (np.ndarray): ``(h, w, 3)`` uint8 RGB.
        """
        self._latest = self._shrink(frame)
        if self._count % self._stride == 0:
            self._kept.append(self._latest)
        self._count += 1
        if len(self._kept) > 4 * self.num:
            self._kept = self._kept[::2]
            self._stride *= 2

    def _shrink(self, frame: np.ndarray) -> np.ndarray:
        height, width = frame.shape[:2]
        if width <= self.max_width:
            return frame.copy()
        size = (self.max_width, max(round(height * self.max_width / width), 1))
        return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)

    def image(self) -> np.ndarray:
        """Return the strip, ``(h, w, 3)`` uint8 RGB.

        Raises:
            ValueError: If no frame was added.
        """
        if self._latest is None:
            raise ValueError('a strip of no frames: add at least one')
        held = [*self._kept, self._latest]
        at = self._stride * np.arange(len(held))
        at[-1] = self._count - 1
        wanted = np.linspace(0, self._count - 1, len(self))
        picks = np.abs(at - wanted[:, None]).argmin(axis=1)
        frames = [held[pick] for pick in picks]
        bar = np.full((frames[0].shape[0], self.gap, 3), 255, np.uint8)
        parts = [part for frame in frames for part in (frame, bar)]
        return np.concatenate(parts[:-1], axis=1)

    def save(self, path: Union[str, Path]) -> None:
        """Write the strip as an image file, all or nothing.

        Args:
            path (str | Path): Target; the suffix picks the format.

        Raises:
            ValueError: If no image format has that suffix, or no frame was
                added.
        """
        write_image(path, self.image())
