"""Every class of this package is built in every scope."""
from unittest import mock

import mmengine.registry as root
import pytest
import torch
from mmengine.registry import DefaultScope, Registry
from torch.utils.data import DataLoader

import mmvis_plugin.compat.mmtrack_scope  # noqa: F401  (the third scope)
from mmvis_plugin import registry
from .recipes import load
from .test_registry import NODES

# small models that hold the parts of all systems
RECIPES = [
    'inspro/inspro_r18_fpn_movingshapes-tiny',
    'pcan/pcan_r18_fpn_movingshapes-tiny',
    'pcan/pcan-condinst_r18_fpn_movingshapes-tiny',
    'cavis/cavis-offline_r18_movingshapes-tiny',
    'hybrid_tracker/hybrid-tracker_r18_fpn_movingshapes-vps-tiny',
    'hybrid_tracker/cavis-hybrid-tracker_r18_movingshapes-vps-tiny',
    'hybrid_tracker/raft_small_movingshapes-tiny'
]
VIT = dict(embed_dims=12, depth=4, num_heads=2)
VIDEOS = dict(type='SyntheticVideoDataset', profile='micro', pipeline=[])
# arguments of what is built by itself
ARGS = dict(
    CocoPseudoVideoDataset=dict(class_map='ovis'),
    DINOv2ViT=VIT,
    DumpTrackResults=dict(out_file_path='a.pkl'),
    ExactFlow=dict(data_root='.'),
    FlowPairDataset=dict(data_root='.'),
    JointVideoDataset=dict(datasets=[VIDEOS]),
    RandomCropFlowPair=dict(size=(8, 8)),
    ThingCrop=dict(crop_size=(8, 8)),
    VideoVisualizer=dict(name='built'),
    ViTAdapter=dict(vit=VIT, num_heads=2))
# what others are built with
NEEDED = dict(
    DATASETS=lambda: dict(lazy_init=True, ann_file='a.json', pipeline=[]),
    DATA_SAMPLERS=lambda: dict(
        dataset=root.DATASETS.build(
            dict(type='JointVideoDataset', datasets=[VIDEOS]))),
    LOOPS=lambda: dict(
        runner=mock.MagicMock(), dataloader=DataLoader([1]), max_iters=1),
    OPTIM_WRAPPERS=lambda: dict(
        optimizer=torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=1.)))


def own_classes(name):
    """Return the classes of this package in a registry by their names."""
    node = getattr(registry, name)
    node.import_from_location()
    return {
        key: cls
        for key, cls in node.module_dict.items()
        if cls.__module__.startswith('mmvis_plugin.')
    }


@pytest.fixture(params=['mmdet', 'mmvis_plugin', 'mmtrack'])
def built(request):
    """Make a scope the default; return the types of all that is built."""
    types, plain = set(), Registry.build

    def build(self, cfg, *args, **kwargs):
        result = plain(self, cfg, *args, **kwargs)
        types.add(type(result))
        return result

    with DefaultScope.overwrite_default_scope(request.param):
        with mock.patch.object(Registry, 'build', build):
            yield types


def test_models_and_what_they_are_made_of(built):
    for name in RECIPES:
        root.MODELS.build(load(f'configs/{name}.py').model)
    cfg = load(f'configs/{RECIPES[0]}.py').model
    parts = {key: cfg[key] for key in ('backbone', 'neck', 'rpn_head')}
    parts['roi_head'] = dict(cfg.roi_head, intra_query=None)
    root.MODELS.build(dict(parts, type='InsProImageDetector'))
    for name in ('MODELS', 'TASK_UTILS'):
        for key, cls in own_classes(name).items():
            if cls not in built:
                node = getattr(root, name)
                node.build(dict(type=key, **ARGS.get(key, {})))
            assert cls in built, key


@pytest.mark.parametrize(
    'name', [n for n in NODES if n not in ('MODELS', 'TASK_UTILS', 'RUNNERS')])
def test_everything_else(built, name):
    needed = NEEDED.get(name, dict)()
    for key, cls in own_classes(name).items():
        args = {**needed, **ARGS.get(key, {})}
        if key == 'JointVideoDataset':
            args = ARGS[key]
        getattr(root, name).build(dict(type=key, **args))
        assert cls in built, key


def test_runners(built, tmp_path):
    for key, cls in own_classes('RUNNERS').items():
        with mock.patch('mmengine.runner.runner.collect_env', dict):
            root.RUNNERS.build(
                dict(
                    runner_type=key,
                    model=torch.nn.Linear(1, 1),
                    work_dir=str(tmp_path),
                    default_scope='mmdet'))
        assert cls in built, key
