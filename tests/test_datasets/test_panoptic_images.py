"""Still images with panoptic maps, and mmdet's way to read them."""
import os
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from mmdet.datasets import CocoPanopticDataset

from mmvis_plugin.datasets import PanopticImages
from mmvis_plugin.datasets.panoptic_images import cityscapes_image
from mmvis_plugin.models.panoptic_fcn import PanopticFCNHead
from mmvis_plugin.registry import MODELS
from mmvis_plugin.utils.errors import AnnotationError
from .panoptic_data import LOAD, PanopticData

CLIP = [dict(type='ClipSample', num_frames=1)] + LOAD


@pytest.fixture
def made(tmp_path):
    """Six images; categories are stuff first, as Cityscapes has them."""
    return PanopticData(tmp_path, 'viper', num_categories=4)


def build(made, cls=PanopticImages, **kwargs):
    """Write the JSON and construct the dataset on it."""
    made.write()
    kwargs.setdefault('pipeline', CLIP)
    return cls(
        ann_file='gt.json',
        data_root=str(made.root),
        **{
            'data_prefix': dict(img_path='img/', seg_map_path='map/'),
            **kwargs
        })


def test_an_image_is_a_video_of_one_frame(made):
    dataset = build(made)
    assert len(dataset) == 6
    meta = dataset.metainfo
    assert meta['classes'] == (*meta['thing_classes'], *meta['stuff_classes'])
    assert meta['label2cat'] == (*made.things, *made.stuff)
    for i in range(6):
        video = dataset.get_data_info(i)
        assert video['video_length'] == 1
        image, = video['images']
        assert image['img_path'] == made.image_path(i // 3, i % 3)
        frame, = dataset[i]['data_samples']
        ids = made.ids[i // 3, i % 3]
        assert np.array_equal(frame.gt_panoptic_seg.pan_seg[0], ids)


def test_names_of_cityscapes(made):
    assert cityscapes_image('a_b.png') == 'a_b.png'
    for i, image in enumerate(made.data['images']):
        old = made.image_path(i // 3, i % 3)
        stem = f'ulm_{i // 3:06d}_{i % 3:06d}'
        image['file_name'] = f'{stem}_gtFine_leftImg8bit.png'
        new = made.root / f'img/ulm/{stem}_leftImg8bit.png'
        new.parent.mkdir(exist_ok=True)
        os.replace(old, new)
    dataset = build(made, layout='cityscapes', check_files='all')
    assert len(dataset) == 6
    frame, = dataset[5]['data_samples']
    assert frame.img_path.endswith('img/ulm/ulm_000001_000002_leftImg8bit.png')
    with pytest.raises(FileNotFoundError, match='_gtFine_leftImg8bit.png'):
        build(made, layout='coco')
    with pytest.raises(ValueError, match="layout='voc' of PanopticImages, ex"):
        build(made, layout='voc')


def test_the_file_is_checked(made):
    made.data['annotations'][4]['segments_info'][0]['category_id'] = 99
    with pytest.raises(AnnotationError, match='unknown category 99'):
        build(made)


@pytest.fixture
def panopticapi(monkeypatch):
    """Stand in for the one function that mmdet's loading needs."""

    def rgb2id(color):
        return (color.astype(np.int64) * [1, 256, 256**2]).sum(axis=-1)

    package, utils = ModuleType('panopticapi'), ModuleType('utils')
    package.utils, utils.rgb2id = utils, rgb2id
    monkeypatch.setitem(sys.modules, 'panopticapi', package)
    monkeypatch.setitem(sys.modules, 'panopticapi.utils', utils)


def as_coco(made):
    """Give the file what mmdet wants: things first, numbers, boxes."""
    made.data['categories'].sort(key=lambda c: (not c['isthing'], c['id']))
    numbers = {image['id']: i for i, image in enumerate(made.data['images'])}
    for image in made.data['images']:
        image['id'] = numbers[image['id']]
    for annotation in made.data['annotations']:
        i = annotation['image_id'] = numbers[annotation['image_id']]
        for segment in annotation['segments_info']:
            y, x = np.nonzero(made.ids[i // 3, i % 3] == segment['id'])
            segment['bbox'] = [
                int(v)
                for v in (x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1)
            ]


def test_mmdets_own_data_set_gives_the_same_losses(made, panopticapi):
    as_coco(made)
    ours = build(made)
    classes = ours.metainfo
    theirs = build(
        made,
        CocoPanopticDataset,
        data_prefix=dict(img='img/', seg='map/'),
        metainfo={
            key: classes[key]
            for key in ('classes', 'thing_classes', 'stuff_classes')
        },
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadPanopticAnnotations'),
            dict(type='PackDetInputs')
        ])
    torch.manual_seed(0)
    head = PanopticFCNHead(
        2,
        2,
        in_channels=8,
        feat_channels=8,
        encode_channels=4,
        norm_cfg=dict(type='GN', num_groups=2),
        position_deform=False)
    feats = [
        torch.randn(6, 8, 8 // 2**i or 1, 8 // 2**i or 1) for i in range(6)
    ]
    losses = []
    for dataset, kind in ((ours, 'VideoDataPreprocessor'),
                          (theirs, 'DetDataPreprocessor')):
        preprocessor = MODELS.build(
            dict(type=kind, pad_size_divisor=32, pad_mask=True, pad_seg=True))
        items = [dataset[i] for i in range(6)]
        data = preprocessor({k: [item[k] for item in items]
                             for k in items[0]},
                            training=True)
        samples = data['data_samples']
        if dataset is ours:
            samples = [clip[0] for clip in samples]
        assert data['inputs'].shape[-2:] == (32, 32)
        with torch.no_grad():
            losses.append(head.loss(feats, samples))
    for name, value in losses[0].items():
        torch.testing.assert_close(losses[1][name], value)
