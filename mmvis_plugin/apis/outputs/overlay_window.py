"""Overlays on the screen."""
import os
import sys

import cv2
import numpy as np

from mmvis_plugin.visualization import VideoVisualizer
from .result_writer import FrameView, ResultWriter

_NO_WINDOW = ('no window can be opened here; it needs a display and '
              'opencv-python, not opencv-python-headless; write a file '
              'instead of showing frames')
_SHORTEST = 0.001  # seconds; 0 would wait for a key


class OverlayWindow(ResultWriter):
    """Show overlays in a window while they are made.

    Args:
        visualizer (VideoVisualizer): Opens the window.
        wait_time (float): Seconds a frame stays at least. Defaults to 0.

    Raises:
        ValueError: If there is no display.
    """
    needs_frames = True

    def __init__(self,
                 visualizer: VideoVisualizer,
                 wait_time: float = 0.) -> None:
        displays = ('DISPLAY', 'WAYLAND_DISPLAY')
        # Qt ends the process where it finds none
        if sys.platform == 'linux' and not any(map(os.environ.get, displays)):
            raise ValueError(_NO_WINDOW)
        self._visualizer = visualizer
        self._wait_time = max(wait_time, _SHORTEST)

    def write(self, view: FrameView) -> None:
        """Show the next frame.

        Args:
            view (FrameView): The frame.

        Raises:
            ValueError: If this build of OpenCV has no windows.
        """
        try:
            self._visualizer.show(
                np.ascontiguousarray(view.overlay[..., ::-1]),
                wait_time=self._wait_time,
                backend='cv2')
        except cv2.error as error:
            raise ValueError(_NO_WINDOW) from error

    def close(self) -> None:
        """Leave the last frame on the screen."""
