import json
import sys

import pytest

from mmvis_plugin.datasets.annotation_checks import (check_text, frame_numbers,
                                                     parse_categories,
                                                     positive_size, read_json,
                                                     require,
                                                     require_annotations)
from mmvis_plugin.datasets.defects import Defects
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


@pytest.mark.parametrize('text, reason', [
    ('[' * 100000, 'nested too deeply'),
    ('{"a": {"id": 3, "id": 4}}', "key 'id' occurs twice in the object "
     "{'id': 4}"),
    ('{"a": ' + '9' * 5000 + '}', 'Exceeds the limit'),
])
def test_json_that_the_parser_chokes_on(tmp_path, text, reason):
    path = tmp_path / 'odd.json'
    path.write_text(text)
    if reason.startswith('Exceeds') and not hasattr(sys,
                                                    'set_int_max_str_digits'):
        pytest.skip('this Python reads numbers of any length')
    with pytest.raises(AnnotationError) as error:
        read_json(str(path))
    assert str(error.value).startswith(f'{path}: not valid JSON: {reason}')


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

    with pytest.raises(AnnotationError, match='a.id is .*at most 64 bits'):
        require(dict(id=2**63), 'id', 'f', 'a', int)


@pytest.mark.parametrize('text', ['', ' ', 'a\nb', '\x00', '\ud800', 7, None])
def test_names_of_no_file(text):
    with pytest.raises(
            AnnotationError,
            match='^f: a.name is .*, expected a '
            'name or path of printable characters$'):
        check_text(text, 'f', 'a.name')


def test_annotations_may_be_absent_but_not_something_else():
    assert require_annotations({}, 'f') == []
    assert require_annotations(dict(annotations=None), 'f') == []
    for other in ({}, 0, '', 'x', False):
        with pytest.raises(AnnotationError, match='f: annotations is a'):
            require_annotations(dict(annotations=other), 'f')


def test_frames_are_not_larger_than_an_image_file_can_be():
    assert positive_size(dict(height=65535, width=1), 'f', 'w') == (65535, 1)
    with pytest.raises(AnnotationError, match='positive numbers up to 65535'):
        positive_size(dict(height=65536, width=1), 'f', 'w')


def test_all_broken_categories_are_collected():
    data = dict(categories=[
        dict(id=4, name='d'),
        dict(id=1),
        dict(id=4, name='e'), 7,
        dict(id=2, name='b')
    ])
    defects = Defects(collect=True)
    found = parse_categories(data, 'f', defects)
    assert [c['name'] for c in found] == ['b', 'd']
    assert defects == [
        'f: key categories[1].name is missing',
        'f: categories[2] repeats category id 4, expected unique ids',
        'f: categories[3] is a int, expected an object'
    ]
    with pytest.raises(AnnotationError, match=r'categories\[1\].name'):
        parse_categories(data, 'f')


def test_frame_numbers():
    numbered = ['v/img_00005.jpg', 'v/img_00010.jpg', 'v/img_00300.jpg']
    assert frame_numbers(numbered, 'f', 'w') == [5, 10, 300]
    named = ['v/first.jpg', 'v/second.jpg']
    assert frame_numbers(named, 'f', 'w') == [0, 1]
    mixed = ['v/b7_x.jpg', 'v/a2_y.jpg']
    assert frame_numbers(mixed, 'f', 'w') == [0, 1]
    assert frame_numbers([], 'f', 'w') == []
    endless = [f'v/{n}.jpg' for n in (10**30, 10**29)]
    assert frame_numbers(endless, 'f', 'w') == [0, 1]


def test_a_frame_twice():
    with pytest.raises(AnnotationError) as error:
        frame_numbers(['a.jpg', 'b.jpg', 'a.jpg'], 'f.json', 'videos[2]')
    assert str(error.value) == ('f.json: videos[2]: frame a.jpg occurs twice, '
                                'expected distinct files')


@pytest.mark.parametrize(
    'names', [['00005.jpg', '00000.jpg'], ['00005.jpg', '00005.png']])
def test_frames_out_of_order(names):
    with pytest.raises(AnnotationError) as error:
        frame_numbers(names, 'f.json', 'videos[2].file_names')
    assert str(error.value) == (
        f'f.json: videos[2].file_names: frames out of order, {names[1]} '
        f'follows {names[0]}; expected ascending frame numbers')
