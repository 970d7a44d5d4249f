"""Sources of frames for the tests of inference."""
import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import cv2
import pytest

from mmvis_plugin.apis import VideoInferencer
from ..spot_tracker import spot_config, spot_frame

NUM = 4


@pytest.fixture
def inferencer():
    return VideoInferencer(spot_config(), device='cpu', show_progress=False)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'spots').mkdir()
    for t in range(NUM):
        cv2.imwrite(str(tmp_path / f'spots/{t}.png'), spot_frame(t))
    return tmp_path / 'spots'


@pytest.fixture
def video(tmp_path):
    """A video of 13 frames per second."""
    path = str(tmp_path / 'spots.mp4')
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*'mp4v'), 13,
                             (80, 60))
    for t in range(NUM):
        writer.write(spot_frame(t))
    writer.release()
    return path


@pytest.fixture
def url(video):
    """The video at an address of this machine."""
    handler = partial(
        SimpleHTTPRequestHandler, directory=os.path.dirname(video))
    handler.log_message = lambda *args: None
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}/spots.mp4'
        server.shutdown()


class FakeCamera:
    """A capture device that shows the spots for ever."""

    def __init__(self, source):
        self.source = source
        self.count = 0

    def isOpened(self):
        return self.source == 2

    def get(self, key):
        return 0.

    def read(self):
        self.count += 1
        return True, spot_frame((self.count - 1) % 10)

    def release(self):
        pass


@pytest.fixture
def camera(monkeypatch):
    """The number of a camera that never ends; others cannot be opened."""
    monkeypatch.setattr(cv2, 'VideoCapture', FakeCamera)
    return 2
