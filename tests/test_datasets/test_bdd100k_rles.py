import shutil
from collections import Counter

import pytest
from mmengine.logging import MMLogger
from pycocotools import mask as mask_utils

from mmvis_plugin.datasets.bdd100k_rles import image_size, read_rle_video
from mmvis_plugin.utils.errors import AnnotationError
from .bdd100k_data import NAMES, VIDEOS, BddData, content, read_bdd
from .mutations import check_mutations

NAME = VIDEOS[0]


@pytest.fixture
def bdd(tmp_path):
    return BddData(tmp_path)


@pytest.fixture
def quiet():
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('ERROR')
    yield
    logger.setLevel(level)


def read(bdd, drops=None, **kwargs):
    path = bdd.write_rles() / f'{NAME}.json'
    return read_rle_video(
        str(path), str(bdd.root / 'images'),
        Counter() if drops is None else drops, **kwargs)


def first_label(bdd, frame=1):
    return bdd.frames[NAME][frame]['labels'][0]


def objects(video):
    return [
        item['instance_id'] for image in video['images']
        for item in image['instances']
    ]


def test_boxes_include_their_last_pixel(bdd):
    item = read(bdd)['images'][0]['instances'][1]
    assert first_label(bdd, 0)['box2d'] == dict(x1=3, y1=2, x2=7, y2=8)
    assert item['bbox'] == [3, 2, 8, 9] and item['area'] == 35


@pytest.mark.parametrize('name, category, ignored', [
    ('person', 1, 0),
    ('caravan', 3, 0),
    ('van', 3, 0),
    ('motor', 7, 0),
    ('bike', 8, 0),
    ('other person', 1, 1),
    ('other vehicle', 3, 1),
    ('trailer', 4, 1),
    ('bicycle', 8, 0),
])
def test_names_of_other_releases(bdd, name, category, ignored):
    first_label(bdd)['category'] = name
    item = read(bdd)['images'][1]['instances'][1]
    assert (item['category_id'], item['ignore_flag']) == (category, ignored)


@pytest.mark.parametrize('attributes, ignored', [
    (dict(crowd=True), 1),
    (dict(ignored=True, crowd=False), 1),
    (dict(occluded=True, truncated=True), 0),
    (dict(crowd=None), 0),
    (None, 0),
])
def test_attributes(bdd, attributes, ignored):
    first_label(bdd)['attributes'] = attributes
    item = read(bdd)['images'][1]['instances'][1]
    assert item['ignore_flag'] == ignored


def test_frames_are_sorted_and_may_be_empty(bdd):
    expected = read(bdd)
    bdd.frames[NAME].reverse()
    assert read(bdd) == expected
    for labels in ([], None):
        bdd.frames[NAME][0]['labels'] = labels
        assert read(bdd)['images'][2]['instances'] == []
    del bdd.frames[NAME][0]['labels']
    assert read(bdd)['images'][2]['instances'] == []


def test_size_of_a_video_without_masks(bdd):
    for frame in bdd.frames[NAME]:
        frame['labels'] = []
    sizes = {(i['height'], i['width']) for i in read(bdd)['images']}
    assert sizes == {(24, 32)}
    assert read(bdd, size=(5, 6))['images'][0]['height'] == 5
    path = bdd.root / 'images' / NAME / f'{bdd.stem(NAME, 0)}.jpg'
    path.write_text('text')
    with pytest.raises(AnnotationError, match='cannot be read as an image'):
        read(bdd)
    path.unlink()
    with pytest.raises(FileNotFoundError) as error:
        image_size(str(path))
    assert str(error.value).startswith(f'{path}: needed for the frame size')


def test_list_and_text_codes(bdd):
    expected = read(bdd)
    first_label(bdd,
                0)['rle']['counts'] = [74, 7, 17, 7, 17, 7, 17, 7, 17, 7, 591]
    assert read(bdd) == expected


@pytest.mark.parametrize('ids, tracks', [
    (('7', '00012', '3'), (7, 12, 3)),
    ((7, 12, 3), (7, 12, 3)),
    (('c', 'a', 'b'), (3, 1, 2)),
    (('07', '7', '3'), (1, 3, 2)),
    (('1' * 12, '5', '6'), (1, 2, 3)),
])
def test_track_ids(bdd, ids, tracks):
    for frame in bdd.frames[NAME]:
        for label in frame['labels']:
            label['id'] = ids[('5', '261', '1').index(label['id'])]
    assert objects(
        read(bdd)) == [*sorted(tracks), *sorted(tracks), *sorted(tracks[::2])]


def test_straight_polygons(bdd):
    label = first_label(bdd)
    del label['rle']
    label['poly2d'] = [
        dict(
            vertices=[[10, 5], [16, 5], [16, 11], [10, 11]],
            types='LLLL',
            closed=True)
    ]
    item = read(bdd)['images'][1]['instances'][1]
    assert mask_utils.decode(item['mask'])[5:11, 10:16].all()
    assert item['area'] == 36
    label['poly2d'][0].update(vertices=[[10, 5], [16, 5]], types='LL')
    drops = Counter()
    assert len(read(bdd, drops)['images'][1]['instances']) == 2
    assert drops['polygon with < 6 numbers or odd length'] == 1


def poly(**kwargs):
    part = dict(vertices=[[0, 0], [9, 0], [9, 9]], types='LCC', closed=True)
    part.update(kwargs)

    def spoil(bdd):
        del first_label(bdd)['rle']
        first_label(bdd)['poly2d'] = [part]

    return spoil


def label_field(key, value):

    def spoil(bdd):
        first_label(bdd)[key] = value

    return spoil


def frame_field(key, value):

    def spoil(bdd):
        bdd.frames[NAME][1][key] = value

    return spoil


def rle(**kwargs):

    def spoil(bdd):
        first_label(bdd)['rle'].update(kwargs)

    return spoil


def without(key):

    def spoil(bdd):
        del first_label(bdd)[key]

    return spoil


LABEL = '[1].labels[0] (id 5, frame 0a1b-2c-0000002.jpg): '
BAD = [
    (poly(), LABEL + "poly2d has Bezier curves (types 'LCC'), which are not "
     "supported; use the 'bitmasks' or 'rles' of the benchmark"),
    (poly(vertices=[[0, 0], 4], types='LL'),
     LABEL + 'poly2d.vertices holds a value that is no pair of numbers'),
    (poly(vertices=None), LABEL + "poly2d lacks 'vertices' or 'types'"),
    (without('rle'), LABEL + "neither rle nor poly2d, expected a mask; use "
     "the 'bitmasks' or 'rles' of the benchmark"),
    (without('id'), 'key [1].labels[0].id is missing'),
    (without('category'), 'key [1].labels[0].category is missing'),
    (label_field('id', '1'),
     '[1].labels[2] repeats track id 1, expected unique ids'),
    (label_field('category', 'tram'), "unknown category 'tram' in "
     "[1].labels[0] (id 5); set unknown='drop' to leave it out"),
    (label_field('attributes', dict(crowd='yes')), '[1].labels[0].attributes.'
     "crowd is 'yes', expected true or false"),
    (label_field('box2d',
                 dict(x1=3, y1=4,
                      x2=7)), 'key [1].labels[0].box2d.y2 is missing'),
    (frame_field('name', '0a1b-2c-0000001.jpg'), 'frames: frame 0a1b-2c/'
     '0a1b-2c-0000001.jpg occurs twice, expected distinct files'),
    (frame_field('videoName', 'other'), "[1].videoName is 'other', expected "
     "'0a1b-2c' as in the name of the file"),
    (frame_field('frameIndex', 2), '[2].frameIndex of 0a1b-2c-0000003.jpg is '
     '2, after 2 of 0a1b-2c-0000002.jpg; expected ascending numbers'),
    (rle(size=[32, 24]), LABEL + 'RLE size [32, 24], expected the video size '
     '[24, 32] (height, width)'),
    (rle(counts=[700, 30]),
     LABEL + 'RLE counts add up to 730 pixels, expected 24 x 32 = 768'),
    (rle(counts=[800, -32]), LABEL + 'RLE counts hold a negative run -32'),
    (rle(counts='~~'), LABEL + 'compressed RLE counts are not decodable (a '
     'character outside the code)'),
]


@pytest.mark.parametrize('spoil, message', BAD)
def test_bad_input_is_one_line_that_names_the_record(bdd, spoil, message):
    spoil(bdd)
    with pytest.raises(AnnotationError) as error:
        read(bdd)
    assert str(error.value) == f'{bdd.root}/rles/{NAME}.json: {message}'


def test_unknown_names_can_be_left_out(bdd):
    first_label(bdd)['category'] = 'tram'
    drops = Counter()
    assert len(read(bdd, drops, unknown='drop')['images'][1]['instances']) == 2
    assert drops == {'category tram not in the class list': 1}


NO_NAME = ('null', 'type', 'delete', 'text', 'empty')
NOTICE = {
    '*.videoName': ('type', 'text', 'cut', 'empty', 'borrow'),
    '*.name': ('null', 'type', 'delete', 'empty', 'borrow'),
    '*.frameIndex': ('fraction', 'nan'),
    '*.labels': ('type', ),
    '*.labels.*': ('null', 'type', 'empty', 'repeat'),
    '*.labels.*.id': ('null', 'delete', 'empty'),
    '*.labels.*.category': (*NO_NAME, 'cut'),
    '*.labels.*.attributes': ('type', ),
    '*.labels.*.rle': ('null', 'type', 'delete', 'empty'),
    '*.labels.*.rle.size': ('null', 'type', 'delete', 'empty', 'cut'),
    '*.labels.*.rle.size.*': '*',
    '*.labels.*.rle.counts': ('null', 'type', 'delete', 'empty', 'text'),
    '*.labels.*.box2d': ('type', 'empty'),
    '*.labels.*.box2d.x1': ('null', 'type', 'delete', 'huge', 'nan'),
}


def test_broken_files_are_noticed_or_read_right(bdd, quiet):
    path = bdd.write_rles() / f'{NAME}.json'
    (path.parent / f'{VIDEOS[1]}.json').unlink()
    shutil.rmtree(bdd.root / 'images' / VIDEOS[1])

    def load(text):
        path.write_text(text)
        found = content(bdd.build('rles').get_data_info(0), NAMES)
        return anonymous(found)

    def anonymous(found):
        # the numbers of the tracks are tested above
        return [(file, sorted((item[1:] for item in items), key=repr))
                for file, items in found]

    counts = check_mutations(
        bdd.frames[NAME],
        load,
        NAME,
        NOTICE,
        lambda tree: anonymous(read_bdd(tree, NAME)),
        at_least=500)
    assert counts['error'] > 200 and counts['load'] > 100
