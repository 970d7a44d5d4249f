import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmvis_plugin.datasets.converters.imagenet_xml import read_imagenet_xml
from mmvis_plugin.utils.errors import AnnotationError
from ...ilsvrc import CATEGORIES, to_xml, xml_fields
from ..mutations import assert_clean, check_mutations, stacked_mutation

WNIDS = {item['wnid']: item['id'] for item in CATEGORIES}
DOG, FOX, PERSON = 'n02084071', 'n02118333', 'n00007846'


@pytest.fixture
def path(tmp_path):
    return tmp_path / '000012.xml'


def two_objects():
    return xml_fields([(0, DOG, (3, 4, 20, 10)), (7, FOX, (0, 0, 59, 39))])


def test_reads_boxes_tracks_and_flags(path):
    path.write_text(to_xml(two_objects()))
    assert read_imagenet_xml(str(path), WNIDS) == dict(
        height=40,
        width=60,
        objects=[
            dict(
                category_id=9,
                bbox=[3, 4, 20, 10],
                occluded=0,
                generated=1,
                trackid=0),
            dict(
                category_id=12,
                bbox=[0, 0, 59, 39],
                occluded=0,
                generated=1,
                trackid=7)
        ])


def test_still_images_keep_the_known_classes_only(path):
    path.write_text(
        to_xml(
            xml_fields([(None, PERSON, (0, 0, 9, 9)),
                        (None, FOX, (1.5, 2, 8, 9))])))
    found = read_imagenet_xml(str(path), WNIDS, tracks=False)
    assert found['objects'] == [
        dict(category_id=12, bbox=[1.5, 2, 8, 9], occluded=0, generated=0)
    ]
    path.write_text('<annotation><size><width>5</width><height>4</height>'
                    '</size></annotation>')
    assert read_imagenet_xml(str(path), WNIDS) == dict(
        height=4, width=5, objects=[])


def spoil(*keys, value):

    def apply(fields):
        for key in keys[:-1]:
            fields = fields[key]
        if value is KeyError:
            del fields[keys[-1]]
        else:
            fields[keys[-1]] = value

    return apply


def in_first(*keys, value):
    return spoil('object', 0, *keys, value=value)


BAD = [
    (spoil('size', value=KeyError), 'size/height is missing or empty'),
    (spoil('size', 'width', value='6O'), "size/width is '6O', expected an "
     'integer from 1 to 2147483647'),
    (spoil('size', 'height', value=0), "size/height is '0', expected an "
     'integer from 1 to 2147483647'),
    (in_first('name', value=' '), 'object 0: name is missing or empty'),
    (in_first('name', value=PERSON), "object 0: unknown category 'n00007846',"
     ' expected one of the 30 known WordNet ids; name it in a map file if it '
     'belongs to one of them'),
    (in_first('bndbox', value={}), 'object 0: bndbox/xmin is missing or '
     'empty'),
    (in_first('bndbox', 'xmax', value='nan'), "object 0: bndbox/xmax is "
     "'nan', expected a number of pixels"),
    (in_first('bndbox', 'ymin', value='1e7'), "object 0: bndbox/ymin is "
     "'1e7', expected a number of pixels"),
    (in_first('bndbox', 'xmax', value=2), 'object 0: bndbox runs from (3, 4) '
     'to (2, 14), expected xmax >= xmin and ymax >= ymin'),
    (in_first('trackid', value=-1), "object 0: trackid is '-1', expected an "
     'integer from 0 to 2147483647'),
    (in_first('trackid', value=7), 'trackid 7 occurs twice, expected once '
     'per frame'),
    (in_first('occluded', value=2), "object 0: occluded is '2', expected an "
     'integer from 0 to 1'),
]


@pytest.mark.parametrize('apply, message', BAD)
def test_broken_records_are_one_line_with_the_file(path, apply, message):
    fields = two_objects()
    apply(fields)
    path.write_text(to_xml(fields))
    with pytest.raises(AnnotationError) as error:
        read_imagenet_xml(str(path), WNIDS)
    assert str(error.value) == f'{path}: {message}'


@pytest.mark.parametrize('text, message', [
    ('<annotation>\n  <size>', 'not valid XML at line 2 column 9'),
    ('', 'not valid XML at line 1 column 1'),
    ('<a/>', 'top level is <a>, expected <annotation>'),
    ('<?xml version="1.0" encoding="none"?><annotation/>',
     'not valid XML: unknown encoding: none'),
])
def test_broken_text(path, text, message):
    path.write_text(text)
    with pytest.raises(AnnotationError) as error:
        read_imagenet_xml(str(path), WNIDS)
    assert str(error.value) == f'{path}: {message}'
    with pytest.raises(FileNotFoundError, match='000013.xml not found; exp'):
        read_imagenet_xml(str(path).replace('12', '13'), WNIDS)


def slow_reader(fields):
    """Read the fields that the XML was made of."""

    def first(value):
        return (value or [0])[0] if isinstance(value, list) else value

    objects = []
    nodes = fields.get('object', [])
    for node in nodes if isinstance(nodes, list) else [nodes]:
        box = {
            k: float(first(v))
            for k, v in first(node['bndbox']).items()
            if k in ('xmin', 'ymin', 'xmax', 'ymax')
        }
        objects.append(
            dict(
                category_id=WNIDS[first(node['name']).strip()],
                bbox=[
                    box['xmin'], box['ymin'], box['xmax'] - box['xmin'],
                    box['ymax'] - box['ymin']
                ],
                occluded=int(first(node.get('occluded', 0))),
                generated=int(first(node.get('generated', 0))),
                trackid=int(first(node['trackid']))))
    size = first(fields['size'])
    return dict(
        height=int(first(size['height'])),
        width=int(first(size['width'])),
        objects=objects)


@pytest.fixture
def load(path):
    """Return a function that writes fields as XML and reads them."""

    def load(text):
        try:
            text = to_xml(json.loads(text))
        except (ValueError, RecursionError, AttributeError):
            pass  # broken JSON is as good as broken XML
        path.write_text(text, errors='surrogatepass')
        return read_imagenet_xml(str(path), WNIDS)

    return load


def test_one_mutation(path, load):
    counts = check_mutations(
        two_objects(),
        load,
        path.name,
        notice={
            'size': ('delete', 'null', 'empty'),
            'size.*':
            ('delete', 'null', 'negative', 'zero', 'nan', 'fraction'),
            'object.*.name': ('delete', 'null', 'empty', 'cut', 'text'),
            'object.*.bndbox': ('delete', 'null', 'empty'),
            'object.*.bndbox.*': ('delete', 'null', 'huge', 'nan'),
            'object.*.trackid':
            ('delete', 'null', 'negative', 'nan', 'fraction'),
        },
        expected=slow_reader)
    assert min(counts.values()) > 50 and sum(counts.values()) >= 500


@settings(
    max_examples=500,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_several_mutations(path, load, seed):
    mutation = stacked_mutation(two_objects(), seed)
    found, error = assert_clean(lambda: load(mutation.text), path.name,
                                mutation)
    if error is None:
        assert found == slow_reader(mutation.tree), str(mutation)


def test_mutated_text(path):
    sound = to_xml(two_objects())
    for at in range(len(sound)):
        path.write_text(sound[:at])
        with pytest.raises(AnnotationError, match='not valid XML at line 1'):
            read_imagenet_xml(str(path), WNIDS)
