from collections import Counter

import pytest

from mmvis_plugin.datasets.object_checks import (build_instance, parse_area,
                                                 parse_box, parse_iscrowd,
                                                 valid_polygons)

SQUARE = [0, 0, 4, 0, 4, 4, 0, 4]


def build(segmentation, bbox, area=None, iscrowd=0, size=(9, 9), **kwargs):
    drops = kwargs.pop('drops', Counter())
    return build_instance(
        dict(category_id=7, iscrowd=iscrowd), 2, segmentation, bbox, area,
        size, drops, **kwargs)


def test_polygons_without_area_are_dropped_and_counted():
    drops = Counter()
    good = [0, 0, 4, 0, 4, 4]
    assert valid_polygons([good, [1, 2, 3, 4], good + [1], 'x'],
                          drops) == [good]
    assert drops['polygon with < 6 numbers or odd length'] == 3


def test_object_without_a_valid_polygon_is_absent():
    drops = Counter()
    assert build([[1, 2, 3, 4]], [0, 0, 5, 5], 25, drops=drops) is None
    assert drops['object without a valid polygon'] == 1


def test_box_and_area_come_from_the_mask_if_the_file_has_none():
    rle = dict(size=[4, 5], counts=[5, 2, 2, 2, 9])  # rows 1-2, columns 1-2
    found = build(rle, None, iscrowd=1, size=(4, 5))
    assert found['bbox'] == [1, 1, 3, 3]
    assert found['area'] == 4
    assert found['ignore_flag'] == 1
    assert build(None, None) is None


@pytest.mark.parametrize(
    'bbox', [[1, 2, 3], [1, 2, 3, None], [1, 2, 3, float('nan')], 'abcd',
             [1, 2, 3, 1e300], [10**400, 2, 3, 4], [[1], 2, 3, 4], {}])
def test_broken_box(bbox):
    with pytest.raises(ValueError, match='expected four finite numbers'):
        parse_box(bbox)


@pytest.mark.parametrize(
    'value',
    [None, 'x',
     float('nan'),
     float('inf'), 1e300, -1e7, 10**400, [1]])
def test_broken_polygon(value):
    with pytest.raises(ValueError, match='no finite number below 1e.06'):
        valid_polygons([SQUARE, SQUARE[:-1] + [value]], Counter())


@pytest.mark.parametrize('area', [-1, float('nan'), float('inf'), 'x', True])
def test_broken_area(area):
    with pytest.raises(ValueError, match='expected a finite number from 0 on'):
        parse_area(area)


def test_area_larger_than_the_frame():
    with pytest.raises(ValueError, match='more than the frame of 9 x 9'):
        build([SQUARE], None, 82)


def test_iscrowd():
    assert [parse_iscrowd(v)
            for v in (0, 1, None, True, 1.0)] == [0, 1, 0, 1, 1]
    for value in ('1', 2, -1, [], {}, float('nan')):
        with pytest.raises(ValueError, match='expected 0 or 1'):
            parse_iscrowd(value)


def test_polygons_can_stay_as_they_are():
    found = build([SQUARE], [0, 0, 4, 4], rasterise=False)
    assert found['mask'] == [SQUARE] and found['area'] == 16
    # without a box they are needed at once
    assert build([SQUARE], None, rasterise=False)['bbox'] == [0, 0, 4, 4]
    rle = dict(size=[9, 9], counts=[0, 81])
    assert build(rle, [0, 0, 9, 9], rasterise=False)['mask']['counts']
