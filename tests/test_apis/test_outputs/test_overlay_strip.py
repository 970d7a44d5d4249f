import cv2
import numpy as np
import pytest

from mmvis_plugin.apis.outputs import FrameView, OverlayStrip
from mmvis_plugin.visualization import VideoVisualizer


def test_wide_frames_are_drawn_again(tmp_path, views):
    wide = VideoVisualizer(min_side=0)
    path = str(tmp_path / 'a.png')
    frame = np.full((6, 961, 3), 90, np.uint8)
    with OverlayStrip(path, VideoVisualizer(min_side=0), 1) as strip:
        view = FrameView(None, frame, wide)
        strip.write(view)
        assert view.overlay.shape == (6, 961, 3)
    assert cv2.imread(path).shape == (3, 480, 3)


def test_no_picture_without_frames_or_after_an_error(tmp_path):
    narrow = VideoVisualizer()
    with OverlayStrip(str(tmp_path / 'a.png'), narrow):
        pass
    with pytest.raises(RuntimeError):
        with OverlayStrip(str(tmp_path / 'a.png'), narrow) as strip:
            strip.write(FrameView(None, np.zeros((4, 4, 3), np.uint8), narrow))
            raise RuntimeError
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match='use .png or .jpg'):
        OverlayStrip('a.xyz', narrow)
