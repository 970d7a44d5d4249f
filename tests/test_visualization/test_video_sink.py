import os

import cv2
import numpy as np
import pytest

from mmvis_plugin.visualization import VideoSink, video_sink

needs_av = pytest.mark.skipif(
    video_sink.av is None, reason='PyAV is not installed')
CODECS = [pytest.param('h264', marks=needs_av), 'mp4v']


def picture(index, size=(64, 96)):
    frame = np.full((*size, 3), 60, np.uint8)
    frame[:, :size[1] // 2] = (200, 30 + 20 * index, 40)
    return frame


def read_back(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        found, frame = capture.read()
        if not found:
            break
        frames.append(frame[..., ::-1])
    return frames, capture.get(cv2.CAP_PROP_FPS)


@pytest.mark.parametrize('codec', CODECS)
@pytest.mark.parametrize('fps', [6., 29.97])
def test_frames_come_back(tmp_path, codec, fps):
    path = tmp_path / 'new' / 'a.mp4'
    with VideoSink(path, fps, codec) as sink:
        for i in range(7):
            sink.write(picture(i))
        assert not path.exists()
    frames, found_fps = read_back(path)
    assert len(frames) == sink.num_frames == 7
    assert found_fps == pytest.approx(fps, rel=1e-3)
    for i, frame in enumerate(frames):
        wanted = picture(i)
        for x in (20, 80):
            gap = frame[32, x].astype(int) - wanted[32, x]
            assert np.abs(gap).max() < 16, (i, x)
    assert os.listdir(path.parent) == ['a.mp4']


@pytest.mark.parametrize('codec', CODECS)
def test_odd_sides_are_extended(tmp_path, codec):
    with VideoSink(tmp_path / 'a.mp4', 5, codec) as sink:
        sink.write(picture(0, (63, 95)))
    frames, _ = read_back(tmp_path / 'a.mp4')
    assert frames[0].shape == (64, 96, 3)
    assert np.abs(frames[0][63, 95].astype(int) - 60).max() < 16


@needs_av
def test_browsers_can_play_it(tmp_path):
    with VideoSink(tmp_path / 'a.mp4') as sink:
        for i in range(3):
            sink.write(picture(i))
    with video_sink.av.open(str(tmp_path / 'a.mp4')) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == 'h264'
        assert stream.codec_context.pix_fmt == 'yuv420p'
    head = (tmp_path / 'a.mp4').read_bytes()
    assert head.index(b'moov') < head.index(b'mdat')


def test_without_pyav_opencv_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(video_sink, 'av', None)
    lines = []
    monkeypatch.setattr(video_sink, 'print_log',
                        lambda text, *args: lines.append(text))
    video_sink._say_that_mp4v_is_used.cache_clear()
    for name in ('a.mp4', 'b.mp4'):
        with VideoSink(tmp_path / name) as sink:
            sink.write(picture(0))
            sink.write(picture(1))
        assert len(read_back(tmp_path / name)[0]) == 2
    assert len(lines) == 1 and 'pip install av' in lines[0]
    with pytest.raises(ValueError, match='needs PyAV: pip install av'):
        VideoSink(tmp_path / 'a.mp4', codec='h264')


@pytest.mark.parametrize('codec', CODECS)
def test_size_change_is_named_and_leaves_the_old_file(tmp_path, codec):
    path = tmp_path / 'a.mp4'
    path.write_bytes(b'old')
    with pytest.raises(ValueError) as error:
        with VideoSink(path, codec=codec) as sink:
            sink.write(picture(0))
            sink.write(picture(1, (32, 32)))
    text = str(error.value)
    assert 'frame 1 is 32x32 (h x w), expected 64x96' in text
    assert '\n' not in text
    assert path.read_bytes() == b'old' and os.listdir(tmp_path) == ['a.mp4']


def test_no_frame_no_file(tmp_path):
    with VideoSink(tmp_path / 'a.mp4'):
        pass
    assert not os.listdir(tmp_path)


def test_forgotten_sink_leaves_nothing(tmp_path):
    sink = VideoSink(tmp_path / 'a.mp4', codec='mp4v')
    sink.write(picture(0))
    del sink
    assert not os.listdir(tmp_path)


def test_closing_twice_is_fine(tmp_path):
    sink = VideoSink(tmp_path / 'a.mp4', codec='mp4v')
    sink.write(picture(0))
    sink.close()
    sink.close()
    assert len(read_back(tmp_path / 'a.mp4')[0]) == 1


@pytest.mark.parametrize('kwargs, message', [
    (dict(path='a.avi'), 'must end in .mp4'),
    (dict(path='a.mp4', fps=0), 'fps must be above 0'),
    (dict(path='a.mp4', fps=float('nan')), 'fps must be above 0'),
    (dict(path='a.mp4', codec='vp9'), "'auto', 'h264' or 'mp4v'"),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        VideoSink(**kwargs)


@pytest.mark.parametrize('frame', [
    np.zeros((8, 8), np.uint8),
    np.zeros((8, 8, 4), np.uint8),
    np.zeros((8, 8, 3), np.float32)
])
def test_bad_frames(tmp_path, frame):
    with pytest.raises(ValueError, match=r'expected uint8 \(h, w, 3\)'):
        VideoSink(tmp_path / 'a.mp4').write(frame)
