"""What the converters write is what the data sets read."""
import json
import shutil

import numpy as np
import pytest

from mmvis_plugin.datasets import VIPER, CityscapesVPS, VIPSeg
from mmvis_plugin.datasets.converters import (convert_cityscapes_vps,
                                              convert_viper, convert_vipseg,
                                              link_cityscapes_frames)
from mmvis_plugin.structures import read_panoptic_map

PIPELINE = [
    dict(
        type='TransformBroadcaster',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='LoadFramePanoptic')
        ]),
    dict(type='PackClipInputs')
]


def open_city(root, split='train', **kwargs):
    return CityscapesVPS(
        data_root=str(root),
        ann_file=f'panoptic_gt_{split}_city_vps.json',
        data_prefix=dict(
            img_path=kwargs.pop('images', f'{split}/img'),
            seg_map_path=f'{split}/panoptic_video'),
        test_mode=True,
        pipeline=PIPELINE,
        **kwargs)


def open_viper(root):
    return VIPER(
        data_root=str(root),
        ann_file='panoptic_gt_train_viper.json',
        data_prefix=dict(
            img_path='train/img', seg_map_path='train/panoptic_video'),
        test_mode=True,
        pipeline=PIPELINE)


def open_vipseg(root):
    return VIPSeg(
        data_root=str(root / 'out'),
        ann_file='panoptic_gt_VIPSeg_train.json',
        data_prefix=dict(img_path='images', seg_map_path='panomasksRGB'),
        test_mode=True,
        pipeline=PIPELINE)


@pytest.fixture(params=['city', 'viper', 'vipseg'])
def dataset(request):
    root = request.getfixturevalue(request.param)
    if request.param == 'city':
        assert convert_cityscapes_vps(str(root), 'train')
        return open_city(root)
    if request.param == 'viper':
        assert convert_viper(str(root), 'train')
        return open_viper(root)
    assert convert_vipseg(
        str(root), str(root / 'out'), 'train', str(root / 'train.txt'), 64)
    return open_vipseg(root)


def test_maps_arrive_as_they_were_written(dataset):
    assert len(dataset) == 2
    label2cat = dataset.metainfo['label2cat']
    identities = {}
    for index in range(2):
        item = dataset[index]
        sample = item['data_samples']
        assert len(item['inputs']) == len(sample) >= 5
        for frame in sample.video_data_samples:
            ids = read_panoptic_map(frame.seg_map_path).astype(int)
            assert (frame.gt_panoptic_seg.pan_seg[0].numpy() == ids).all()
            labels = frame.gt_sem_seg.sem_seg[0].numpy()
            assert ((labels == 255) == (ids == 0)).all()
            for segment in frame.segments_info:
                inside = ids == segment['id']
                assert (labels[inside] == segment['category']).all()
                low = segment['id'] < 2**20
                category = segment['id'] // 1000 if segment[
                    'id'] >= 1000 else segment['id']
                assert not low or label2cat[
                    segment['category']] == category - 1
                key = index, segment['id']
                identities.setdefault(key, segment['instance_id'])
                assert identities[key] == segment['instance_id']
            things = [s for s in frame.segments_info if s['is_thing']]
            assert len(frame.gt_instances) == len(things)
    assert len(set(identities.values())) == len(identities)


@pytest.fixture
def sequences(city, city_written, tmp_path):
    """Frames and list of all frames as the release has them: names without
    the numbers of video and frame, ids video * 10000 + position."""
    assert convert_cityscapes_vps(str(city), 'val')
    folder = tmp_path / 'sequence/shapes'
    folder.mkdir(parents=True)
    path = city / 'im_all_info_val_city_vps.json'
    every = json.loads((city_written / path.name).read_text())
    for position, image in enumerate(every['images'], 1):
        source = city_written / 'val/img_all' / image['file_name']
        words = image['file_name'].split('_')[2:5]
        image.update(
            id=30000 + position,
            file_name=f'{"_".join(words)}_leftImg8bit.png')
        shutil.copy(source, folder / image['file_name'])
    path.write_text(json.dumps(every))
    link_cityscapes_frames(str(city), 'val', str(folder.parent))
    return city


def test_all_frames_of_the_release(sequences):
    dataset = open_city(sequences, 'val', images='val/img_all', frames='all')
    (video, ) = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert video['video_name'] == '0003' and video['video_length'] == 30
    labelled = [i['frame_id'] for i in video['images'] if i['has_ann']]
    assert labelled == [4, 9, 14, 19, 24, 29]
    sample = dataset[0]['data_samples']
    maps = [f.gt_panoptic_seg.pan_seg.numpy() for f in sample]
    assert [bool(np.any(ids))
            for ids in maps] == [t in labelled for t in range(30)]
    for t, image in enumerate(video['images']):
        words = image['img_path'].rsplit('/', 1)[-1].split('_')
        assert words[0] == 'shapes' and int(words[2]) == t
        assert isinstance(image.get('src_img_id'), str) == image['has_ann']
