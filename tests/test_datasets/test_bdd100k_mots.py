import json
import os
import shutil

import cv2
import numpy as np
import pytest

from mmvis_plugin.datasets import BDD100KMOTS, bdd100k_mots
from mmvis_plugin.datasets.bdd100k_labels import find_videos, labels_key
from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.errors import AnnotationError
from .bdd100k_data import NAMES, VIDEOS, BddData, content, read_bdd, records


@pytest.fixture
def bdd(tmp_path):
    return BddData(tmp_path)


def test_both_forms_give_the_same_records(bdd):
    bdd.write_bitmasks(), bdd.write_rles()
    found = records(bdd.build('bitmasks'))
    assert found == records(bdd.build('rles'))
    assert found == records(bdd.build('rles', workers=2))
    for video in found:
        name = video['video_name']
        expected = [(file, [(int(item[0]), *item[1:]) for item in items])
                    for file, items in read_bdd(bdd.frames[name], name)]
        assert [(file, sorted(items)) for file, items in content(video, NAMES)
                ] == [(file, sorted(items)) for file, items in expected]


def test_ids_are_unique_in_the_data_set(bdd):
    bdd.write_bitmasks()
    dataset = bdd.build('bitmasks', test_mode=True)
    found = records(dataset)
    assert [v['video_id'] for v in found] == [1, 2]
    assert [v['video_name'] for v in found] == list(VIDEOS)
    tracks = [{(i['src_instance_id'], i['instance_id'])
               for image in v['images']
               for i in image['instances']} for v in found]
    assert tracks == [{(1, 1), (5, 2), (261, 3)}, {(1, 4), (5, 5), (261, 6)}]
    images = [image for v in found for image in v['images']]
    assert [i['img_id'] for i in images] == [1, 2, 3, 4, 5, 6]
    assert images[4]['img_path'] == str(bdd.root / 'images' / VIDEOS[1] /
                                        f'{bdd.stem(VIDEOS[1], 1)}.jpg')
    dataset.full_init()
    assert dataset.metainfo['video_ids'] == (1, 2)
    assert dataset.metainfo['classes'] == NAMES
    assert dataset.metainfo['label2cat'] == (1, 2, 3, 4, 5, 6, 7, 8)


def test_some_classes_alone(bdd):
    bdd.write_bitmasks()
    kwargs = dict(metainfo=dict(classes=('truck', 'car')))
    with pytest.raises(AnnotationError, match='unknown category 1 of'):
        bdd.build('bitmasks', **kwargs)
    dataset = bdd.build('bitmasks', unknown='drop', **kwargs)
    labels = {
        i['bbox_label']
        for image in dataset.get_data_info(0)['images']
        for i in image['instances']
    }
    assert labels == {0, 1} and dataset.metainfo['label2cat'] == (4, 3)


def test_a_track_changes_its_class(bdd):
    bdd.maps[VIDEOS[0]][1, 2:9, 3:8, 0] = 2
    bdd.write_bitmasks()
    with pytest.raises(
            AnnotationError,
            match='bitmasks: instance 5 of video 0a1b-2c changes its class '
            'from label 0 to 1 in frame 1'):
        bdd.build('bitmasks')
    dataset = bdd.build('bitmasks', on_label_conflict='first')
    images = dataset.get_data_info(0)['images']
    assert {image['instances'][1]['bbox_label'] for image in images} == {0}


def test_the_test_set_has_frames_alone(bdd):
    dataset = bdd.build('', test_mode=True)
    found = records(dataset)
    assert [v['video_name'] for v in found] == list(VIDEOS)
    for image in found[1]['images']:
        assert (image['height'], image['width']) == (24, 32)
        assert image['has_ann'] is False and image['instances'] == []
    assert [i['src_frame'] for i in found[1]['images']] == [1, 2, 3]
    with pytest.raises(AnnotationError, match="ann_file='' of BDD100KMOTS"):
        bdd.build('')
    with pytest.raises(FileNotFoundError, match='image folder .*/none not'):
        bdd.build('', test_mode=True, data_prefix=dict(img_path='none'))


def test_labels_are_parsed_once(bdd, tmp_path, monkeypatch):
    folder, cache = bdd.write_bitmasks(), str(tmp_path / 'cache')
    first = records(bdd.build('bitmasks', cache_dir=cache))
    assert len(os.listdir(cache)) == 1
    with monkeypatch.context() as patch:
        patch.setattr(bdd100k_mots, 'read_video', None)
        assert records(bdd.build('bitmasks', cache_dir=cache)) == first
    bdd.maps[VIDEOS[0]][0] = 0
    bdd.write_bitmasks()
    second = records(bdd.build('bitmasks', cache_dir=cache))
    assert second[0]['images'][0]['instances'] == []
    (path, ) = (tmp_path / 'cache').iterdir()
    path.write_text('{')
    assert records(bdd.build('bitmasks', cache_dir=cache)) == second
    bdd.write_rles()
    assert records(bdd.build('rles', cache_dir=cache)) == first
    assert folder.is_dir()


def test_key_of_labels(bdd):
    tasks = find_videos(str(bdd.write_rles()), str(bdd.root / 'images'))
    key = labels_key(tasks)
    assert labels_key(tasks) == key
    other = find_videos(
        str(bdd.root / 'rles'), str(bdd.root / 'images'), unknown='drop')
    assert labels_key(other) != key
    (bdd.root / 'rles' / f'{VIDEOS[1]}.json').write_text('[]')
    assert labels_key(tasks) != key


def lose_labels(bdd):
    shutil.rmtree(bdd.root / 'bitmasks' / VIDEOS[1])


def lose_frame(bdd):
    (bdd.root / 'images' / VIDEOS[1] /
     f'{bdd.stem(VIDEOS[1], 0)}.jpg').unlink()


def mix_forms(bdd):
    (bdd.root / 'bitmasks/a.json').write_text('[]')


def empty_video(bdd):
    shutil.rmtree(bdd.root / 'bitmasks' / VIDEOS[1])
    shutil.rmtree(bdd.root / 'images' / VIDEOS[1])
    (bdd.root / 'bitmasks' / VIDEOS[1]).mkdir()


def no_folder(bdd):
    shutil.rmtree(bdd.root / 'bitmasks')


BAD = [
    (lose_labels, FileNotFoundError, 'bitmasks: no labels of video 9f-1 of '
     '.*/images (1 such videos), expected them for each'),
    (lose_frame, FileNotFoundError, '.*/images/9f-1/9f-1-0000001.jpg (video '
     '9f-1, frame 0); check data_root and data_prefix'),
    (mix_forms, AnnotationError, 'bitmasks: 2 folders and 1 JSON files, '
     'expected either a folder of bitmasks per video or a JSON file per '
     'video'),
    (empty_video, AnnotationError, 'bitmasks: video 9f-1 (id 2) has zero '
     'frames, expected at least one'),
    (no_folder, FileNotFoundError, 'label folder .*/bitmasks not found (from '
     'data_root='),
]


@pytest.mark.parametrize('spoil, kind, message', BAD)
def test_bad_trees(bdd, spoil, kind, message):
    bdd.write_bitmasks()
    spoil(bdd)
    message = message.replace('(', r'\(').replace(')', r'\)')
    with pytest.raises(kind, match=message) as error:
        bdd.build('bitmasks')
    assert str(bdd.root) in str(error.value)
    assert '\n' not in str(error.value)


def test_choices_of_the_base(bdd):
    bdd.write_bitmasks()
    empty_video(bdd)
    assert len(bdd.build('bitmasks', empty_video='drop')) == 1
    bdd.write_bitmasks()
    bdd.build('bitmasks', check_files='none')
    with pytest.raises(ValueError, match='workers=0 of BDD100KMOTS'):
        BDD100KMOTS(workers=0)
    bdd.maps = {name: 0 * maps for name, maps in bdd.maps.items()}
    shutil.rmtree(bdd.root / 'images')
    bdd.write_bitmasks()
    with pytest.raises(AnnotationError, match='no video left of 2'):
        bdd.build('bitmasks', check_files='none', filter_cfg=dict())


@pytest.mark.parametrize('text, message', [
    ('[{', 'rles/0a1b-2c.json: not valid JSON at line 1 column 3'),
    ('{}', 'rles/0a1b-2c.json: top level is a dict, expected a list'),
])
def test_broken_json(bdd, text, message):
    (bdd.write_rles() / '0a1b-2c.json').write_text(text)
    for workers in (1, 2):
        with pytest.raises(AnnotationError, match=message):
            bdd.build('rles', workers=workers)


def test_built_from_a_config_by_its_bare_name(bdd):
    bdd.write_rles()
    dataset = DATASETS.build(
        dict(
            type='BDD100KMOTS',
            ann_file='rles',
            data_root=str(bdd.root),
            data_prefix=dict(img_path='images')))
    assert isinstance(dataset, BDD100KMOTS) and len(dataset) == 2


def test_frames_load_through_a_pipeline(bdd):
    bdd.write_bitmasks()
    pipeline = [
        dict(type='ClipSample', num_frames=2, mode='dense'),
        dict(
            type='TransformBroadcaster',
            transforms=[
                dict(type='LoadVideoFrame'),
                dict(type='LoadFrameAnnotations', with_mask=True)
            ]),
        dict(type='PackClipInputs')
    ]
    dataset = bdd.build('bitmasks', pipeline=pipeline)
    clip = dataset[(0, 0)]
    assert clip['inputs'].shape == (2, 3, 24, 32)
    for frame in clip['data_samples'].video_data_samples:
        pixels = bdd.maps[VIDEOS[0]][frame.frame_id]
        masks = frame.gt_instances.masks.masks
        assert (masks[0] == (pixels[..., 3] == 5) *
                (pixels[..., 2] == 0)).all()
        assert (frame.ignored_instances.masks.masks[0] == (
            pixels[..., 0] == 4)).all()
        assert json.loads(json.dumps(frame.instances)) == frame.instances
    path = bdd.root / 'images' / VIDEOS[0] / f'{bdd.stem(VIDEOS[0], 1)}.jpg'
    assert cv2.imwrite(str(path), np.zeros((20, 32, 3), np.uint8))
    with pytest.raises(
            AnnotationError,
            match=r'0000002.jpg .*image size \(20, 32\), expected \(24, 32\)'):
        dataset[(0, 1)]
    path.unlink()
    with pytest.raises(
            FileNotFoundError, match='0000002.jpg .video 0a1b-2c, frame 1.'):
        dataset[(0, 1)]
    with pytest.raises(FileNotFoundError, match='0000002.jpg .video'):
        bdd.build('bitmasks', check_files='all')
