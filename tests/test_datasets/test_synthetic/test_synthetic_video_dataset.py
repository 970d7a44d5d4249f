import pickle

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.registry.default_scope import DefaultScope

from mmvis_plugin.datasets import SyntheticVideoDataset, YouTubeVIS
from mmvis_plugin.datasets.synthetic import generate_video, get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_youtube_vis
from mmvis_plugin.datasets.transforms import LoadSyntheticFrames
from mmvis_plugin.registry import DATASETS

OVERRIDES = dict(num_train=3, num_val=2, image_format='png', p_crowd=1.)


@pytest.fixture(autouse=True)
def scope():
    before = DefaultScope.get_current_instance()
    init_default_scope('mmdet')
    yield
    if before is not None:
        init_default_scope(before.scope_name)


def pipeline(loader):
    frame = [
        dict(type=loader),
        dict(type='LoadFrameAnnotations', with_mask=True)
    ]
    return [
        dict(type='TransformBroadcaster', transforms=frame),
        dict(type='PackClipInputs')
    ]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('shapes') / 'micro'
    write_youtube_vis(str(root), get_cfg('micro', **OVERRIDES))
    return root


def build(split='val', **kwargs):
    return DATASETS.build(
        dict(
            type='SyntheticVideoDataset',
            profile='micro',
            split=split,
            synth_cfg=OVERRIDES,
            pipeline=pipeline('LoadSyntheticFrames'),
            **kwargs))


@pytest.mark.parametrize('index', [0, (1, 2), (1, 1, 4)])
def test_samples_equal_those_from_disk(root, index):
    made = build(test_mode=True)
    read = YouTubeVIS(
        data_root=str(root),
        ann_file='valid_with_gt.json',
        data_prefix=dict(img_path='valid/JPEGImages/'),
        pipeline=pipeline('LoadVideoFrame'),
        test_mode=True)
    assert len(made) == len(read) == 2
    assert made.metainfo['classes'] == read.metainfo['classes']
    first, second = made[index], read[index]
    # PNG: no loss, so pixels must be the same
    assert torch.equal(first['inputs'], second['inputs'])
    frames = zip(first['data_samples'], second['data_samples'])
    for made_frame, read_frame in frames:
        a, b = dict(made_frame.metainfo), dict(read_frame.metainfo)
        assert b.pop('img_path').endswith(a.pop('img_path'))
        assert pickle.dumps(a['instances']) == pickle.dumps(b['instances'])
        assert {
            k: v
            for k, v in a.items() if k != 'instances'
        } == {
            k: v
            for k, v in b.items() if k != 'instances'
        }


def test_masks_and_pixels_are_those_of_the_generator():
    video = generate_video(get_cfg('micro', **OVERRIDES), 'train', 2)
    dataset = build('train', test_mode=True)
    sample = dataset[2]
    expected = torch.from_numpy(video.frames[..., ::-1].copy())
    assert torch.equal(sample['inputs'], expected.permute(0, 3, 1, 2))
    ids = {}
    for t, frame in enumerate(sample['data_samples']):
        gt = frame.gt_instances
        for track, mask in zip(gt.instances_ids.tolist(), gt.masks.masks):
            (object_id, ) = np.unique(video.id_maps[t][mask > 0])
            assert ((video.id_maps[t] == object_id) == (mask > 0)).all()
            assert ids.setdefault(track, object_id) == object_id
        crowds = [o.object_id for o in video.objects if o.iscrowd]
        seen = set(np.unique(video.id_maps[t])) - {0, *crowds}
        assert len(gt.instances_ids) == len(seen)
    assert ids


def test_training_clips_keep_the_filters_of_the_base_class():
    steps = pipeline('LoadSyntheticFrames')
    steps.insert(0, dict(type='ClipSample', num_frames=2))
    dataset = SyntheticVideoDataset(
        profile='micro',
        synth_cfg=OVERRIDES,
        filter_cfg=dict(video_names=['train_0001']),
        pipeline=steps)
    assert len(dataset) == 1
    np.random.seed(0)
    clip = dataset[0]
    assert clip['inputs'].shape == (2, 3, 64, 96)
    assert clip['data_samples'][0].metainfo['video_name'] == 'train_0001'


def test_label_stride_keeps_the_source_frame():
    cfg = dict(OVERRIDES, label_stride=2)
    dataset = SyntheticVideoDataset(
        profile='micro',
        synth_cfg=cfg,
        split='val',
        test_mode=True,
        pipeline=pipeline('LoadSyntheticFrames'))
    sample = dataset[1]
    frames = [frame.metainfo['src_frame'] for frame in sample['data_samples']]
    assert frames == [0, 2, 4]
    video = generate_video(get_cfg('micro', **cfg), 'val', 1)
    expected = torch.from_numpy(video.frames[::2, ..., ::-1].copy())
    assert torch.equal(sample['inputs'], expected.permute(0, 3, 1, 2))


def test_wrong_use_is_an_error():
    with pytest.raises(ValueError, match="unknown split 'test'"):
        SyntheticVideoDataset(split='test', lazy_init=True)
    with pytest.raises(ValueError, match='unknown keys'):
        SyntheticVideoDataset(synth_cfg=dict(size=3), lazy_init=True)
    with pytest.raises(KeyError, match='use LoadVideoFrame for frames in fil'):
        LoadSyntheticFrames()(dict(img_path='a.jpg'))
