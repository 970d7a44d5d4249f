"""Overlays as a video or as pictures."""
from typing import Union

from mmvis_plugin.visualization import FrameFolder, VideoSink
from .result_writer import FrameView, ResultWriter


class OverlayWriter(ResultWriter):
    """Write overlays of all frames.

    Args:
        sink (VideoSink | FrameFolder): An mp4 file, which browsers play if
            PyAV is installed, or a folder of PNG files.
    """
    needs_frames = True

    def __init__(self, sink: Union[VideoSink, FrameFolder]) -> None:
        self.sink = sink
        self.path = sink.path

    def write(self, view: FrameView) -> None:
        """Write the overlay of the next frame.

        Args:
            view (FrameView): The frame.
        """
        self.sink.write(view.overlay)

    def close(self) -> None:
        """Complete the video."""
        self.sink.close()

    def abort(self) -> None:
        """Drop the video; pictures stay."""
        if isinstance(self.sink, VideoSink):
            self.sink.abort()
