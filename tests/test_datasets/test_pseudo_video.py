import json

import mmcv
import numpy as np
import pytest

from mmvis_plugin.datasets import CocoPseudoVideoDataset
from mmvis_plugin.datasets.class_tables import load_table
from mmvis_plugin.utils.errors import AnnotationError

SQUARE = [[4, 4, 20, 4, 20, 20, 4, 20]]


def annotation(ann_id, image_id, category_id, **extra):
    return dict(
        dict(
            id=ann_id,
            image_id=image_id,
            category_id=category_id,
            bbox=[4, 4, 16, 16],
            area=256,
            iscrowd=0,
            segmentation=SQUARE), **extra)


@pytest.fixture
def coco(tmp_path):
    for i in (7, 9, 12):
        mmcv.imwrite(
            np.full((40, 50, 3), i, dtype=np.uint8),
            str(tmp_path / 'images' / f'{i:012d}.jpg'))
    return dict(
        root=tmp_path,
        images=[
            dict(id=i, file_name=f'{i:012d}.jpg', height=40, width=50)
            for i in (7, 9, 12)
        ],
        categories=[
            dict(id=1, name='person'),
            dict(id=3, name='car'),
            dict(id=74, name='mouse')
        ],
        annotations=[
            annotation(1, 7, 3),
            annotation(2, 7, 74),
            annotation(3, 7, 1),
            annotation(4, 9, 74),
            annotation(5, 12, 1),
            annotation(
                6,
                12,
                3,
                iscrowd=1,
                segmentation=dict(size=[40, 50], counts=[0, 2000])),
        ])


def build(coco, **kwargs):
    kwargs.setdefault('class_map', 'youtube_vis_2019')
    data = {k: v for k, v in coco.items() if k != 'root'}
    (coco['root'] / 'coco.json').write_text(json.dumps(data))
    return CocoPseudoVideoDataset(
        ann_file='coco.json',
        data_root=str(coco['root']),
        data_prefix=dict(img_path='images'),
        **kwargs)


def test_images_become_clips_of_mapped_objects(coco):
    dataset = build(coco, clip_length=4)
    classes = dataset.metainfo['classes']
    assert len(classes) == 40
    assert len(dataset) == 2  # image 9 only has a computer mouse
    assert dataset.drops['image without a mapped object'] == 1
    video = dataset.get_data_info(0)
    assert (video['video_id'], video['video_length']) == (7, 4)
    assert [image['frame_id'] for image in video['images']] == [0, 1, 2, 3]
    for image in video['images']:
        labels = [classes[obj['bbox_label']] for obj in image['instances']]
        assert labels == ['sedan', 'person']
        assert [obj['instance_id'] for obj in image['instances']] == [1, 2]
        assert image['img_path'].endswith('000000000007.jpg')
    ids = [
        image['img_id'] for i in range(2)
        for image in dataset.get_data_info(i)['images']
    ]
    assert len(set(ids)) == 8


def test_ids_go_on_in_the_next_image_and_crowds_are_ignored(coco):
    instances = build(coco).get_data_info(1)['images'][0]['instances']
    assert [obj['instance_id'] for obj in instances] == [3, 4]
    assert [obj['ignore_flag'] for obj in instances] == [0, 1]


@pytest.mark.parametrize('name, target', [('youtube_vis_2021', 'car'),
                                          ('ovis', 'Vehical')])
def test_maps_of_the_other_benchmarks(coco, name, target):
    dataset = build(coco, class_map=name)
    classes = dataset.metainfo['classes']
    first = dataset.get_data_info(0)['images'][0]['instances'][0]
    assert classes[first['bbox_label']] == target


@pytest.mark.parametrize('name',
                         ['youtube_vis_2019', 'youtube_vis_2021', 'ovis'])
def test_the_map_agrees_with_the_class_table(name):
    table = {c['id']: c['name'] for c in load_table(name)['categories']}
    for row in load_table('coco_joint_maps')[f'to_{name}']:
        assert table[row['target_id']] == row['target_name']


def test_own_map(coco):
    dataset = build(coco, class_map={3: 'wheels', 74: 'pointer'})
    assert dataset.metainfo['classes'] == ('wheels', 'pointer')
    assert len(dataset) == 3


def test_joint_training_clip_moves_per_frame_and_flips_as_one(coco):
    dataset = build(
        coco,
        pipeline=[
            dict(type='ClipSample', num_frames=3, mode='dense'),
            dict(
                type='TransformBroadcaster',
                share_random_params=True,
                transforms=[
                    dict(type='LoadVideoFrame'),
                    dict(type='LoadFrameAnnotations', with_mask=True),
                    dict(type='PseudoMotion'),
                    dict(
                        type='RandomChoiceResize',
                        scales=[(96, 48), (96, 64)],
                        keep_ratio=True),
                    dict(type='RandomFlip', prob=0.5),
                ]),
            dict(type='PackClipInputs'),
        ])
    np.random.seed(0)
    flips, sizes, boxes = set(), set(), set()
    for _ in range(20):
        sample = dataset[0]
        frames = sample['data_samples'].video_data_samples
        assert len({frame.flip for frame in frames}) == 1
        assert len({frame.img_shape for frame in frames}) == 1
        assert sample['inputs'].shape[2:] == frames[0].img_shape
        flips.add(frames[0].flip)
        sizes.add(frames[0].img_shape)
        boxes.update(
            tuple(frame.gt_instances.bboxes[0].tolist()) for frame in frames)
    assert flips == {True, False} and sizes == {(48, 60), (64, 80)}
    assert len(boxes) > 30


def test_wrong_input(coco):
    with pytest.raises(ValueError, match="expected one of .*'ovis'"):
        build(coco, class_map='youtube_vis_2020')
    with pytest.raises(ValueError, match='clip_length=0'):
        build(coco, clip_length=0)
    coco['categories'][1]['name'] = 'cart'
    with pytest.raises(
            AnnotationError, match="category 3 is 'cart', "
            "expected 'car'"):
        build(coco)
    with pytest.raises(AnnotationError, match='none of its category ids'):
        build(coco, class_map={5: 'bus'})
    coco['annotations'][1]['id'] = 1
    with pytest.raises(AnnotationError, match=r'annotations\[1\] repeats'):
        build(coco, class_map={3: 'car'})
    coco['annotations'] = []
    with pytest.raises(AnnotationError, match='no annotations in'):
        build(coco, class_map={3: 'car'})
