import json
from collections import Counter

import pytest

from mmvis_plugin.datasets.annotation_checks import (build_instance,
                                                     frame_numbers, parse_box,
                                                     read_json, require,
                                                     valid_polygons)
from mmvis_plugin.utils.errors import AnnotationError


def test_missing_file_names_the_path_and_its_options(tmp_path):
    path = str(tmp_path / 'none.json')
    with pytest.raises(FileNotFoundError) as error:
        read_json(path, "data_root='a', ann_file")
    assert str(error.value) == (
        f"annotation file {path} not found (from data_root='a', ann_file)")


def test_broken_json_names_line_and_column(tmp_path):
    path = tmp_path / 'broken.json'
    path.write_text('{\n "videos": [1,,2]}')
    with pytest.raises(AnnotationError) as error:
        read_json(str(path))
    assert str(error.value) == f'{path}: not valid JSON at line 2 column 15'
    path.write_bytes(b'\xff\xfe{}')
    with pytest.raises(AnnotationError, match='not valid JSON: byte 0'):
        read_json(str(path))


def test_top_level_of_another_type(tmp_path):
    path = tmp_path / 'list.json'
    path.write_text('[]')
    with pytest.raises(
            AnnotationError, match='top level is a list, expected '
            'a dict'):
        read_json(str(path))


def test_list_rles_are_compressed_while_reading(tmp_path):
    path = tmp_path / 'rle.json'
    path.write_text(json.dumps(dict(a=dict(size=[2, 3], counts=[1, 2, 3]))))
    assert read_json(str(path))['a'] == dict(size=[2, 3], counts='123')


def test_require_names_the_json_path():
    with pytest.raises(AnnotationError, match=r'f: key videos\[1\].id is mis'):
        require({}, 'id', 'f', 'videos[1]')
    with pytest.raises(AnnotationError, match='f: a.id is a str, expected in'):
        require(dict(id='3'), 'id', 'f', 'a', int)
    with pytest.raises(AnnotationError, match='f: a.id is a bool, expected'):
        require(dict(id=True), 'id', 'f', 'a', int)
    with pytest.raises(AnnotationError, match=r'f: a\[0\] is a int'):
        require(3, 'id', 'f', 'a[0]')


def test_frame_numbers():
    numbered = ['v/img_00005.jpg', 'v/img_00010.jpg', 'v/img_00300.jpg']
    assert frame_numbers(numbered, 'f', 'w') == [5, 10, 300]
    named = ['v/first.jpg', 'v/second.jpg']
    assert frame_numbers(named, 'f', 'w') == [0, 1]
    mixed = ['v/b7_x.jpg', 'v/a2_y.jpg']
    assert frame_numbers(mixed, 'f', 'w') == [0, 1]
    assert frame_numbers([], 'f', 'w') == []


@pytest.mark.parametrize(
    'names', [['00005.jpg', '00000.jpg'], ['00005.jpg', '00005.png']])
def test_frames_out_of_order(names):
    with pytest.raises(AnnotationError) as error:
        frame_numbers(names, 'f.json', 'videos[2].file_names')
    assert str(error.value) == (
        f'f.json: videos[2].file_names: frames out of order, {names[1]} '
        f'follows {names[0]}; expected ascending frame numbers')


def test_polygons_without_area_are_dropped_and_counted():
    drops = Counter()
    good = [0, 0, 4, 0, 4, 4]
    assert valid_polygons([good, [1, 2, 3, 4], good + [1], 'x'],
                          drops) == [good]
    assert drops['polygon with < 6 numbers or odd length'] == 3


def test_object_without_a_valid_polygon_is_absent():
    drops = Counter()
    found = build_instance(1, 1, 0, [[1, 2, 3, 4]], [0, 0, 5, 5], 25, (9, 9),
                           drops)
    assert found is None
    assert drops['object without a valid polygon'] == 1


def test_box_and_area_come_from_the_mask_if_the_file_has_none():
    rle = dict(size=[4, 5], counts=[5, 2, 2, 2, 9])  # rows 1-2, columns 1-2
    found = build_instance(7, 2, 1, rle, None, None, (4, 5), Counter())
    assert found['bbox'] == [1, 1, 3, 3]
    assert found['area'] == 4
    assert found['ignore_flag'] == 1
    assert build_instance(7, 2, 0, None, None, None, (4, 5), Counter()) is None


@pytest.mark.parametrize(
    'bbox', [[1, 2, 3], [1, 2, 3, None], [1, 2, 3, float('nan')], 'abcd'])
def test_broken_box(bbox):
    with pytest.raises(ValueError, match='expected four finite numbers'):
        parse_box(bbox)
