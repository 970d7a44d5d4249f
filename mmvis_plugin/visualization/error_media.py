"""Pictures and a clip of a video for a report."""
import os.path as osp
from tempfile import TemporaryDirectory
from typing import Dict, List, Optional, Tuple

import cv2
import numpy as np

from mmvis_plugin.evaluation.video_errors import VideoErrors
from .error_kinds import ERROR_KINDS
from .error_overlay import ErrorOverlay
from .video_sink import VideoSink

_JPEG_QUALITY = 80
_CLIP_QUALITY = 28


class ErrorMedia:
    """Draw what a page shows of a video.

    Of a long video, pictures are made of the frames where errors begin and
    of others evenly between them, and the clip shows the frames in a row
    with the most errors.

    Args:
        errors (VideoErrors): What happens in the video.
        overlay (ErrorOverlay): Draws its frames.
        max_frames (int): Most pictures, and most frames of the clip.
        fps (float, optional): Frames of the clip per second; None makes
            none. Defaults to None.
    """

    def __init__(self,
                 errors: VideoErrors,
                 overlay: ErrorOverlay,
                 max_frames: int,
                 fps: Optional[float] = None) -> None:
        self.errors = errors
        self.fps = fps
        self._overlay = overlay
        starts = error_starts(errors)
        self._pictures = set(picture_positions(starts, max_frames).tolist())
        first = busiest_window(starts, max_frames)
        last = min(first + max_frames, len(starts)) if fps else first
        self._clip = range(first, last)
        self._positions = {
            frame_id: position
            for position, frame_id in enumerate(errors.frame_ids)
        }
        self._frames: Dict[int, bytes] = {}
        self._clip_frames: List[np.ndarray] = []

    def wants(self, frame_id: int) -> bool:
        """Tell whether a frame is drawn.

        Args:
            frame_id (int): Its position in the video.
        """
        position = self._positions.get(frame_id, -1)
        return position in self._pictures or position in self._clip

    def add(self, image: np.ndarray, frame: dict) -> None:
        """Draw a frame; frames come in order.

        Args:
            image (np.ndarray): ``(h, w, 3)`` RGB at the original size.
            frame (dict): Fields and metainfo of the frame.
        """
        position = self._positions[frame['frame_id']]
        drawn = self._overlay.draw(image, frame, self.errors, position)
        if position in self._pictures:
            _, content = cv2.imencode(
                '.jpg', drawn[..., ::-1],
                [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
            self._frames[position] = content.tobytes()
        if position in self._clip:
            self._clip_frames.append(drawn)

    def finish(self) -> Tuple[Dict[int, bytes], Optional[bytes]]:
        """Return the pictures and the clip.

        Returns:
            tuple[dict[int, bytes], bytes | None]: JPEG by position among the
            annotated frames; MP4 with H.264.
        """
        clip = None
        if self._clip_frames:
            with TemporaryDirectory() as folder:
                path = osp.join(folder, 'clip.mp4')
                with VideoSink(
                        path, self.fps, codec='h264',
                        quality=_CLIP_QUALITY) as sink:
                    for drawn in self._clip_frames:
                        sink.write(drawn)
                with open(path, 'rb') as file:
                    clip = file.read()
        return self._frames, clip


def error_starts(errors: VideoErrors) -> np.ndarray:
    """Count the errors that begin in each annotated frame.

    Args:
        errors (VideoErrors): What happens in a video.

    Shape:
        output: (T, ) int64.
    """
    starts = [
        event.start for event in errors.happened.events
        if ERROR_KINDS[event.kind].is_error
    ]
    return np.bincount(
        np.array(starts, dtype=np.int64), minlength=len(errors.frame_ids))


def picture_positions(starts: np.ndarray, limit: int) -> np.ndarray:
    """Choose frames: those where errors begin, then others, evenly spread.

    Args:
        starts (np.ndarray): Errors that begin in each frame.
        limit (int): Most frames.

    Returns:
        np.ndarray: Positions, ascending.

    Shape:
        starts: (T, ).
    """
    wrong, right = np.flatnonzero(starts > 0), np.flatnonzero(starts == 0)
    chosen = _spread(wrong, limit)
    return np.union1d(chosen, _spread(right, limit - len(chosen)))


def busiest_window(starts: np.ndarray, length: int) -> int:
    """Return the first frame of those in a row where most errors begin.

    Args:
        starts (np.ndarray): Errors that begin in each frame.
        length (int): Frames in a row.

    Shape:
        starts: (T, ).
    """
    if length >= len(starts):
        return 0
    return int(np.convolve(starts, np.ones(length), 'valid').argmax())


def _spread(values: np.ndarray, limit: int) -> np.ndarray:
    if len(values) <= limit:
        return values
    return values[np.linspace(0, len(values) - 1, limit).round().astype(int)]
