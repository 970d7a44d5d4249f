import os

import cv2
import numpy as np
import pytest
from PIL import Image

from mmvis_plugin.structures import read_panoptic_map, write_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError

IDS = np.array([[0, 255, 256], [65536, 2**24 - 1, 197121]])


def test_written_ids_are_read_back(tmp_path):
    path = str(tmp_path / 'new' / 'a.png')
    write_panoptic_map(path, IDS)
    found = read_panoptic_map(path)
    assert found.dtype == np.uint32
    assert found.tolist() == IDS.tolist()
    # another reader sees red first
    assert np.array(Image.open(path))[1, 2].tolist() == [1, 2, 3]
    assert os.listdir(tmp_path / 'new') == ['a.png']


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.int32])
def test_one_channel_holds_the_ids(tmp_path, dtype):
    path = str(tmp_path / ('a.tiff' if dtype == np.int32 else 'a.png'))
    ids = np.array([[0, 1, 127], [0, 7, np.iinfo(dtype).max]], dtype=dtype)
    assert cv2.imwrite(path, ids)
    assert read_panoptic_map(path).tolist() == ids.tolist()


def test_palette_may_not_stand_for_ids(tmp_path):
    image = Image.fromarray(np.array([[0, 3, 200]], dtype=np.uint8), mode='P')
    image.putpalette([i % 256 for i in range(768)])
    image.save(tmp_path / 'a.png')
    with pytest.raises(AnnotationError, match=r'a.png: .*palette \(mode P\)'):
        read_panoptic_map(str(tmp_path / 'a.png'))


def test_what_is_no_map(tmp_path):
    with pytest.raises(FileNotFoundError, match='b.png'):
        read_panoptic_map(str(tmp_path / 'b.png'))
    broken = tmp_path / 'c.png'
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(broken)
    cut = broken.read_bytes()[:40]
    for content in (b'', b'no image', cut):
        broken.write_bytes(content)
        with pytest.raises(AnnotationError, match='c.png: cannot be read'):
            read_panoptic_map(str(broken))
    rgba = tmp_path / 'd.png'
    Image.fromarray(np.zeros((2, 3, 4), np.uint8)).save(rgba)
    with pytest.raises(
            AnnotationError,
            match=r'd.png: .*\(2, 3, 4\) and type '
            'uint8, expected 3 channels of 8'):
        read_panoptic_map(str(rgba))
    assert cv2.imwrite(str(rgba), np.zeros((2, 3, 3), np.uint16))
    with pytest.raises(AnnotationError, match='d.png: .* type uint16'):
        read_panoptic_map(str(rgba))


@pytest.mark.parametrize('ids, match', [
    (IDS + 1, '1 to 16777216, expected 0 to 16777215'),
    (IDS - 1, '-1 to'),
    (IDS[0], r'shape \(3,\)'),
    (IDS / 2, 'type float64'),
])
def test_ids_that_do_not_fit(tmp_path, ids, match):
    with pytest.raises(ValueError, match=match):
        write_panoptic_map(str(tmp_path / 'a.png'), ids)
    assert os.listdir(tmp_path) == []


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = str(tmp_path / 'a.png')
    write_panoptic_map(path, IDS)

    def fail(*args):
        raise OSError('disk full')

    monkeypatch.setattr(os, 'replace', fail)
    with pytest.raises(OSError, match='disk full'):
        write_panoptic_map(path, IDS * 0)
    assert os.listdir(tmp_path) == ['a.png']
    assert read_panoptic_map(path).tolist() == IDS.tolist()
