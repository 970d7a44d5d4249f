import sys

import cv2
import numpy as np
import pytest

from mmvis_plugin.apis.outputs import FrameView, OverlayWindow
from mmvis_plugin.visualization import VideoVisualizer

FRAME = np.full((4, 4, 3), (9, 20, 60), np.uint8)


def test_frames_are_shown_and_never_wait_for_a_key(monkeypatch):
    monkeypatch.setenv('DISPLAY', ':0')
    shown = []
    visualizer = VideoVisualizer(min_side=0)
    monkeypatch.setattr(
        visualizer, 'show', lambda image, **options: shown.append(
            (image, options)))
    with OverlayWindow(visualizer) as window:
        window.write(FrameView(None, FRAME, visualizer))
    image, options = shown[0]
    np.testing.assert_array_equal(image, FRAME)  # OpenCV wants BGR
    assert options == dict(wait_time=0.001, backend='cv2')


def test_build_of_opencv_without_windows(monkeypatch):
    monkeypatch.setenv('DISPLAY', ':0')
    visualizer = VideoVisualizer(min_side=0)

    def show(image, **options):
        raise cv2.error('not implemented')

    monkeypatch.setattr(visualizer, 'show', show)
    with pytest.raises(ValueError, match='no window can be opened here'):
        OverlayWindow(visualizer).write(FrameView(None, FRAME, visualizer))


@pytest.mark.skipif(sys.platform != 'linux', reason='other systems have one')
def test_no_display(monkeypatch):
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match='needs a display'):
        OverlayWindow(VideoVisualizer())
