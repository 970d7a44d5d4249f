"""Videos as lists of key frames."""
import json
import pickle

import numpy as np
import pytest
from mmengine.registry import DefaultScope

from mmvis_plugin.compat.key_frame_dataset import (KeyFrameDataset,
                                                   lower_case_keys)
from mmvis_plugin.compat.mmtrack_scope import DATASETS
from mmvis_plugin.datasets import YouTubeVIS
from mmvis_plugin.utils.errors import AnnotationError

BROADCAST = dict(
    type='TransformBroadcaster',
    share_random_params=True,
    transforms=[
        dict(type='LoadImageFromFile'),
        dict(type='LoadTrackAnnotations', with_mask=True),
    ])
PIPELINE = [BROADCAST, dict(type='PackTrackInputs')]
SINGLE = [*BROADCAST['transforms'], dict(type='PackTrackInputs')]
ONE = dict(num_ref_imgs=1, frame_range=1, method='uniform')


@pytest.fixture(autouse=True)
def scope():
    """Resolve names as a config of mmtrack."""
    with DefaultScope.overwrite_default_scope('mmtrack'):
        yield


def build(data, **kwargs):
    """Return the training split as key frames."""
    options = dict(
        type='YouTubeVISDataset',
        data_root=str(data),
        ann_file='train.json',
        data_prefix=dict(img_path='train/JPEGImages'),
        ref_img_sampler=ONE,
        serialize_data=False,  # takes a while in a large process
        pipeline=PIPELINE)
    return DATASETS.build({**options, **kwargs})


def keys_of(dataset):
    """Return (video, frame) of each element."""
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return [(info['video'], info['frame_id']) for info in infos]


def change(data, name, edit):
    """Write a copy of the training annotations with an edit."""
    content = json.loads((data / 'train.json').read_text())
    edit(content)
    (data / name).write_text(json.dumps(content))
    return name


def test_every_frame_is_a_key_frame(data):
    dataset = build(data)
    assert keys_of(dataset) == [(v, t) for v in range(2) for t in range(4)]
    info = dataset.get_data_info(5)
    assert (info['height'], info['width'], info['video_length']) == (64, 96, 4)
    assert dataset.metainfo['classes'] == ('disc', 'square', 'triangle')
    assert keys_of(build(data, indices=[1, 6])) == [(0, 1), (1, 2)]


def test_key_frames_thinned_and_filtered(data):
    every_third = dict(key_img_sampler=dict(interval=3))
    assert keys_of(build(data, **every_third)) == [(0, 0), (0, 3), (1, 0),
                                                   (1, 3)]

    def empty_a_frame(content):
        for ann in content['annotations']:
            if ann['video_id'] == content['videos'][1]['id']:
                for key in ('segmentations', 'bboxes', 'areas'):
                    if key in ann:
                        ann[key][2] = None

    name = change(data, 'empty.json', empty_a_frame)
    kept = build(data, ann_file=name)
    assert (1, 2) not in keys_of(kept) and len(kept) == 7
    # not as a key frame, but as a neighbour
    near = [kept[keys_of(kept).index((1, 1))] for _ in range(20)]
    seen = {f.frame_id for item in near for f in item['data_samples']}
    assert seen == {0, 1, 2}
    everything = dict(filter_empty_gt=False)
    assert len(build(data, ann_file=name, filter_cfg=everything)) == 8
    with pytest.raises(ValueError, match='no key frame left'):
        build(data, filter_cfg=dict(min_size=65))
    with pytest.raises(KeyError, match='unknown keys'):
        build(data, filter_cfg=dict(min_frames=2))


def test_clip_in_temporal_order_with_its_key_frame(data):
    dataset = build(data)
    seen = set()
    for _ in range(20):
        item = dataset[1]
        assert item['inputs'].shape == (2, 3, 64, 96)
        clip = item['data_samples']
        frames = [frame.frame_id for frame in clip]
        assert frames == sorted(frames)
        key, = clip.key_frames_inds
        assert frames[key] == 1 and clip.ref_frames_inds == [1 - key]
        assert all(frame.video_id == clip[0].video_id for frame in clip)
        assert all(len(frame.gt_instances.masks) for frame in clip)
        assert clip[0].scale_factor == (1., 1.) and not clip[0].flip
        seen.update(frames)
    assert seen == {0, 1, 2}


def test_pixels_and_masks_stay_together(data):
    item = build(data)[2]
    for image, frame in zip(item['inputs'], item['data_samples']):
        alone = build(data, ref_img_sampler=None, pipeline=SINGLE)
        same = alone[frame.frame_id]
        assert (same['inputs'][0] == image).all()
        np.testing.assert_array_equal(
            same['data_samples'][0].gt_instances.masks.masks,
            frame.gt_instances.masks.masks)


@pytest.mark.parametrize('pipeline', [PIPELINE, SINGLE])
def test_test_mode(data, pipeline):
    dataset = build(
        data,
        test_mode=True,
        pipeline=pipeline,
        key_img_sampler=dict(interval=2),
        ref_img_sampler=dict(method='test_with_fix_stride', frame_range=3))
    assert len(dataset) == 8 and len(dataset.metainfo['video_ids']) == 2
    assert dataset[6]['inputs'].shape == (1, 3, 64, 96)
    window = dataset[(1, 1, 4)]
    assert window['inputs'].shape == (3, 3, 64, 96)
    clip = window['data_samples']
    assert [f.frame_id for f in clip] == [1, 2, 3]
    assert [f.ori_video_length for f in clip] == [4] * 3
    for t in range(3):
        alone = dataset[5 + t]
        assert (alone['inputs'][0] == window['inputs'][t]).all()
        assert alone['data_samples'][0].img_id == clip[t].img_id


def test_lazy_then_in_workers(data):
    dataset = build(data, lazy_init=True, serialize_data=True)
    assert not dataset.videos._fully_initialized
    dataset.full_init()
    again = pickle.loads(pickle.dumps(dataset))
    assert keys_of(again) == keys_of(dataset)


def test_unknown_categories_are_left_out_and_counted(data):
    few = dict(CLASSES=('square', ))
    dataset = build(data, metainfo=few)
    assert dataset.metainfo['classes'] == ('square', )
    assert sum(dataset.videos.drops.values()) > 0
    assert {0} == {
        int(label)
        for i in range(len(dataset))
        for frame in dataset[i]['data_samples']
        for label in frame.gt_instances.labels
    }
    with pytest.raises(AnnotationError, match='unknown category'):
        build(data, metainfo=few, unknown='error')


def test_own_datasets_with_and_without_key_frames(data):
    options = dict(type='YouTubeVIS')
    assert isinstance(build(data, **options), KeyFrameDataset)
    plain = DATASETS.build(
        dict(
            type='YouTubeVIS',
            data_root=str(data),
            ann_file='train.json',
            data_prefix=dict(img_path='train/JPEGImages')))
    assert type(plain) is YouTubeVIS and len(plain) == 2
    with pytest.raises(ValueError, match='BaseVideoDataset'):
        build(data, load_as_video=False, **options)


def test_metainfo(tmp_path):
    found = lower_case_keys(dict(CLASSES='pedestrian', PALETTE=[(1, 2, 3)]))
    assert found == dict(classes=('pedestrian', ), palette=[(1, 2, 3)])
    file = tmp_path / 'classes.txt'
    file.write_text('a\nb\n')
    assert lower_case_keys(dict(CLASSES=str(file)))['classes'] == str(file)
    assert lower_case_keys(None) == {}
