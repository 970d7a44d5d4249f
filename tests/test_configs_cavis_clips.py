"""The clips of the recipes of CAVIS, on data of their form."""
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

import mmvis_plugin  # noqa: F401
from mmvis_plugin.datasets.class_tables import load_table
from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import (write_vipseg,
                                                     write_youtube_vis)
from mmvis_plugin.registry import DATASETS
from .recipes import ROOT, load

SMALL = replace(get_cfg('tiny'), num_train=2, num_val=1, num_frames=6)
OVIS = 'configs/cavis/cavis-{}_r50_8xb1-{}k_coco-ovis.py'
VIPSEG = 'configs/cavis/cavis-{}_r50_8xb1-40k_vipseg.py'


@pytest.fixture(scope='module')
def ovis(tmp_path_factory):
    """Write videos with the classes of OVIS, and their frames as COCO."""
    root = tmp_path_factory.mktemp('ovis')
    write_youtube_vis(str(root), SMALL)
    videos = json.loads((root / 'train.json').read_text())
    videos['categories'] = load_table('ovis')['categories']
    (root / 'ovis.json').write_text(json.dumps(videos))
    coco = dict(
        categories=[dict(id=1, name='person'),
                    dict(id=7, name='train')],
        images=[],
        annotations=[])
    for video in videos['videos']:
        image = dict(
            id=video['id'],
            file_name=video['file_names'][0],
            height=video['height'],
            width=video['width'])
        coco['images'].append(image)
    for ann in videos['annotations']:
        if ann['segmentations'][0]:
            coco['annotations'].append(
                dict(
                    id=ann['id'],
                    image_id=ann['video_id'],
                    category_id=1,
                    iscrowd=0,
                    bbox=ann['bboxes'][0],
                    area=ann['areas'][0],
                    segmentation=ann['segmentations'][0]))
    (root / 'coco.json').write_text(json.dumps(coco))
    return str(root)


def joint_dataset(name, root):
    """Build the training data of a recipe on the files in a folder."""
    cfg = load(name).train_dataloader.dataset.copy()
    for dataset, file in zip(cfg.datasets, ('ovis.json', 'coco.json')):
        dataset.update(
            data_root=root,
            ann_file=file,
            data_prefix=dict(img_path='train/JPEGImages/'))
    return DATASETS.build(cfg)


def draw(dataset, index, number):
    """Return some draws of a clip as inputs and frames."""
    np.random.seed(0)
    samples = [dataset[index] for _ in range(number)]
    return [(sample['inputs'], sample['data_samples'].video_data_samples)
            for sample in samples]


def test_videos_and_images_are_mixed(ovis):
    dataset = joint_dataset(OVIS.format('segmenter', 40), ovis)
    assert len(dataset) == 4
    for index in (0, 2):
        cropped = []
        for inputs, clip in draw(dataset, index, 6):
            height, width = inputs.shape[-2:]
            assert inputs.shape[:2] == (3, 3) and len(clip) == 3
            # the frames are 96 x 160: long sides reach their limit first
            assert max(height, width) <= 768
            short = (320, 352, 392, 416, 448, 460, 461)
            whole = abs(width / height - 160 / 96) < 0.01
            assert min(height, width) in short or not whole
            assert len({frame.flip for frame in clip}) == 1
            cropped.append(not whole)
            ids = {
                i
                for frame in clip
                for i in frame.gt_instances.instances_ids.tolist()
            }
            assert ids
        assert 0 < sum(cropped) < 6


def test_images_turn_from_frame_to_frame(ovis):
    dataset = joint_dataset(OVIS.format('online', 160), ovis)
    person = load_table('ovis')['categories'][0]['name']
    assert dataset.metainfo['classes'][0] == person
    for inputs, clip in draw(dataset, 2, 2):
        assert len(clip) == 5
        for one, two in zip(inputs, inputs[1:]):
            assert not one.equal(two)
        for frame in clip:
            objects = frame.gt_instances
            assert set(objects.labels.tolist()) <= {0}
            assert objects.masks.masks.any(axis=(1, 2)).all()
            assert len(objects.masks) == len(objects.instances_ids)


def test_frames_are_resized_as_pillow_does_in_tests(ovis):
    cfg = load(OVIS.format('online', 160)).test_dataloader.dataset.copy()
    cfg.update(
        data_root=ovis,
        ann_file='ovis.json',
        data_prefix=dict(img_path='train/JPEGImages/'))
    sample = DATASETS.build(cfg)[0, 0, 1]
    frame = sample['data_samples'][0]
    image = Image.open(frame.img_path)
    assert image.size == (160, 96)
    wanted = np.asarray(image.resize((747, 448), Image.BILINEAR))
    found = sample['inputs'][0].permute(1, 2, 0)
    # the files hold red first, the frames blue
    assert np.array_equal(found.numpy()[..., ::-1], wanted)
    assert frame.img_shape == (448, 747)


@pytest.fixture(scope='module')
def panoptic(tmp_path_factory):
    """Write videos in the form of VIPSeg."""
    root = str(tmp_path_factory.mktemp('vps') / 'set')
    write_vipseg(root, SMALL)
    return root


@pytest.mark.parametrize('stage, frames', [('online', 5), ('offline', 15)])
def test_panoptic_clips(panoptic, stage, frames):
    base = Config.fromfile(ROOT / 'configs/_base_/datasets/'
                           'moving_shapes_vps.py')
    cfg = base.train_dataloader.dataset
    cfg.update(
        data_root=panoptic,
        pipeline=load(VIPSEG.format(stage)).train_dataloader.dataset.pipeline)
    for inputs, clip in draw(DATASETS.build(cfg), 0, 1):
        height, width = inputs.shape[-2:]
        assert inputs.shape[:2] == (frames, 3)
        if stage == 'offline':
            assert height <= 608 and width == 608
        else:
            assert height in range(480, 801, 32) and width <= 1333
        for frame in clip:
            maps = frame.gt_panoptic_seg.pan_seg
            assert maps.shape == (1, height, width)
            listed = {
                segment['id']
                for segment in frame.gt_panoptic_seg.segments_info
            }
            # no segment was blended with another one
            assert set(maps.unique().tolist()) <= listed | {0}
            assert torch.unique(maps).numel() > 3
