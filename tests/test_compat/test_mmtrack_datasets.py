"""Data sets under the names of mmtrack."""
import json

import pytest
from mmengine.registry import DefaultScope

from mmvis_plugin.compat.mmtrack_scope import DATASETS
from mmvis_plugin.datasets.class_tables import table_metainfo

SIZE = dict(height=40, width=60)
TWO = dict(num_ref_imgs=2, frame_range=9, method='bilateral_uniform')
# as converters of mmtrack write it
VIDEO = dict(
    categories=[dict(id=1, name='airplane'),
                dict(id=2, name='antelope')],
    videos=[dict(id=1, name='clip')],
    images=[
        dict(
            id=t + 1,
            video_id=1,
            frame_id=t,
            file_name=f'clip/{t:06d}.JPEG',
            is_vid_train_frame=t in (1, 4),
            **SIZE) for t in range(6)
    ],
    annotations=[
        dict(
            id=t + 1,
            image_id=t + 1,
            video_id=1,
            instance_id=1,
            category_id=2,
            bbox=[4 + t, 5, 20, 10],
            area=200,
            iscrowd=False) for t in range(6)
    ])
# the 31st category stands for all that are not classes
STILLS = dict(
    categories=[
        dict(id=i, name=name)
        for i, name in [(1, 'airplane'), (2, 'antelope'), (31, 'others')]
    ],
    images=[dict(id=i, file_name=f'{i}.JPEG', **SIZE) for i in range(1, 4)],
    annotations=[
        dict(
            id=i,
            image_id=i,
            category_id=category,
            bbox=[1, 2, 30, 20],
            area=600,
            iscrowd=0) for i, category in [(1, 2), (2, 31), (3, 1)]
    ])


@pytest.fixture
def build(tmp_path):
    """Return a function that builds a dataset without images."""
    (tmp_path / 'video.json').write_text(json.dumps(VIDEO))
    (tmp_path / 'stills.json').write_text(json.dumps(STILLS))

    def make(**kwargs):
        options = dict(
            data_root=str(tmp_path),
            data_prefix=dict(img_path='frames'),
            check_files='none',
            serialize_data=False,  # takes a while in a large process
            ref_img_sampler=TWO)
        with DefaultScope.overwrite_default_scope('mmtrack'):
            return DATASETS.build({**options, **kwargs})

    return make


def frames_of(sample):
    """Return the frame numbers of a clip that was not packed."""
    return sample['frame_id']


def test_imagenet_vid_trains_on_the_chosen_frames(build):
    options = dict(type='ImagenetVIDDataset', ann_file='video.json')
    dataset = build(**options)
    assert [dataset.get_data_info(i)['frame_id'] for i in range(2)] == [1, 4]
    assert len(dataset) == 2 and len(dataset.metainfo['classes']) == 30
    key, *refs = frames_of(dataset[0])
    assert key == 1 and refs[0] == 0 and 2 <= refs[1] <= 5
    assert dataset[0]['instances'][0][0]['bbox_label'] == 1
    assert len(build(test_mode=True, **options)) == 6


def test_imagenet_det_gives_the_same_image_thrice(build):
    dataset = build(
        type='ImagenetVIDDataset',
        ann_file='stills.json',
        load_as_video=False,
        ref_img_sampler=dict(TWO, frame_range=0, filter_key_img=False))
    assert [dataset.get_data_info(i)['img_id'] for i in range(2)] == [1, 3]
    assert len(dataset) == 2
    sample = dataset[1]
    assert len(sample['img_path']) == 3 and len(set(sample['img_path'])) == 1
    assert sample['img_path'][0].endswith('frames/3.JPEG')
    assert sample['is_video_data'] == [False] * 3
    assert sample['instances'][0][0]['bbox_label'] == 0


def test_both_as_one(build):
    parts = [
        dict(
            type='ImagenetVIDDataset',
            ann_file=f'{name}.json',
            data_root=build(type='ImagenetVIDDataset',
                            ann_file='video.json').videos.data_root,
            check_files='none',
            serialize_data=False,
            load_as_video=name == 'video') for name in ('video', 'stills')
    ]
    with DefaultScope.overwrite_default_scope('mmtrack'):
        both = DATASETS.build(dict(type='ConcatDataset', datasets=parts))
    assert len(both) == 4
    assert [both[i]['is_video_data'][0]
            for i in range(4)] == [True, True, False, False]
    # what AspectRatioBatchSampler asks for
    assert both.get_data_info(2)['width'] == SIZE['width']


def test_base_video_dataset_takes_classes_of_its_own(build):
    dataset = build(
        type='BaseVideoDataset',
        ann_file='video.json',
        metainfo=dict(CLASSES=('antelope', )))
    assert len(dataset) == 6  # no ImageNet: every frame is a key frame
    assert dataset.metainfo['classes'] == ('antelope', )
    stills = build(
        type='BaseVideoDataset',
        ann_file='stills.json',
        load_as_video=False,
        metainfo=dict(CLASSES='airplane'))
    assert [stills.get_data_info(0)['img_id'], len(stills)] == [3, 1]
    assert build(
        type='BaseVideoDataset', ann_file='stills.json',
        load_as_video=False).metainfo['classes'] == ('airplane', 'antelope',
                                                     'others')


def test_youtube_vis_by_version(build):
    options = dict(type='YouTubeVISDataset', ann_file='video.json')
    for version in ('2019', 2021):
        dataset = build(dataset_version=version, lazy_init=True, **options)
        wanted = table_metainfo(f'youtube_vis_{version}')['classes']
        assert dataset.metainfo['classes'] == wanted
    with pytest.raises(ValueError, match='dataset_version'):
        build(dataset_version='2020', **options)
    assert build(**options).metainfo['classes'] == ('airplane', 'antelope')
