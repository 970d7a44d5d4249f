"""Overlays of a few frames side by side."""
from mmvis_plugin.visualization import (FrameStrip, VideoVisualizer,
                                        check_image_name)
from .result_writer import FrameView, ResultWriter


class OverlayStrip(ResultWriter):
    """Write evenly spaced overlays as one picture.

    Args:
        path (str): The picture.
        narrow (VideoVisualizer): Draws frames that are too wide for the
            strip; shrunk afterwards they would lose their text. Its
            ``max_width`` is set to that of the strip.
        num_frames (int): Frames of the strip. Defaults to 6.

    Raises:
        ValueError: If no image format has that suffix.
    """
    needs_frames = True

    def __init__(self,
                 path: str,
                 narrow: VideoVisualizer,
                 num_frames: int = 6) -> None:
        check_image_name(path)
        self.path = path
        self._strip = FrameStrip(num_frames)
        self._narrow = narrow
        self._narrow.max_width = self._strip.max_width

    def write(self, view: FrameView) -> None:
        """Offer the overlay of the next frame.

        Args:
            view (FrameView): The frame.
        """
        drawn = view.overlay
        if drawn.shape[1] > self._strip.max_width:
            drawn = view.drawn_by(self._narrow)
        self._strip.add(drawn)

    def close(self) -> None:
        """Write the picture, if there was a frame."""
        if len(self._strip):
            self._strip.save(self.path)
