"""Write frames to an mp4 file."""
import os
import os.path as osp
import weakref
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Optional, Tuple, Union

import cv2
import numpy as np
from mmengine.logging import print_log

try:
    import av
except ImportError:  # optional: without it the OpenCV writer is used
    av = None


class VideoSink:
    """Context manager that writes one mp4 file frame by frame.

    With PyAV the file is H.264 in yuv420p and plays in browsers; without it
    OpenCV writes MPEG-4 part 2 ('mp4v'), which most players, but few
    browsers show. Frames go to a temporary file beside the target, which
    takes the final name when the sink closes; if an error leaves the context
    or no frame came, the target is not touched.

    Args:
        path (str | Path): Target, ends in ``.mp4``.
        fps (float): Frames per second. Defaults to 25.
        codec (str): 'h264', 'mp4v', or 'auto' for the first of the two that
            works here. Defaults to 'auto'.
        quality (int): H.264 constant rate factor, 0 (best) to 51. Defaults
            to 20.

    Examples:
        >>> with VideoSink('out.mp4', fps=10) as sink:
        ...     for frame in frames:  # (h, w, 3) uint8 RGB
        ...         sink.write(frame)
    """

    def __init__(self,
                 path: Union[str, Path],
                 fps: float = 25.,
                 codec: str = 'auto',
                 quality: int = 20) -> None:
        self.path = str(path)
        if not self.path.endswith('.mp4'):
            raise ValueError(f'{path}: the name of a video to write must end '
                             'in .mp4')
        if not 0 < fps < 1000:
            raise ValueError(f'{path}: fps must be above 0 and below 1000, '
                             f'got {fps}')
        if codec not in ('auto', 'h264', 'mp4v'):
            raise ValueError(f"codec must be 'auto', 'h264' or 'mp4v', got "
                             f'{codec!r}')
        if codec == 'h264' and av is None:
            raise ValueError("codec 'h264' needs PyAV: pip install av, or "
                             "use codec='auto'")
        self.fps = fps
        self.codec = codec
        self.quality = quality
        self.num_frames = 0
        self.frame_size: Optional[Tuple[int, int]] = None
        self._writer: Optional[Union['_AvWriter', '_CvWriter']] = None
        folder, name = osp.split(osp.abspath(self.path))
        self._temp = osp.join(folder, f'.{os.getpid()}.{id(self)}.{name}')
        # also removed when the sink is never closed
        self._discard = weakref.finalize(self, _remove, self._temp)

    def __enter__(self) -> 'VideoSink':
        return self

    def __exit__(self, exc_type, exc_value, traceback) -> None:
        if exc_type is None:
            self.close()
        else:
            self.abort()

    def write(self, frame: np.ndarray) -> None:
        """Append one frame.

        Args:
            frame (np.ndarray): ``(h, w, 3)`` uint8 RGB; a side of odd length
                is extended by one pixel, which 4:2:0 colour needs.

        Raises:
            ValueError: If the frame has another size than the first one.
        """
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise ValueError(
                f'{self.path}: frame {self.num_frames} is {frame.dtype} '
                f'{frame.shape}, expected uint8 (h, w, 3)')
        height, width = frame.shape[:2]
        if self.frame_size is None:
            self.frame_size = (height, width)
            self._writer = self._open(height + height % 2, width + width % 2)
        if (height, width) != self.frame_size:
            raise ValueError(
                f'{self.path}: frame {self.num_frames} is {height}x{width} '
                f'(h x w), expected {self.frame_size[0]}x'
                f'{self.frame_size[1]} as before: write one file per size')
        if height % 2 or width % 2:
            frame = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2,
                                       cv2.BORDER_REPLICATE)
        self._writer.write(np.ascontiguousarray(frame))
        self.num_frames += 1

    def close(self) -> None:
        """Finish the file and give it its name."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()
            os.replace(self._temp, self.path)
        self._discard()

    def abort(self) -> None:
        """Drop what was written."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()
        self._discard()

    def _open(self, height: int,
              width: int) -> Union['_AvWriter', '_CvWriter']:
        os.makedirs(osp.dirname(self._temp), exist_ok=True)
        if self.codec != 'mp4v' and av is not None:
            try:
                return _AvWriter(self._temp, self.fps, height, width,
                                 self.quality)
            except (av.error.FFmpegError, ValueError) as error:
                if self.codec == 'h264':
                    raise ValueError(
                        f'{self.path}: H.264 cannot be written here '
                        f"({error}), use codec='mp4v'") from error
        if self.codec == 'auto':
            _say_that_mp4v_is_used()
        return _CvWriter(self._temp, self.fps, height, width)


class _AvWriter:
    """H.264 through PyAV."""

    def __init__(self, path: str, fps: float, height: int, width: int,
                 quality: int) -> None:
        # the index goes to the front: playback starts before the download
        # of the file has ended
        self._container = av.open(
            path, 'w', format='mp4', options={'movflags': 'faststart'})
        rate = Fraction(fps).limit_denominator(1001)
        try:
            self._stream = self._container.add_stream('h264', rate=rate)
        except Exception:
            self._container.close()
            raise
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = 'yuv420p'
        self._stream.options = {'crf': str(quality), 'preset': 'fast'}

    def write(self, frame: np.ndarray) -> None:
        picture = av.VideoFrame.from_ndarray(frame, format='rgb24')
        self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        self._container.mux(self._stream.encode())
        self._container.close()


class _CvWriter:
    """MPEG-4 part 2 through OpenCV."""

    def __init__(self, path: str, fps: float, height: int, width: int) -> None:
        fourcc = cv2.VideoWriter_fourcc(*'mp4v')
        self._writer = cv2.VideoWriter(path, fourcc, fps, (width, height))
        if not self._writer.isOpened():
            raise ValueError(
                f'{path}: OpenCV cannot write mp4 here; install a build of '
                'opencv-python with FFmpeg, or PyAV (pip install av)')

    def write(self, frame: np.ndarray) -> None:
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        self._writer.release()


@lru_cache(maxsize=None)
def _say_that_mp4v_is_used() -> None:
    """Log one line per process, not one per video."""
    print_log(
        'videos are written as mp4v, which few browsers play; pip install '
        'av for H.264', 'current')


def _remove(path: str) -> None:
    if osp.exists(path):
        os.remove(path)
