import os

import cv2
import numpy as np
import pytest

from mmvis_plugin.structures import flow_path, read_flow, write_flow
from mmvis_plugin.structures.flow_map import FLOW_STEP
from mmvis_plugin.utils.errors import AnnotationError


def test_written_flow_is_read_back(tmp_path):
    rng = np.random.default_rng(0)
    flow = rng.normal(scale=40, size=(2, 17, 23))
    flow[:, 3] = np.round(flow[:, 3])
    valid = rng.random((17, 23)) < 0.5
    path = str(tmp_path / 'new' / 'a.png')
    write_flow(path, flow, valid)
    found, known = read_flow(path)
    assert found.dtype == np.float32 and known.dtype == bool
    assert found.flags.c_contiguous
    assert (known == valid).all()
    # flow that is not valid is kept as well
    assert np.abs(found - flow).max() <= FLOW_STEP / 2
    assert (found[:, 3] == flow[:, 3]).all()
    assert os.listdir(tmp_path / 'new') == ['a.png']


def test_form_is_that_of_kitti(tmp_path):
    path = str(tmp_path / 'a.png')
    flow = np.array([[[1., -512.]], [[-0.5, 511.984375]]])
    write_flow(path, flow, np.array([[True, False]]))
    # blue first
    values = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    assert values.dtype == np.uint16
    assert values[0, 0].tolist() == [1, 2**15 - 32, 2**15 + 64]
    assert values[0, 1].tolist() == [0, 2**16 - 1, 0]


def test_what_is_not_valid_may_be_anything(tmp_path):
    path = str(tmp_path / 'a.png')
    flow = np.array([[[np.nan, 1e9, np.inf]], [[0.25, -1e9, 3.]]])
    write_flow(path, flow, np.zeros((1, 3), bool))
    found, known = read_flow(path)
    assert not known.any() and np.isfinite(found).all()
    assert found[:, 0, 0].tolist() == [0, 0.25]
    assert found[:, 0, 1].tolist() == [512 - FLOW_STEP, -512]
    for k in range(3):
        valid = np.arange(3)[None] == k
        with pytest.raises(ValueError, match='a.png: valid .* at 1 of 3 pix'):
            write_flow(path, flow, valid)


@pytest.mark.parametrize('flow, valid', [
    ((2, 3, 4), (4, 3)),
    ((3, 4, 2), (3, 4)),
    ((2, 3), (3, )),
    ((2, 0, 4), (0, 4)),
])
def test_shapes_that_do_not_fit(tmp_path, flow, valid):
    with pytest.raises(ValueError, match=r'expected \(2, H, W\) and \(H, W\)'):
        write_flow(str(tmp_path / 'a.png'), np.zeros(flow), np.zeros(valid))
    assert os.listdir(tmp_path) == []


def test_what_is_no_flow(tmp_path):
    path = tmp_path / 'a.png'
    with pytest.raises(FileNotFoundError, match='a.png'):
        read_flow(str(path))
    for image in (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint16)):
        assert cv2.imwrite(str(path), image)
        with pytest.raises(AnnotationError, match='a.png: no PNG of 3 chan'):
            read_flow(str(path))
    write_flow(str(path), np.zeros((2, 4, 4)), np.ones((4, 4)))
    whole = path.read_bytes()
    for content in (b'', b'PIEH', whole[:20]):
        path.write_bytes(content)
        with pytest.raises(AnnotationError, match='a.png: no PNG of 3 chan'):
            read_flow(str(path))
    path.write_bytes(whole[:40])
    with pytest.raises(AnnotationError, match='a.png: cannot be read'):
        read_flow(str(path))


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = str(tmp_path / 'a.png')
    write_flow(path, np.ones((2, 4, 4)), np.ones((4, 4)))

    def fail(*args):
        raise OSError('disk full')

    monkeypatch.setattr(os, 'replace', fail)
    with pytest.raises(OSError, match='disk full'):
        write_flow(path, np.zeros((2, 4, 4)), np.ones((4, 4)))
    assert os.listdir(tmp_path) == ['a.png']
    assert (read_flow(path)[0] == 1).all()


def test_path_of_a_pair():
    assert flow_path('d/flow', 'images/v/0003.jpg', 'images/v/0001.png') == (
        os.path.join('d/flow', 'images/v', '0003_to_0001.png'))
