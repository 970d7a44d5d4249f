import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_utils

from mmvis_plugin.datasets.converters.cvat import read_cvat_video
from mmvis_plugin.utils.errors import AnnotationError

SIZE = (24, 40)
OPTIONS = dict(classes=None, missing_id='label', keep_boxes=False)
META = ('<meta><task><size>{size}</size><start_frame>{start}</start_frame>'
        '<frame_filter>{filter}</frame_filter><original_size><width>40</width>'
        '<height>24</height></original_size></task></meta>')


def box(frame, x, y=3, w=10, h=6, **extra):
    more = ' '.join(f'{k}="{v}"' for k, v in extra.items())
    outside = '' if 'outside' in extra else 'outside="0"'
    return (f'<box frame="{frame}" keyframe="1" {outside} occluded="0" '
            f'xtl="{x}" ytl="{y}" xbr="{x + w}" ybr="{y + h}" {more}></box>')


def track(number, label, *shapes):
    return f'<track id="{number}" label="{label}">{"".join(shapes)}</track>'


@pytest.fixture
def cvat(tmp_path):
    """Return a function that writes an export and reads it."""

    def read(*body, size=6, start=0, filter='', meta=META, **options):
        frames = tmp_path / 'frames'
        frames.mkdir(exist_ok=True)
        for t in range(6):
            Image.new('RGB', SIZE[::-1]).save(frames / f'frame_{t}.png')
        path = tmp_path / 'clip.xml'
        path.write_text('<?xml version="1.0" encoding="utf-8"?><annotations>'
                        '<version>1.1</version>' +
                        meta.format(size=size, start=start, filter=filter) +
                        ''.join(body) + '</annotations>')
        return read_cvat_video(
            (str(tmp_path), 'clip', str(path), str(frames), {
                **OPTIONS,
                **options
            }))

    return read


def masks(record, number=0):
    return [
        None if rle is None else mask_utils.decode(rle).astype(bool)
        for rle in record['tracks'][number]['segmentations']
    ]


def block(x, y=3, w=10, h=6):
    mask = np.zeros(SIZE, dtype=bool)
    mask[y:y + h, x:x + w] = True
    return mask


def same(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        assert np.array_equal(a, b) if b is not None else a is None


def test_all_shapes_of_a_track(cvat):
    polygon = ('<polygon frame="2" outside="0" keyframe="1" occluded="1" '
               'points="4,3;14,3.0;14,9;4,9"/>')
    runs = '0, 5, 2, 3'  # 2 x 5: a row, then three pixels to the right
    mask = (f'<mask frame="3" outside="0" rle="{runs}" left="30" top="20" '
            'width="5" height="2"/>')
    ellipse = '<ellipse frame="4" cx="20" cy="12" rx="6" ry="3" outside="0"/>'
    record = cvat(
        track(7, 'cat', box(1, 2), polygon, mask, ellipse,
              '<polyline frame="5" points="1,1;2,2" outside="0"/>'))
    assert record['name'] == 'clip'
    assert record['file_names'] == [f'frames/frame_{t}.png' for t in range(6)]
    cropped = np.zeros(SIZE, dtype=bool)
    cropped[20, 30:35] = cropped[21, 32:35] = True
    y, x = np.mgrid[:SIZE[0], :SIZE[1]] + 0.5
    oval = ((x - 20) / 6)**2 + ((y - 12) / 3)**2 <= 1
    same(masks(record), [None, block(2), block(4), cropped, oval, None])
    assert record['drops'] == {"shape of type 'polyline'": 1}


def test_an_object_leaves_and_comes_back(cvat):
    record = cvat(
        track(
            0, 'cat', box(0, 2), box(1, 3), box(2, 3, outside=1),
            box(3, 9, outside='0', keyframe='0').replace('keyframe="1" ', ''),
            box(4, 9, outside=1)), track(1, 'cat', box(5, 20)))
    same(masks(record), [block(2), block(3), None, block(9), None, None])
    same(masks(record, 1), [None] * 5 + [block(20)])


def test_boxes_between_keyframes(cvat):
    record = cvat(
        track(0, 'cat', box(0, 2), box(3, 14, y=6, w=16), box(5, 0,
                                                              outside=1)),
        keep_boxes=True)
    assert record['tracks'][0]['bboxes'] == [[2, 3, 10, 6], [6, 4, 12, 6],
                                             [10, 5, 14, 6], [14, 6, 16, 6],
                                             [14, 6, 16, 6], None]
    assert 'segmentations' not in record['tracks'][0]


def test_frames_of_a_task_that_skips_some(cvat):
    record = cvat(
        track(0, 'cat', box(100, 2), box(105, 3), box(115, 9)),
        start=100,
        filter='step=5')
    same(masks(record), [block(2), block(3), block(6), block(9), None, None])


def test_parts_and_crowds(cvat):
    crowd = '<attribute name="crowd">true</attribute></box>'
    record = cvat(
        track(0, 'cat', box(0, 2)),
        track(1, 'cat',
              box(0, 20).replace('</box>', crowd)))
    assert [t['iscrowd'] for t in record['tracks']] == [0, 1]


def test_images_with_groups(cvat):
    image = '<image id="{}" name="frame_{}.png" width="40" height="24">{}' \
        '</image>'
    one = '<box label="cat" group_id="3" xtl="2" ytl="3" xbr="12" ybr="9"/>'
    two = '<polygon label="dog" points="4,3;14,3;14,9;4,9"/>'
    record = cvat(image.format(0, 4, one + two), image.format(1, 2, one))
    assert record['file_names'] == ['frames/frame_2.png', 'frames/frame_4.png']
    assert [t['label'] for t in record['tracks']] == ['cat', 'dog']
    same(masks(record), [block(2), block(2)])
    same(masks(record, 1), [None, block(4)])
    with pytest.raises(AnnotationError, match='two images have one name'):
        cvat(image.format(0, 4, one), image.format(1, 4, one))
    with pytest.raises(AnnotationError, match='image size .24, 40., expect'):
        cvat(image.format(0, 4, one).replace('24', '25'))


@pytest.mark.parametrize('body, kwargs, message', [
    (track(0, 'a', box(6, 2)), {}, 'track 0: frame 6 of <box> is none of the '
     'task, expected one of 6 from 0 to 5'),
    (track(0, 'a', box(1, 2)), dict(filter='step=2'), 'frame 1 of <box> is '
     'none of the task'),
    (track(0, 'a', box(1, 2), box(1, 3)), {}, 'two shapes in frame 1'),
    (track(0, 'a', box(1, 2)), dict(size=7), 'the task has 7 frames, but .* 6 '
     'images'),
    (track(0, 'a',
           box(1, 2).replace('"2"', '"x"')), {}, "'x' is no finite "
     'number below a million'),
    (track(0, '', box(1, 2)), {}, "label is '', expected a name"),
    (track(0, 'a', box(1, 2, rotation='nan')), {}, "<box> in frame 1: 'nan'"),
    (track(0, 'a',
           box(1, 2).replace('xtl', 'left')), {}, 'attribute xtl is '
     'missing'),
    (track(0, 'a', '<polygon frame="0" points="1,1;2,2"/>'), {},
     '<polygon> in frame 0: 2 points, expected at least 3'),
    (track(0, 'a', '<polygon frame="0" points="1,1;5,1;5,5"/>',
           '<polygon frame="2" points="1,1;5,1;5,5"/>'), {},
     'no <polygon> between frames 0 and 2; export with'),
    (track(
        0, 'a', '<mask frame="0" rle="3" left="0" top="0" width="2" '
        'height="2"/>'), {}, 'runs of 3 pixels, expected 2 x 2 = 4'),
    (track(0, 'a', '<blob frame="0"/>'), {}, 'unknown element <blob>'),
    ('</broken>', {}, 'clip.xml: not valid XML at line 1 column'),
    ('', dict(meta='<meta><project/></meta>'), 'of one task or job'),
    ('', dict(meta='<meta><task><size>six</size></task></meta>'),
     'size or start_frame in <meta> is no number'),
    ('', dict(meta='<meta><original_size/></meta>'), 'no height and width'),
])
def test_wrong_exports(cvat, body, kwargs, message):
    with pytest.raises(AnnotationError, match=message) as error:
        cvat(body, **kwargs)
    assert 'clip.xml' in str(error.value) and '\n' not in str(error.value)
