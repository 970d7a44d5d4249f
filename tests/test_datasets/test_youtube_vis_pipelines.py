"""The pipelines of the shipped data configs on real files."""
from pathlib import Path

import mmcv
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmvis_plugin.utils.errors import AnnotationError

CONFIGS = Path(__file__).parents[2] / 'configs' / '_base_' / 'datasets'


def load(name, vis, **changes):
    """Return the train and test dataloader configs on the tiny data."""
    cfg = Config.fromfile(str(CONFIGS / f'{name}.py'))
    vis.write()
    loaders = cfg.train_dataloader, cfg.test_dataloader
    for loader in loaders:
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset.update(
            dict(
                data_root=str(vis.root),
                ann_file='train.json',
                data_prefix=dict(img_path='JPEGImages'),
                serialize_data=False,
                **changes))
    return loaders


def tight(mask):
    rows, cols = np.nonzero(mask)
    return np.array([cols.min(), rows.min(), cols.max() + 1, rows.max() + 1])


def test_moving_shapes_training_batch(vis):
    train, _ = load('moving_shapes_vis', vis)
    batch = next(iter(Runner.build_dataloader(train, seed=0)))
    assert len(batch['inputs']) == train.batch_size
    for inputs, clip in zip(batch['inputs'], batch['data_samples']):
        assert inputs.shape == (3, 3, 40, 60) and inputs.dtype == torch.uint8
        ids = [frame.frame_id for frame in clip]
        assert ids == sorted(ids)
        assert len({frame.flip for frame in clip}) == 1
        for t, frame in enumerate(clip):
            bright = inputs[t, 0] >= 100  # one half of each test frame
            assert bright[:, -1].all() == frame.flip
            gt = frame.gt_instances
            assert len(gt.labels) == (1 if frame.frame_id == 1 else 2)
            for box, mask, track in zip(gt.bboxes, gt.masks.masks,
                                        gt.instances_ids.tolist()):
                expected = vis.masks[track][frame.frame_id]
                expected = expected[:, ::-1] if frame.flip else expected
                assert np.array_equal(mask, expected)
                assert np.array_equal(box, tight(expected))


def test_moving_shapes_test_loader_walks_through_all_videos(vis):
    _, test = load('moving_shapes_vis', vis)
    for window in (None, 1, 3):
        test.sampler.window = window
        seen = []
        for batch in Runner.build_dataloader(test, seed=0):
            sample = batch['data_samples'][0]
            assert len(sample) == len(batch['inputs'][0])
            seen += [(f.video_id, f.frame_id, f.ori_video_length)
                     for f in sample]
            assert 'bboxes' not in sample[0].gt_instances
        assert seen == [(v, t, 4) for v in (1, 2) for t in range(4)]


def test_ground_truth_reaches_the_metric_at_original_size(vis):
    _, test = load('youtube_vis_2019', vis, version=None)
    frames = next(iter(Runner.build_dataloader(test)))['data_samples'][0]
    assert frames[1].ori_shape == (40, 60)
    assert frames[1].img_shape == (360, 540)
    assert frames[1].scale_factor == (9., 9.)
    assert frames[1].has_ann is True
    assert [obj['src_instance_id'] for obj in frames[1].instances] == [1]
    assert frames[1].instances[0]['mask']['size'] == [40, 60]


def test_youtube_vis_clips_share_scale_and_flip(vis):
    train, _ = load('youtube_vis_2019', vis, version=None)
    dataset = Runner.build_dataloader(train, seed=0).dataset
    np.random.seed(0)
    sizes, flips = set(), set()
    for i in range(40):
        sample = dataset[i % 2]
        frames = sample['data_samples'].video_data_samples
        assert len({(f.img_shape, f.flip) for f in frames}) == 1
        assert tuple(sample['inputs'].shape[2:]) == frames[0].img_shape
        sizes.add(frames[0].img_shape)
        flips.add(frames[0].flip)
        for frame in frames:
            gt = frame.gt_instances
            for box, mask in zip(gt.bboxes, gt.masks.masks):
                assert np.abs(box - tight(mask)).max() <= 1
    assert flips == {True, False}
    assert {height for height, _ in sizes} == set(range(288, 513, 32))


def test_long_side_is_capped(vis):
    for video in vis.data['videos']:
        for name in video['file_names']:
            mmcv.imwrite(
                np.zeros((40, 100, 3), dtype=np.uint8),
                str(vis.root / 'JPEGImages' / name))
        video['width'] = 100
    for track in vis.data['annotations']:
        track['segmentations'] = None
    train, _ = load('youtube_vis_2019', vis, version=None)
    train.dataset.pipeline[1].transforms[1].with_mask = False
    dataset = Runner.build_dataloader(train, seed=0).dataset
    np.random.seed(1)
    widths = [dataset[0]['inputs'].shape[3] for _ in range(20)]
    assert max(widths) == 768 and min(widths) == 720


def test_frame_size_that_changes_inside_a_video(vis):
    path = vis.root / 'JPEGImages/clip1/00010.png'
    mmcv.imwrite(np.zeros((40, 61, 3), dtype=np.uint8), str(path))
    _, test = load('moving_shapes_vis', vis)
    dataset = Runner.build_dataloader(test).dataset
    with pytest.raises(AnnotationError) as error:
        dataset[0]
    assert str(error.value) == (
        f'{path} (video clip1, frame 2): image size (40, 61), expected '
        '(40, 60) (height, width) as in the annotation file; frames of a '
        'video share one size')
    assert dataset[1]['inputs'].shape == (4, 3, 40, 60)


def test_frame_that_cannot_be_decoded(vis):
    path = vis.root / 'JPEGImages/clip2/00015.png'
    path.write_bytes(b'GIF')
    _, test = load('moving_shapes_vis', vis)
    dataset = Runner.build_dataloader(test).dataset
    with pytest.raises(AnnotationError) as error:
        dataset[(1, 2, 4)]
    assert str(error.value) == (
        f'{path} (video clip2, frame 3): cannot be decoded as an image '
        '(3 bytes); replace the file')


def test_frame_that_vanished_after_the_start(vis):
    train, _ = load('moving_shapes_vis', vis)
    dataset = Runner.build_dataloader(train, seed=0).dataset
    for path in (vis.root / 'JPEGImages/clip1').iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r'\.png \(video clip1, frame'):
        dataset[0]


def test_test_file_without_annotations(vis):
    del vis.data['annotations']
    _, test = load('youtube_vis_2019', vis, version=None)
    frames = next(iter(Runner.build_dataloader(test)))['data_samples'][0]
    assert len(frames) == 4
    assert not any(frame.has_ann for frame in frames)
    assert all(frame.instances == [] for frame in frames)


@pytest.mark.parametrize('name',
                         ['youtube_vis_2019', 'youtube_vis_2021', 'ovis'])
def test_validation_sets_without_labels_are_only_formatted(name):
    cfg = Config.fromfile(str(CONFIGS / f'{name}.py'))
    assert cfg.test_evaluator.format_only
    assert name in cfg.test_evaluator.outfile_prefix


@pytest.mark.parametrize('year', ['2019', '2021'])
def test_joint_configs_name_both_sources(year):
    cfg = Config.fromfile(str(CONFIGS / f'coco_youtube_vis_{year}.py'))
    first, second = cfg.train_dataloader.dataset.datasets
    assert (first.type, first.version) == ('YouTubeVIS', year)
    assert second.type == 'CocoPseudoVideoDataset'
    assert second.class_map == f'youtube_vis_{year}'
    assert cfg.train_dataloader.sampler.type == 'JointVideoSampler'
