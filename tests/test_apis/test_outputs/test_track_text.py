import os

import numpy as np
import pycocotools.mask as mask_utils
import pytest

from mmvis_plugin.apis.outputs import MOTSText, MOTText


def test_boxes(tmp_path, views, box_view, write):
    path = tmp_path / 'new/a.txt'
    write(MOTText(str(path)), [*views, box_view])
    assert path.read_text().splitlines() == [
        '1,1,0.00,0.00,4.00,6.00,0.9000,-1,-1,-1',
        '1,2,4.00,0.00,4.00,6.00,0.8000,-1,-1,-1',
        '2,2,2.00,1.00,4.00,2.00,0.9500,-1,-1,-1',
        '2,1,0.00,0.00,4.00,6.00,0.6000,-1,-1,-1',
        '4,3,0.00,0.00,4.00,6.00,0.9000,-1,-1,-1',
    ]


def test_masks_do_not_overlap(tmp_path, views, write):
    path = tmp_path / 'a.txt'
    write(MOTSText(str(path), dict(label2cat=[5, 6, 7])), views)
    lines = [line.split(' ') for line in path.read_text().splitlines()]
    # frame, number, category, height, width
    assert [line[:5] for line in lines] == [
        ['1', '1', '6', '6', '8'],
        ['1', '2', '5', '6', '8'],
        ['2', '2', '5', '6', '8'],
        ['2', '1', '6', '6', '8'],
    ]
    over, under = (
        mask_utils.decode(dict(size=[6, 8], counts=line[5].encode()))
        for line in lines[2:])
    wanted = np.zeros((6, 8), bool)
    wanted[1:3, 2:6] = True
    np.testing.assert_array_equal(over, wanted)
    below = np.zeros((6, 8), bool)
    below[:, :4] = True
    np.testing.assert_array_equal(under, below & ~wanted)


def test_unknown_categories_are_label_plus_1(tmp_path, views, write):
    path = tmp_path / 'a.txt'
    write(MOTSText(str(path), dict(classes=None)), views[:1])
    assert [line.split()[2]
            for line in path.read_text().splitlines()] == ['2', '1']


@pytest.mark.parametrize('kind', [MOTText, MOTSText])
def test_all_or_nothing(tmp_path, views, write, kind):
    path = tmp_path / 'a.txt'
    path.write_text('old')
    with pytest.raises(RuntimeError, match='^later$'):
        with kind(str(path)) as writer:
            writer.write(views[0])
            assert path.read_text() == 'old'
            raise RuntimeError('later')
    assert path.read_text() == 'old' and os.listdir(tmp_path) == ['a.txt']
    with kind(str(tmp_path / 'b.txt')):  # no frame came
        pass
    assert os.listdir(tmp_path) == ['a.txt']
