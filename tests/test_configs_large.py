"""Variants of recipes for large backbones: fewer GPUs, or less memory."""
import copy
import re

import pytest
import torch
from mmdet import registry as mmdet_registry
from mmengine.registry import DefaultScope

from mmvis_plugin.engine.runner.sharded_runner import find_parts
from .recipe_steps import (build, build_empty, fake_batch, small_model,
                           take_steps)
from .recipes import ROOT, load

LARGE = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / 'configs').glob('*/large/*.py'))
ACCUMULATED = [name for name in LARGE if '-x8-' in name]
SHARDED = [name for name in LARGE if '-sharded-' in name]


@pytest.fixture(autouse=True)
def scope():
    """Resolve bare names as the tools do."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def original(name):
    """Return the recipe that a config is a variant of."""
    name = name.replace('/large/', '/').replace('-sharded-', '-')
    return load(name.replace('1xb1-x8-320k', '8xb1-40k'))


def test_both_large_backbones_have_both():
    backbones = {re.search('swin-l|vit-l', name)[0] for name in LARGE}
    assert backbones == {'swin-l', 'vit-l'}
    assert len(ACCUMULATED) == len(SHARDED) == len(LARGE) / 2 == 2


@pytest.mark.parametrize('name', LARGE)
def test_variants_keep_the_total_batch_and_the_rest(name):
    cfg, base = load(name), original(name)
    gpus = int(re.search(r'_(\d)xb1-', name)[1])
    times = cfg.optim_wrapper.get('accumulative_counts', 1)
    assert gpus * cfg.train_dataloader.batch_size * times == \
        cfg.auto_scale_lr.base_batch_size == \
        base.auto_scale_lr.base_batch_size
    assert mmdet_registry.RUNNERS.get(cfg.runner_type) is not None
    assert cfg.model == dict(
        base.model, backbone=dict(base.model.backbone, with_cp=True))
    assert not base.model.backbone.get('with_cp', False)
    optim = dict(cfg.optim_wrapper)
    assert optim.pop('dtype') == 'bfloat16'
    optim.pop('accumulative_counts', None)
    assert optim == base.optim_wrapper
    assert cfg.train_dataloader == base.train_dataloader
    assert cfg.load_from == base.load_from


@pytest.mark.parametrize('name', ACCUMULATED)
def test_accumulated_schedules_have_as_many_optimizer_steps(name):
    cfg, base = load(name), original(name)
    times = cfg.optim_wrapper.accumulative_counts
    assert times == 8
    for key in ('max_iters', 'val_interval'):
        assert cfg.train_cfg[key] == times * base.train_cfg[key]
    assert cfg.default_hooks.checkpoint.interval == \
        times * base.default_hooks.checkpoint.interval
    schedule = base.param_scheduler
    assert cfg.param_scheduler == dict(
        schedule,
        end=times * schedule.end,
        milestones=[times * i for i in schedule.milestones])
    assert cfg.param_scheduler.end == cfg.train_cfg.max_iters == \
        int(re.search(r'-(\d+)k_', name)[1]) * 1000


@pytest.mark.parametrize('name', SHARDED)
def test_shards_are_the_blocks_of_the_backbone(name):
    cfg = load(name)
    assert cfg.runner_type == 'ShardedRunner'
    assert cfg.val_cfg is cfg.val_dataloader is cfg.val_evaluator is None
    assert cfg.test_dataloader is not None
    model = build_empty(name)
    parts = find_parts(model, cfg.shard_modules)
    assert len(parts) == 24
    inside = sum(p.numel() for part in parts for p in part.parameters())
    whole = sum(p.numel() for p in model.backbone.parameters())
    assert inside > 0.8 * whole
    assert all(p.dim() > 0 for p in model.parameters())


@pytest.mark.parametrize('name', ACCUMULATED)
def test_a_step_of_a_variant(name):
    done = take_steps(name)
    assert done.reached == done.trainable
    assert done.changed and done.results


def gradients(cfg, with_cp, part):
    """Return gradients, and how often the parts of a kind were called."""
    small = copy.deepcopy(small_model(cfg))
    small.backbone.with_cp = with_cp
    model = build(small).train()
    calls = []
    for name, module in model.backbone.named_modules():
        if name.endswith(part):
            module.register_forward_pre_hook(lambda *_: calls.append(1))
    torch.manual_seed(1)
    model.parse_losses(model.loss(*fake_batch(cfg)))[0].backward()
    grads = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
    return grads, len(calls)


@pytest.mark.parametrize('backbone, part', [('r50', '.conv2'),
                                            ('swin-l', '.norm1')])
def test_activation_checkpointing_changes_no_gradient(backbone, part):
    cfg = load(f'configs/cavis/cavis-segmenter_{backbone}_8xb1-40k_'
               'coco-ovis.py')
    plain, once = gradients(cfg, False, part)
    saving, calls = gradients(cfg, True, part)
    assert once < calls <= 2 * once
    assert plain.keys() == saving.keys()
    for name, grad in plain.items():
        torch.testing.assert_close(saving[name], grad, rtol=1e-4, atol=1e-6)
