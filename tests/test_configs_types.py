"""Every shipped config parses, and what it names exists and builds."""
import pytest
import torch
from mmdet import registry as mmdet_registry
from mmengine.config import Config
from mmengine.registry import DefaultScope

import mmvis_plugin  # noqa: F401
from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.registry import (DATASETS, HOOKS, PARAM_SCHEDULERS,
                                   TRANSFORMS, VISUALIZERS)
from .recipes import RECIPES, SEGMENTERS, load, num_classes

SPLITS = ('train', 'val', 'test')
# registries of mmdet by the key whose value they build
KINDS = dict(
    dataset='DATASETS',
    pipeline='TRANSFORMS',
    transforms='TRANSFORMS',
    sampler='DATA_SAMPLERS',
    val_evaluator='METRICS',
    test_evaluator='METRICS',
    optim_wrapper='OPTIM_WRAPPERS',
    optimizer='OPTIMIZERS',
    param_scheduler='PARAM_SCHEDULERS',
    train_cfg='LOOPS',
    val_cfg='LOOPS',
    test_cfg='LOOPS',
    visualizer='VISUALIZERS',
    vis_backends='VISBACKENDS',
    log_processor='LOG_PROCESSORS')


@pytest.fixture(autouse=True)
def scope():
    """Resolve bare names as the tools do."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


@pytest.mark.parametrize('name', RECIPES)
def test_config_survives_dump_and_reload(name, tmp_path):
    # not formatted: for a large config that takes seconds
    cfg = Config(load(name).to_dict(), format_python_code=False)
    cfg.dump(tmp_path / 'dumped.py')
    assert Config.fromfile(tmp_path / 'dumped.py').to_dict() == cfg.to_dict()


def find_unknown(value, kind, path):
    """List what the registries do not know below a config value."""
    if isinstance(value, (list, tuple)):
        return sum((find_unknown(v, kind, path) for v in value), [])
    if not isinstance(value, dict):
        return []
    unknown = []
    if kind is not None and isinstance(value.get('type'), str):
        if getattr(mmdet_registry, kind).get(value['type']) is None:
            unknown.append(f'{path}.type={value["type"]} ({kind})')
    for key, item in value.items():
        # datasets and transforms nest in lists of the same kind
        below = KINDS.get(key, kind if key == 'datasets' else None)
        unknown += find_unknown(item, below, f'{path}.{key}')
    return unknown


@pytest.mark.parametrize('name', RECIPES)
def test_types_are_registered(name):
    cfg = load(name)
    for key, value in cfg.items():
        if key not in ('model', 'default_hooks'):  # both are built
            assert not find_unknown(value, KINDS.get(key), key)
    assert mmdet_registry.RUNNERS.get(cfg.runner_type) is not None
    # as in a runner, the visualizer is there before the hooks
    VISUALIZERS.build(dict(cfg.visualizer, vis_backends=None))
    for hook in cfg.default_hooks.values():
        HOOKS.build(hook)


@pytest.mark.parametrize('name', RECIPES)
def test_pipelines_and_schedules_build(name):
    cfg = load(name)
    for dataset in find_datasets(cfg):
        for transform in dataset.pipeline:
            TRANSFORMS.build(transform)
    if cfg.get('train_cfg') is None:
        return  # for tests alone
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.)
    schedulers = cfg.param_scheduler
    by_epoch = 'max_epochs' in cfg.train_cfg
    length = cfg.train_cfg.max_epochs if by_epoch else cfg.train_cfg.max_iters
    for one in schedulers if isinstance(schedulers, list) else [schedulers]:
        default_args = dict(optimizer=optimizer)
        if one.get('convert_to_iter_based'):
            default_args['epoch_length'] = 10
        PARAM_SCHEDULERS.build(one, default_args=default_args)
        if by_epoch and not one.by_epoch:
            continue  # a warm-up counts iterations in any case
        assert one.by_epoch is by_epoch
        assert one.get('end', 0) <= length
        assert max(one.get('milestones', [0])) < length
    assert cfg.default_hooks.checkpoint.by_epoch is by_epoch
    assert cfg.log_processor.by_epoch is by_epoch
    # the batch that the learning rate belongs to stands in the file name
    gpus, batch = 1, cfg.train_dataloader.batch_size
    if 'movingshapes' not in name:
        gpus, batch = name.split('xb')[0][-1], name.split('xb')[1][0]
    assert cfg.train_dataloader.batch_size == int(batch)
    assert cfg.auto_scale_lr.base_batch_size == int(gpus) * int(batch)
    assert cfg.auto_scale_lr.enable is False


def find_datasets(cfg):
    """Return the configs of all datasets, joint ones taken apart."""
    loaders = [cfg.get(f'{name}_dataloader') for name in SPLITS]
    datasets = [loader.dataset for loader in loaders if loader is not None]
    return sum((d.get('datasets', [d]) for d in datasets), [])


@pytest.mark.parametrize('name', SEGMENTERS)
def test_model_and_data_have_the_same_number_of_classes(name):
    cfg = load(name)
    wanted = num_classes(cfg)
    for dataset in find_datasets(cfg):
        built = DATASETS.build({**dataset, 'lazy_init': True})
        # MovingShapes takes its classes from the file
        classes = built.metainfo.get('classes') or get_cfg('tiny').class_names
        assert len(classes) == wanted
