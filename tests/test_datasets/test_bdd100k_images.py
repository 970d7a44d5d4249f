import json

import mmcv
import numpy as np
import pytest

from mmvis_plugin.datasets import BDD100KImages, JointVideoDataset
from mmvis_plugin.datasets.samplers import KeyFrameSampler
from mmvis_plugin.utils.errors import AnnotationError

PIPELINE = [
    dict(
        type='ClipSample',
        num_frames=2,
        frame_range=3,
        mode='ref',
        share_object=True),
    dict(
        type='TransformBroadcaster',
        share_random_params=True,
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='LoadFrameAnnotations', with_mask=True),
            dict(type='RandomFlip', prob=0.5),
        ]),
    dict(type='PackClipInputs'),
]
NAMES = ('person', 'rider', 'car', 'truck', 'bus', 'train', 'motor', 'bike',
         'traffic light')


@pytest.fixture
def tree(tmp_path):
    """Three images: two cars, a traffic light, a bicycle and a crowd."""
    images = []
    for i in (1, 2, 3):
        picture = np.random.default_rng(i).integers(0, 255, (40, 60, 3))
        mmcv.imwrite(picture.astype(np.uint8), str(tmp_path / f'{i}.png'))
        images.append(dict(id=i, file_name=f'{i}.png', height=40, width=60))
    objects = [(1, 3, 0), (1, 3, 0), (2, 9, 0), (3, 8, 0), (3, 1, 1)]
    annotations = []
    for i, (image, category, crowd) in enumerate(objects, 1):
        x, y = 4 * i, 5
        annotations.append(
            dict(
                id=i,
                image_id=image,
                category_id=category,
                bbox=[x, y, 20, 16],
                area=320,
                segmentation=[[x, y, x + 20, y, x + 20, y + 16, x, y + 16]],
                iscrowd=crowd))
    categories = [dict(id=i, name=name) for i, name in enumerate(NAMES, 1)]
    return dict(images=images, categories=categories, annotations=annotations)


@pytest.fixture
def build(tmp_path, tree):
    """Return a function that writes the tree and builds the data set."""

    def build(**kwargs):
        (tmp_path / 'ins_seg.json').write_text(json.dumps(tree))
        return BDD100KImages(
            ann_file='ins_seg.json',
            data_root=str(tmp_path),
            pipeline=PIPELINE,
            **kwargs)

    return build


def test_categories_beyond_mots_are_left_out(build):
    dataset = build()
    assert dataset.metainfo['classes'][6:] == ('motorcycle', 'bicycle')
    assert [dataset.get_data_info(i)['video_id'] for i in range(2)] == [1, 3]
    (frame, ) = dataset.get_data_info(1)['images']
    assert [(obj['bbox_label'], obj['ignore_flag'])
            for obj in frame['instances']] == [(7, 0), (0, 1)]


def test_an_image_is_its_own_reference(build):
    dataset = JointVideoDataset([build(), build()])
    keys = sorted(KeyFrameSampler(dataset, seed=0))
    assert keys == [(0, 0), (1, 0), (2, 0), (3, 0)]
    for key in keys:
        sample = dataset[key]
        assert (sample['inputs'][0] == sample['inputs'][1]).all()
        clip = sample['data_samples']
        assert clip.key_frames_inds == [0] and clip.ref_frames_inds == [1]
        one, two = (clip[t].gt_instances for t in range(2))
        assert len(one) == (1 if key[0] % 2 else 2)
        assert one.instances_ids.equal(two.instances_ids)
        assert one.bboxes.equal(two.bboxes)


def test_other_categories(build, tree):
    tree['categories'][0]['name'] = 'other person'
    with pytest.raises(
            AnnotationError,
            match="category 1 is 'other person', "
            "expected 'pedestrian'; convert the labels with"):
        build()
