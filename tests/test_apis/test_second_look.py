import os

import cv2
import numpy as np
import pytest

from mmvis_plugin.apis.second_look import SecondLook
from mmvis_plugin.utils.video_reader import VideoReader

FRAMES = [
    np.random.default_rng(t).integers(0, 256, (7, 9, 3), np.uint8)
    for t in range(4)
]


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Return the folder in which temporary folders are made."""
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path / 'temporary'))
    (tmp_path / 'temporary').mkdir()
    return tmp_path / 'temporary'


def write_folder(tmp_path):
    (tmp_path / 'frames').mkdir()
    for t, frame in enumerate(FRAMES):
        cv2.imwrite(str(tmp_path / f'frames/{t}.png'), frame)
    return tmp_path / 'frames'


@pytest.mark.parametrize('kind', ['list', 'iterator', 'folder'])
@pytest.mark.parametrize('num', [None, 3])
def test_the_same_frames_again(tmp_path, temporary, kind, num):
    source = dict(
        list=lambda: FRAMES,
        iterator=lambda: iter(FRAMES),
        folder=lambda: write_folder(tmp_path))[kind]()
    reader = VideoReader(source, num)
    with SecondLook(reader) as look:
        for frame in reader:
            look.keep([frame])
        assert bool(os.listdir(temporary)) == (kind == 'iterator')
        again = list(look)
    assert len(again) == (num or 4)
    for frame, wanted in zip(again, FRAMES):
        np.testing.assert_array_equal(frame, wanted)
    assert not os.listdir(temporary)


def test_temporary_frames_go_after_an_error(temporary):
    with pytest.raises(RuntimeError):
        with SecondLook(VideoReader(iter(FRAMES))) as look:
            look.keep(FRAMES)
            raise RuntimeError
    assert not os.listdir(temporary)
