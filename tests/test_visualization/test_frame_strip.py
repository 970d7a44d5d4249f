import cv2
import numpy as np
import pytest

from mmvis_plugin.visualization import FrameFolder, FrameStrip, write_image


def strip_of(num_frames, num, **kwargs):
    strip = FrameStrip(num, **kwargs)
    for t in range(num_frames):
        strip.add(np.full((4, 6, 3), t, np.uint8))
        assert len(strip._kept) <= 4 * num
    assert len(strip) == min(num_frames, num)
    return strip.image()


def shown(image, width=6, gap=4):
    return [int(v) for v in image[0, ::width + gap, 0]]


@pytest.mark.parametrize('num_frames, num, wanted', [(1, 4, [0]),
                                                     (3, 4, [0, 1, 2]),
                                                     (4, 4, [0, 1, 2, 3]),
                                                     (5, 3, [0, 2, 4]),
                                                     (9, 3, [0, 4, 8]),
                                                     (7, 1, [0])])
def test_short_streams(num_frames, num, wanted):
    assert shown(strip_of(num_frames, num)) == wanted


@pytest.mark.parametrize('num_frames', [40, 100, 101, 255])
@pytest.mark.parametrize('num', [2, 5, 6])
def test_long_streams_are_evenly_covered(num_frames, num):
    frames = shown(strip_of(num_frames, num))
    assert len(frames) == num and frames[0] == 0
    assert frames[-1] == num_frames - 1
    spacing = (num_frames - 1) / max(num - 1, 1)
    assert np.abs(np.diff(frames) - spacing).max() <= 0.5 * spacing


def test_wide_frames_are_shrunk():
    strip = FrameStrip(2, max_width=50, gap=2)
    for _ in range(2):
        strip.add(np.zeros((100, 200, 3), np.uint8))
    assert strip.image().shape == (25, 102, 3)


def test_frames_are_copied():
    strip, frame = FrameStrip(1), np.zeros((4, 4, 3), np.uint8)
    strip.add(frame)
    frame[:] = 9
    assert not strip.image().any()


def test_save(tmp_path):
    strip = FrameStrip(2)
    strip.add(np.full((4, 6, 3), (10, 20, 30), np.uint8))
    strip.save(tmp_path / 'a/strip.png')
    image = cv2.imread(str(tmp_path / 'a/strip.png'))
    assert image.shape == (4, 6, 3) and image[0, 0].tolist() == [30, 20, 10]
    assert [p.name for p in (tmp_path / 'a').iterdir()] == ['strip.png']


def test_nothing_to_save():
    with pytest.raises(ValueError, match='no frames'):
        FrameStrip(2).image()
    with pytest.raises(ValueError, match='at least 1 frame, got 0'):
        FrameStrip(0)


def test_unknown_image_format(tmp_path):
    for name in ('a.xyz', 'a'):
        with pytest.raises(ValueError, match='use .png or .jpg'):
            write_image(tmp_path / name, np.zeros((4, 4, 3), np.uint8))


def test_frame_folder(tmp_path):
    with FrameFolder(tmp_path / 'out') as folder:
        for t in range(3):
            folder.write(np.full((4, 6, 3), t, np.uint8))
    names = sorted(p.name for p in (tmp_path / 'out').iterdir())
    assert names == ['00000.png', '00001.png', '00002.png']
    assert cv2.imread(str(tmp_path / 'out/00002.png')).max() == 2
    (tmp_path / 'file').write_text('x')
    with pytest.raises(ValueError, match='is a file, expected a folder'):
        FrameFolder(tmp_path / 'file')
