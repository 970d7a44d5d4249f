"""Bad input of the three panoptic datasets, row by row."""
import os
import re

import numpy as np
import pytest
from PIL import Image

from mmvis_plugin.structures import write_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError
from .panoptic_data import FRAMES, HEIGHT, KINDS, WIDTH, PanopticData


@pytest.fixture(params=KINDS)
def made(request, tmp_path):
    return PanopticData(tmp_path, request.param)


def fails(made, *parts, error=AnnotationError, **kwargs):
    """Construct; the message is one line with the file and the parts."""
    with pytest.raises(error) as caught:
        made.build(**kwargs)
    message = str(caught.value)
    assert '\n' not in message
    for part in ('gt.json', *parts) if error is AnnotationError else parts:
        assert part in message, message


def test_annotation_file_missing(made):
    dataset = made.build(lazy_init=True)
    os.remove(made.root / 'gt.json')
    with pytest.raises(
            FileNotFoundError,
            match='annotation file .*gt.json not found .from data_root=.*, '
            'ann_file'):
        dataset.full_init()


def test_broken_json(made):
    fails(made, 'not valid JSON at line 2 column 11', text='{\n"images": ]}')
    fails(made, 'top level is a list, expected a dict', text='[1]')


@pytest.mark.parametrize('key', ['id', 'file_name', 'width'])
def test_key_of_an_image_missing(made, key):
    image, where = made.image(1, 2)
    del image[key]
    fails(made, f'key {where}.{key} is missing')


@pytest.mark.parametrize('key', ['image_id', 'file_name', 'segments_info'])
def test_key_of_an_annotation_missing(made, key):
    annotation, where = made.annotation(0, 1)
    del annotation[key]
    fails(made, f'key {where}.{key} is missing')


@pytest.mark.parametrize('key', ['id', 'category_id', 'area'])
def test_key_of_a_segment_missing(made, key):
    annotation, where = made.annotation(0, 1)
    del annotation['segments_info'][2][key]
    fails(made, f'key {where}.segments_info[2].{key} is missing')


@pytest.mark.parametrize('key', ['image_path', 'map_path'])
def test_file_of_a_frame_missing(made, key):
    path = getattr(made, key)(1, 2)
    os.remove(path)
    where = f'{path} (video {made.names(1, 2)[0]}, frame 2)'
    fails(made, where, error=FileNotFoundError, check_files='all')
    dataset = made.build()
    with pytest.raises(FileNotFoundError, match=re.escape(where)):
        dataset[1]
    first = getattr(made, key)(0, 0)
    os.remove(first)
    fails(made, first, error=FileNotFoundError)
    made.build(check_files='none')


def test_unknown_category(made):
    annotation, where = made.annotation(1, 1)
    annotation['segments_info'][1]['category_id'] = 999
    fails(made, f'unknown category 999 in {where}.segments_info[1] (id ')
    # known to the file, but not among the classes
    made.data['categories'].append(dict(id=999, name='other', isthing=0))
    fails(made, f'segment {annotation["segments_info"][1]["id"]} of video',
          'frame 1 is of unknown category 999')
    dataset = made.build(unknown='drop')
    assert dataset.drops[
        'segment of category 999, not in the class list (void)'] == 1
    lost = annotation['segments_info'][1]['id']
    pan = dataset[1]['data_samples'][1].gt_panoptic_seg.pan_seg[0].numpy()
    ids = made.ids[1, 1]
    assert np.array_equal(pan, np.where(ids == lost, 0, ids))


def test_absent_class_is_a_warning(made):
    absent = made.data['categories'].pop()
    assert absent['id'] not in made.things + made.stuff
    assert absent['name'] in made.build().metainfo['classes']


def test_duplicates(made):
    images, annotations = made.lists(0)
    images.append(dict(images[0]))
    fails(made, 'repeats image id')
    del images[-1]
    annotations.append(annotations[0])
    fails(made, 'repeats image id')
    del annotations[-1]
    annotation, where = made.annotation(0, 0)
    annotation['segments_info'].append(annotation['segments_info'][0])
    fails(made, f'{where}.segments_info[4] repeats segment id')
    del annotation['segments_info'][-1]
    images[1]['file_name'] = images[0]['file_name']
    fails(made, 'are both frame', 'expected distinct numbers')


def test_images_and_annotations_are_one_to_one(made):
    annotation, where = made.annotation(0, 1)
    annotation['image_id'] = 'nobody'
    fails(made, f'{where} belongs to image nobody, which is not in images')
    _, annotations = made.lists(0)
    annotations.remove(annotation)
    fails(made, f"images ['{made.image(0, 1)[0]['id']}'] have no annotation")


def test_segment_changes_its_class(made):
    segments = made.annotation(0, 2)[0]['segments_info']
    segment = next(s for s in segments if s['category_id'] == made.things[0])
    segment['category_id'] = made.things[1]
    fails(
        made, f'segment {segment["id"]} of video {made.names(0, 0)[0]}, '
        'frame 2 changes its class from label 0 to 1')
    dataset = made.build(on_label_conflict='first')
    labels = {
        s['id']: s['category']
        for s in dataset.get_data_info(0)['images'][2]['segments_info']
    }
    assert labels[segment['id']] == 0


@pytest.mark.parametrize('key, value, text', [
    ('id', 0, 'has id 0, expected 1 to 16777215'),
    ('id', 1 << 24, 'has id 16777216'),
    ('id', '5', 'is a str, expected int'),
    ('area', 0, 'has area 0, expected a positive number'),
    ('area', 1.5, 'is a float, expected int'),
    ('iscrowd', 2, 'has iscrowd 2, expected 0 or 1'),
])
def test_values_of_a_segment(made, key, value, text):
    annotation, where = made.annotation(0, 0)
    annotation['segments_info'][0][key] = value
    fails(made, f'{where}.segments_info[0]', text)


def map_fails(made, *parts):
    """Run the pipeline on video 1; the message names frame 2."""
    dataset = made.build()
    with pytest.raises(AnnotationError) as caught:
        dataset[1]
    message = str(caught.value)
    path, video = made.map_path(1, 2), made.names(1, 2)[0]
    assert message.startswith(f'{path} (video {video}, frame 2): ')
    assert '\n' not in message
    for part in parts:
        assert part in message, message


def test_map_and_list_disagree(made):
    segments = made.annotation(1, 2)[0]['segments_info']
    ids = made.ids[1, 2].copy()
    ids[0, :7] = 9000 + np.arange(7)
    write_panoptic_map(made.map_path(1, 2), ids)
    map_fails(made, 'ids [9000, 9001, 9002, 9003, 9004] have pixels but')
    write_panoptic_map(made.map_path(1, 2), made.ids[1, 2])
    extra = [dict(segments[0], id=8000 + i) for i in range(7)]
    segments += extra
    map_fails(
        made, 'ids [8000, 8001, 8002, 8003, 8004] are in segments_info '
        'but have no pixels')
    del segments[-7:]
    area = segments[0]['area']
    segments[0]['area'] += 3
    map_fails(made, f'{segments[0]["id"]}: {area} instead of {area + 3}')


@pytest.mark.parametrize('mode, text', [
    ('P', 'a palette (mode P)'),
    ('RGBA', f'shape ({HEIGHT}, {WIDTH}, 4) and type uint8'),
    ('broken', 'cannot be read as an image'),
])
def test_wrong_mode_of_a_map(made, mode, text):
    path = made.map_path(1, 2)
    if mode == 'broken':
        with open(path, 'wb') as file:
            file.write(b'no picture')
    else:
        Image.open(path).convert(mode).save(path)
    dataset = made.build()
    with pytest.raises(AnnotationError) as caught:
        dataset[1]
    assert path in str(caught.value) and text in str(caught.value)


def test_sizes_differ(made):
    small = np.zeros((HEIGHT, WIDTH - 1, 3), np.uint8)
    Image.fromarray(small).save(made.map_path(1, 2))
    map_fails(
        made, f'map of size {(HEIGHT, WIDTH - 1)}, expected '
        f'{(HEIGHT, WIDTH)} (height, width) as the image')
    Image.fromarray(small).save(made.image_path(0, 1))
    with pytest.raises(AnnotationError) as caught:
        made.build()[0]
    assert (f'{made.image_path(0, 1)} (video {made.names(0, 1)[0]}, frame 1)'
            f': image size {(HEIGHT, WIDTH - 1)}, expected {(HEIGHT, WIDTH)}'
            in str(caught.value))


def test_no_annotations(made):
    for value in ([], None):
        made.data['annotations'] = value
        fails(made, 'no annotations in', '(a test file?)', test_mode=False)
    del made.data['annotations']
    fails(made, 'no annotations in', '(a test file?)', test_mode=False)
    frames = made.build()[0]['data_samples']
    assert len(frames) == FRAMES
    for frame in frames:
        assert frame.has_ann is False
        assert frame.gt_panoptic_seg.pan_seg.eq(0).all()
        assert frame.gt_sem_seg.sem_seg.eq(255).all()
        assert len(frame.gt_instances) == 0
