"""The panoptic dataset bases build, and run on data of their form."""
from dataclasses import replace

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

import mmvis_plugin  # noqa: F401
from mmvis_plugin.datasets.class_tables import table_categories
from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import (write_cityscapes_vps,
                                                     write_vipseg)
from mmvis_plugin.registry import DATA_SAMPLERS, DATASETS, METRICS, TRANSFORMS
from .recipes import ROOT

NAMES = ('cityscapes_vps', 'viper', 'vipseg', 'moving_shapes_vps')
SMALL = replace(get_cfg('tiny'), num_train=2, num_val=1, num_frames=6)


@pytest.fixture(autouse=True)
def scope():
    """Resolve bare names as the tools do."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def load(name):
    """Return a parsed base; the lists of all four are of one form."""
    return Config.fromfile(ROOT / f'configs/_base_/datasets/{name}.py')


@pytest.mark.parametrize('name', NAMES)
def test_bases_build(name):
    cfg = load(name)
    assert cfg.test_dataloader == cfg.val_dataloader
    assert cfg.test_evaluator == cfg.val_evaluator
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        for transform in loader.dataset.pipeline:
            TRANSFORMS.build(transform)
        dataset = DATASETS.build({**loader.dataset, 'lazy_init': True})
        assert dataset.test_mode == (loader is cfg.val_dataloader)
        meta = dataset.metainfo
        assert meta['classes'] == (*meta['thing_classes'],
                                   *meta['stuff_classes'])
        assert len(meta['palette']) == len(meta['classes'])
        if name != 'moving_shapes_vps':
            assert len(meta['classes']) == len(table_categories(name))
        assert {'img_path', 'seg_map_path'} == set(dataset.data_prefix)
    sampler = cfg.val_dataloader.sampler
    assert sampler.type == 'VideoWindowSampler'
    vpq, stq = (METRICS.build(metric) for metric in cfg.val_evaluator)
    assert vpq.windows == dict(
        cityscapes_vps=(1, 2, 3, 4),
        viper=(1, 5, 10, 15)).get(name, (1, 2, 4, 6))
    assert stq.numbering == ('vipseg' if name == 'vipseg' else 'clean')
    assert vpq.min_area == (1024 if name == 'viper' else 0)
    assert vpq.skip_categories == ((11, ) if name == 'viper' else ())


def run(cfg, root):
    """Return a training sample and the first validation window."""
    samples = []
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.data_root = str(root)
        dataset = DATASETS.build(loader.dataset)
        index = 0
        if loader is cfg.val_dataloader:
            sampler = DATA_SAMPLERS.build(
                loader.sampler, default_args=dict(dataset=dataset))
            index = next(iter(sampler))
        samples.append(dataset[index])
    return samples


def test_moving_shapes_run_through_the_base(tmp_path):
    write_vipseg(str(tmp_path / 'set'), SMALL)
    cfg = load('moving_shapes_vps')
    train, val = run(cfg, tmp_path / 'set')
    assert train['inputs'].shape == (3, 3, 96, 160)
    for frame in train['data_samples'].video_data_samples:
        labels = frame.gt_sem_seg.sem_seg.unique().tolist()
        assert 255 in labels and len(labels) > 3
        # every region has a class of the config: none became void
        assert 'void_ids' not in frame
        assert len(frame.gt_instances) > 0
    assert val['inputs'].shape == (6, 3, 96, 160)
    frame = val['data_samples'][0]
    assert frame.segments_info and frame.seg_map_path


def test_city_shapes_run_through_the_base(tmp_path):
    write_cityscapes_vps(str(tmp_path / 'set'), SMALL)
    train, val = run(load('cityscapes_vps'), tmp_path / 'set')
    first, second = train['data_samples'].video_data_samples
    assert abs(first.src_frame - second.src_frame) == 5
    assert train['inputs'].shape[-2:] == first.gt_panoptic_seg.pan_seg.shape[
        1:]
    assert max(train['inputs'].shape[-2:]) > 512
    assert val['inputs'].shape == (1, 3, 96, 160)
    assert val['data_samples'][0].ori_video_length == 30
