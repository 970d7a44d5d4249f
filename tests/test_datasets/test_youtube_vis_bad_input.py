"""What each dataset says about each kind of bad input."""
import copy
import re

import pytest
from mmengine.logging import MMLogger
from PIL import Image

from mmvis_plugin.datasets import OVIS, CocoPseudoVideoDataset, YouTubeVIS
from mmvis_plugin.datasets.transforms import LoadVideoFrame
from mmvis_plugin.utils.errors import AnnotationError

LOAD = [
    dict(
        type='TransformBroadcaster', transforms=[dict(type='LoadVideoFrame')]),
    dict(type='PackClipInputs')
]
STILL = dict(class_map={3: 'disc', 5: 'square'}, clip_length=2)


class Case:
    """A dataset class and a sound file of one form for it."""

    def __init__(self, vis, cls, form, **kwargs):
        self.vis, self.cls, self.form, self.kwargs = vis, cls, form, kwargs
        self.data = vis.data if form == 'vis' else vis.coco_video()
        if form == 'still':
            del self.data['videos']
            for image in self.data['images']:
                del image['video_id'], image['frame_id']
        if cls is OVIS:
            names = ('Vehical', 'Giant_panda')
            for category, name in zip(self.data['categories'], names):
                category['name'] = name
        self.data = copy.deepcopy(self.data)
        self.file = str(vis.root / 'train.json')

    def build(self, **kwargs):
        return self.vis.build(self.data, self.cls, **{**self.kwargs, **kwargs})

    def set_mask(self, value):
        """Change the mask of the first object in the first frame."""
        if self.form == 'vis':
            self.data['annotations'][0]['segmentations'][0] = value
        else:
            self.data['annotations'][0]['segmentation'] = value

    def where(self):
        """How messages call that object."""
        more = dict(vis=', frame 0', coco=', image 1', still='')
        return 'annotation 1' + more[self.form]


CASES = {
    'YouTubeVIS': lambda vis: Case(vis, YouTubeVIS, 'vis'),
    'YouTubeVIS-coco': lambda vis: Case(vis, YouTubeVIS, 'coco'),
    'OVIS': lambda vis: Case(vis, OVIS, 'vis'),
    'CocoPseudo':
    lambda vis: Case(vis, CocoPseudoVideoDataset, 'still', **STILL)
}


@pytest.fixture(params=list(CASES))
def case(request, vis):
    return CASES[request.param](vis)


@pytest.fixture(params=['YouTubeVIS', 'YouTubeVIS-coco', 'OVIS'])
def videos(request, vis):
    return CASES[request.param](vis)


def fails(case, message, error=AnnotationError, **kwargs):
    with pytest.raises(error) as found:
        case.build(**kwargs)
    text = str(found.value)
    assert re.fullmatch(message.replace('FILE', re.escape(case.file)), text), \
        text
    assert '\n' not in text


def test_missing_annotation_file(case):
    with pytest.raises(FileNotFoundError) as error:
        case.cls(
            ann_file='none.json', data_root=str(case.vis.root), **case.kwargs)
    root = str(case.vis.root)
    assert str(error.value) == (f'annotation file {root}/none.json not found '
                                f'(from data_root={root!r}, ann_file)')


@pytest.mark.parametrize('text, message', [
    ('{"a": 1,,}', 'FILE: not valid JSON at line 1 column 9'),
    ('', 'FILE: not valid JSON at line 1 column 1'),
    ('{"a": {"a": 1, "a": 2}}', "FILE: not valid JSON: key 'a' occurs twice "
     r"in the object \{'a': 2\}"),
    ('[]', 'FILE: top level is a list, expected a dict'),
])
def test_broken_json(case, text, message):
    case.vis.write = lambda *args, **kwargs: (case.vis.root / 'train.json'
                                              ).write_text(text)
    fails(case, message)


MISSING = {
    'vis': [('videos', 'file_names'), ('videos', 'id'), ('videos', 'width'),
            ('categories', 'name'), ('annotations', 'id'),
            ('annotations', 'video_id'), ('annotations', 'category_id')],
    'coco': [('videos', 'id'), ('images', 'file_name'), ('images', 'height'),
             ('images', 'video_id'), ('images', 'frame_id'),
             ('annotations', 'image_id'), ('annotations', 'instance_id')],
    'still': [('images', 'file_name'), ('images', 'width'),
              ('categories', 'id'), ('annotations', 'image_id'),
              ('annotations', 'category_id')]
}


def test_missing_keys_are_named_by_their_json_path(case):
    sound = copy.deepcopy(case.data)
    for kind, key in MISSING[case.form]:
        case.data = copy.deepcopy(sound)
        del case.data[kind][1][key]
        fails(case, rf'FILE: key {kind}\[1\]\.{key} is missing')
        case.data = copy.deepcopy(sound)
        del case.data[kind]
        message = r'FILE: key \S+ is missing.*'
        if kind == 'annotations':
            message = r'no annotations in FILE \(a test file\?\), expected .*'
        fails(case, message)


def test_missing_frames(case):
    folder, still = case.vis.root / 'JPEGImages/clip2', case.form == 'still'
    later, first = folder / '00005.png', folder / '00000.png'
    later.unlink()
    video, number = ('00005', 0) if still else ('clip2', 1)
    remedy = '; check data_root and data_prefix'
    fails(
        case,
        rf'{later} \(video {video}, frame {number}\){remedy}',
        FileNotFoundError,
        check_files='all')
    dataset = case.build(check_files='none' if still else 'first')
    record = dict(dataset.data_list[5 if still else 1]['images'][number])
    with pytest.raises(FileNotFoundError, match='00005.png .video v, frame'):
        LoadVideoFrame().transform(dict(record, video_name='v'))
    first.unlink()
    name = '00000' if still else 'clip2'
    fails(case, rf'{first} \(video {name}, frame 0\){remedy}',
          FileNotFoundError)


@pytest.mark.parametrize('key', ['segmentations', 'bboxes', 'areas'])
@pytest.mark.parametrize('name', ['YouTubeVIS', 'OVIS'])
def test_lists_of_another_length_than_the_video(vis, name, key):
    case = CASES[name](vis)
    case.data['annotations'][2][key].pop()
    fails(
        case, rf'FILE: annotation 3 has {key} of length 3, expected 4, the '
        'number of file_names of video 2')


RLES = [
    (dict(size=[60, 40], counts=[2400]), r'RLE size \[60, 40\], expected the '
     r'video size \[40, 60\] \(height, width\)'),
    (dict(size=[40, 60], counts='~'), 'compressed RLE counts are not '
     r'decodable \(a character outside the code\)'),
    (dict(size=[40, 60],
          counts='é\ud800'), 'compressed RLE counts are not .*'),
    (dict(size=[40, 60], counts='P'), 'compressed RLE counts are cut off'),
    (dict(size=[40, 60], counts=[2399]), 'RLE counts add up to 2399 pixels, '
     'expected 40 x 60 = 2400'),
    (dict(size=[40, 60], counts=[2401, -1]), 'RLE counts hold a negative run '
     '-1'),
    (dict(size=[40, 60], counts=[2399.5, .5]), 'RLE counts hold a value that '
     'is no integer'),
    (dict(size=[40, 60], counts=[2**62] * 4 + [2400]), 'RLE counts hold a run '
     'of 4611686018427387904 pixels, more than a mask has'),
    (dict(size=[40, 60]), "RLE lacks 'size' or 'counts'"),
]


@pytest.mark.parametrize('rle, message', RLES)
def test_broken_run_lengths(case, rle, message):
    case.set_mask(rle)
    fails(case, rf'FILE: {case.where()}: {message}')


def test_polygons_without_area_are_dropped_and_counted(case):
    square = [10, 5, 16, 5, 16, 11, 10, 11]
    case.set_mask([square, [1, 2, 3, 4], square[:7]])
    reason = 'polygon with < 6 numbers or odd length'
    assert case.build().drops[reason] == 2
    first = case.build().get_data_info(0)['images'][0]['instances']
    case.set_mask([[1, 2, 3, 4]])
    dataset = case.build()
    assert dataset.drops['object without a valid polygon'] == 1
    rest = dataset.get_data_info(0)['images'][0]['instances']
    assert len(rest) == len(first) - 1
    case.set_mask([square[:7] + ['x']])
    fails(
        case, rf'FILE: {case.where()}: polygon holds a value that is no '
        'finite number.*')


def test_unknown_categories(case):
    sound = copy.deepcopy(case.data)
    case.data['annotations'][0]['category_id'] = 77
    fails(case, r'FILE: unknown category 77 in annotations\[0\] \(id 1\)')
    case.data = sound
    if case.form == 'still':
        case.kwargs['class_map'] = {5: 'square'}
        reason = 'object of a category without a class'
        assert case.build().drops[reason] == 8
        return
    case.data['categories'][0]['name'] = 'submarine'
    kwargs = {} if case.cls is OVIS else dict(
        metainfo=dict(classes=('square', )))
    fails(
        case, 'FILE: unknown category 3 of instance 1: not in the class list; '
        r"extend metainfo\['classes'\] or set unknown='drop'", **kwargs)
    dataset = case.build(unknown='drop', **kwargs)
    assert dataset.drops['category 3 not in the class list'] == 8


def test_an_absent_class_is_a_warning(case, monkeypatch):
    lines = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'warning',
                        lines.append)
    names = tuple(c['name'] for c in case.data['categories'])
    case.build(metainfo=dict(classes=names + ('absent_one', )))
    assert lines == [
        f'{case.file}: 1 of 3 classes are absent from the file: absent_one'
    ]


def test_a_video_without_frames(videos):
    empty = dict(id=9, name='none', height=40, width=60, file_names=[])
    videos.data['videos'].append(empty)
    fails(
        videos, r"FILE: video none \(id 9\) has zero frames, expected at "
        "least one; set empty_video='drop' to leave such videos out")
    dataset = videos.build(empty_video='drop')
    assert len(dataset) == 2 and dataset.drops['video with zero frames'] == 1


def test_ids_twice(case):
    sound = copy.deepcopy(case.data)
    for kind in {'videos', 'images', 'annotations'} & set(sound):
        case.data = copy.deepcopy(sound)
        number = case.data[kind][0]['id']
        case.data[kind][1]['id'] = number
        fails(
            case, rf'FILE: {kind}\[1\] repeats {kind[:-1]} id {number}, '
            'expected unique ids')


def test_a_track_that_changes_its_class(vis):
    case = CASES['YouTubeVIS-coco'](vis)
    ann = case.data['annotations'][1]
    assert ann['instance_id'] == 1
    ann['category_id'] = 5
    fails(
        case, 'FILE: instance 1 of video clip1 changes its class from label 0 '
        'to 1 in frame 1, expected one class per track; set '
        "on_label_conflict='first' to keep the first")
    dataset = case.build(on_label_conflict='first')
    labels = [
        obj['bbox_label'] for image in dataset.get_data_info(0)['images']
        for obj in image['instances'] if obj['src_instance_id'] == 1
    ]
    assert labels == [0] * 4


def test_frames_of_another_size(case):
    path = case.vis.root / 'JPEGImages/clip1/00000.png'
    Image.new('RGB', (61, 40)).save(path)
    dataset = case.build(test_mode=True, pipeline=LOAD)
    with pytest.raises(AnnotationError) as error:
        dataset[0, 0]
    name = '00000' if case.form == 'still' else 'clip1'
    assert str(error.value) == (
        f'{path} (video {name}, frame 0): image size (40, 61), expected '
        '(40, 60) (height, width) as in the annotation file; frames of a '
        'video share one size')


@pytest.mark.parametrize('annotations', [None, []])
def test_a_test_file_is_no_training_file(case, annotations):
    case.data['annotations'] = annotations
    fails(
        case, r'no annotations in FILE \(a test file\?\), expected a '
        'non-empty list; use it with test_mode=True only')


def test_no_video_left(case):
    videos, frames = (8, 16) if case.form == 'still' else (2, 8)
    fails(
        case, rf"FILE: no video left of {videos}; left out: \{{.*'frame "
        rf"smaller than min_size': {frames}.*\}}; check filter_cfg",
        filter_cfg=dict(min_size=41))
