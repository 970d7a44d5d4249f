import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmvis_plugin.utils import video_reader
from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.video_reader import (VideoReader, natural_key,
                                             read_image)

CLIP = Path(__file__).parents[1] / 'data/vtest_clip'


def write_video(path, num=5, size=(48, 64)):
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*'mp4v'), 12, size[::-1])
    for t in range(num):
        writer.write(np.full((*size, 3), 40 * t, np.uint8))
    writer.release()
    return path


def values(reader):
    return [int(frame.mean().round()) for frame in reader]


def one_line(error):
    text = str(error.value)
    assert '\n' not in text and text
    return text


def test_natural_order():
    names = ['b2', 'b10', 'a_03x', 'a_3', '10', '9', 'b']
    assert sorted(
        names,
        key=natural_key) == ['9', '10', 'a_3', 'a_03x', 'b', 'b2', 'b10']


def test_folder_in_natural_order():
    reader = VideoReader(CLIP)
    assert (reader.name, reader.num_frames, reader.fps) == ('vtest_clip', 3,
                                                            None)
    for frame, name in zip(reader, ('img_1', 'img_2', 'img_10')):
        np.testing.assert_array_equal(frame,
                                      cv2.imread(str(CLIP / f'{name}.jpg')))


def test_video_file(tmp_path):
    reader = VideoReader(write_video(tmp_path / 'a.b.mp4'))
    assert (reader.name, reader.num_frames, reader.fps) == ('a.b', 5, 12)
    np.testing.assert_allclose(values(reader), [0, 40, 80, 120, 160], atol=4)


@pytest.mark.parametrize('max_frames, num', [(1, 1), (3, 3), (9, 5)])
def test_max_frames(tmp_path, max_frames, num):
    reader = VideoReader(write_video(tmp_path / 'a.mp4'), max_frames)
    assert reader.num_frames == num and len(list(reader)) == num


def test_lists_generators_and_single_images():
    arrays = [np.full((4, 4, 3), v, np.uint8) for v in (3, 1, 2)]
    assert values(VideoReader(arrays)) == [3, 1, 2]
    assert VideoReader(arrays).num_frames == 3
    endless = (arrays[i % 3] for i in range(10**9))
    reader = VideoReader(endless, max_frames=4)
    assert reader.num_frames is None and values(reader) == [3, 1, 2, 3]
    paths = [CLIP / 'img_2.jpg', str(CLIP / 'img_1.jpg')]
    assert values(VideoReader(paths)) == values(VideoReader(paths[:1])) + \
        values(VideoReader(paths[1]))


class FakeCapture:
    """A camera that delivers three frames."""
    opened = []

    def __init__(self, source):
        self.opened.append(source)
        self.left = 3

    def isOpened(self):
        return True

    def get(self, prop):
        return {cv2.CAP_PROP_FPS: 0.}.get(prop, -1.)

    def read(self):
        self.left -= 1
        return self.left >= 0, np.zeros((4, 4, 3), np.uint8)

    def release(self):
        pass


@pytest.mark.parametrize('source, opened, name',
                         [(0, 0, 'camera0'), ('2', 2, 'camera2'),
                          ('rtsp://host:554/live?a=1',
                           'rtsp://host:554/live?a=1', 'host_554_live_a_1')])
def test_cameras_and_streams(monkeypatch, source, opened, name):
    monkeypatch.setattr(video_reader.cv2, 'VideoCapture', FakeCapture)
    reader = VideoReader(source)
    assert FakeCapture.opened[-1] == opened
    assert type(FakeCapture.opened[-1]) is type(opened)
    assert (reader.name, reader.fps, reader.num_frames) == (name, None, None)
    assert len(list(reader)) == 3


def test_missing_source(tmp_path):
    with pytest.raises(
            FileNotFoundError,
            match='no such file or folder.*'
            'camera number or a stream URL') as error:
        VideoReader(tmp_path / 'absent.mp4')
    assert str(tmp_path / 'absent.mp4') in one_line(error)


def test_empty_folder(tmp_path):
    (tmp_path / 'notes.txt').write_text('x')
    with pytest.raises(
            AnnotationError, match='the folder holds no image.*.jpg') as error:
        VideoReader(tmp_path)
    one_line(error)


def test_empty_list():
    with pytest.raises(AnnotationError, match='empty list of frames'):
        VideoReader([])


def test_empty_generator():
    with pytest.raises(AnnotationError, match='no frame could be read'):
        list(VideoReader(iter(())))


@pytest.mark.parametrize('content', [b'', b'this is no video'])
def test_file_that_is_no_video(tmp_path, content):
    path = tmp_path / 'a.mp4'
    path.write_bytes(content)
    with pytest.raises(
            AnnotationError, match='cannot be opened as a video') as error:
        VideoReader(path)
    assert str(path) in one_line(error)


@pytest.mark.parametrize('content', [b'', b'no image'])
def test_broken_frame_is_named(tmp_path, content):
    for name in ('1.png', '3.png'):
        cv2.imwrite(str(tmp_path / name), np.zeros((4, 4, 3), np.uint8))
    (tmp_path / '2.png').write_bytes(content)
    with pytest.raises(AnnotationError, match='cannot be decoded') as error:
        list(VideoReader(tmp_path))
    assert re.search(rf'2\.png.*\({len(content)} bytes\)', one_line(error))


def test_size_change_is_named(tmp_path):
    cv2.imwrite(str(tmp_path / '1.png'), np.zeros((4, 6, 3), np.uint8))
    cv2.imwrite(str(tmp_path / '2.png'), np.zeros((6, 4, 3), np.uint8))
    with pytest.raises(AnnotationError) as error:
        list(VideoReader(tmp_path))
    assert '2.png: the frame is 6x4 (h x w), expected 4x6' in one_line(error)


def test_cut_video_is_reported(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(video_reader, 'print_log',
                        lambda text, *args: lines.append(text))
    reader = VideoReader(write_video(tmp_path / 'a.mp4'))
    reader.num_frames = 50
    assert len(list(reader)) == 5
    assert len(lines) == 1 and 'says 50 frames, only 5' in lines[0]


def test_bad_max_frames():
    with pytest.raises(ValueError, match='max_frames must be >= 1, got 0'):
        VideoReader(CLIP, max_frames=0)


def test_read_image_of_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such image'):
        read_image(tmp_path / 'a.jpg')


def test_image_files_are_named():
    files = [str(CLIP / f'img_{i}.jpg') for i in (1, 2, 10)]
    for source in (CLIP, files):
        pairs = list(VideoReader(source).with_paths())
        assert [path for _, path in pairs] == files
        assert all(frame.ndim == 3 for frame, _ in pairs)
    pairs = VideoReader([np.zeros((2, 2, 3), np.uint8)]).with_paths()
    assert [path for _, path in pairs] == [None]


def test_what_can_be_read_again(tmp_path):
    frame = np.zeros((2, 2, 3), np.uint8)
    video = write_video(tmp_path / 'a.mp4')
    for source in (CLIP, video, [frame], np.stack([frame])):
        reader = VideoReader(source)
        assert reader.can_repeat and not reader.is_endless
    reader = VideoReader(iter([frame]))
    assert not reader.can_repeat and not reader.is_endless


def test_cameras_never_end(monkeypatch):

    class Camera:

        def __init__(self, source):
            pass

        def isOpened(self):
            return True

        def get(self, key):
            return -1.

    monkeypatch.setattr(cv2, 'VideoCapture', Camera)
    for source in (0, '0', 'rtsp://127.0.0.1/a'):
        reader = VideoReader(source)
        assert reader.is_endless and not reader.can_repeat
        assert not VideoReader(source, max_frames=3).is_endless


@pytest.mark.parametrize('source, text', [
    (2.5, 'frames of type float, expected a video file'),
    ([None], 'frame 0 is a NoneType, expected an image file'),
])
def test_other_types(source, text):
    with pytest.raises(AnnotationError, match=text) as error:
        list(VideoReader(source))
    assert one_line(error)
