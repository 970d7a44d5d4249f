"""Frames that are needed again when their video has ended."""
import os.path as osp
from tempfile import TemporaryDirectory
from typing import Iterator, Optional, Sequence

import cv2
import numpy as np

from mmvis_plugin.utils.video_reader import VideoReader, read_image


class SecondLook:
    """Gives the frames of a reader once more, in constant memory.

    Files, folders and lists are read again. Of streams, cameras and
    iterators, which come only once, frames are kept as lossless pictures in
    a temporary folder.

    Args:
        reader (VideoReader): The reader of the first look.

    Examples:
        >>> with SecondLook(reader) as look:
        ...     for frame in reader:
        ...         look.keep([frame])
        ...     for frame in look:
        ...         draw(frame)
    """

    def __init__(self, reader: VideoReader) -> None:
        self._reader = reader
        self._folder: Optional[TemporaryDirectory] = None
        self._count = 0

    def __enter__(self) -> 'SecondLook':
        if not self._reader.can_repeat:
            self._folder = TemporaryDirectory(prefix='mmvis_frames_')
        return self

    def __exit__(self, exc_type, exc_value, traceback) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def keep(self, frames: Sequence[np.ndarray]) -> None:
        """Make sure that frames can be read again.

        Args:
            frames (Sequence[np.ndarray]): ``(h, w, 3)`` uint8 BGR.
        """
        for frame in frames if self._folder is not None else ():
            # level 1: several times as fast, hardly larger
            cv2.imwrite(
                self._path(self._count), frame,
                [cv2.IMWRITE_PNG_COMPRESSION, 1])
            self._count += 1

    def _path(self, index: int) -> str:
        return osp.join(self._folder.name, f'{index:06d}.png')

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the frames in order."""
        if self._folder is None:
            yield from VideoReader(self._reader.source,
                                   self._reader.max_frames)
        for index in range(self._count):
            yield read_image(self._path(index))
