"""The recipes of CAVIS on OVIS, YouTube-VIS and VIPSeg, as published."""
import itertools
from pathlib import Path

import pytest
import torch.nn as nn
from mmengine.optim import build_optim_wrapper
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm

from .recipe_steps import build_empty
from .recipes import load, recipes_of
from .test_configs_cavis import datasets_of

VIS = ('coco-ovis', 'coco-youtubevis2019', 'coco-youtubevis2021')
BACKBONES = dict(
    r50='ResNet', **{
        'swin-l': 'SwinTransformer',
        'vit-l': 'ViTAdapter'
    })
FRAMES = dict(segmenter=3, online=5, offline=15)
# published numbers of parameters, without classes; maps of Swin have norms,
# patches of ViT-L/14 become 16 pixels wide
RESNET = 25557032 - 2049000
SWIN = 196735516 - 1537000 + 2 * (192 + 384 + 768)
VIT = 304368640 + 3 * 1024 * (16**2 - 14**2)
ADAPTER = 22948800
BENCHMARKS = list(itertools.product(FRAMES, BACKBONES, (*VIS, 'vipseg')))
OVIS = 'cavis-offline_{}_8xb1-160k_coco-ovis'


def iterations(stage, data):
    """Return the thousands of iterations of a recipe."""
    return 160 if data in VIS and stage != 'segmenter' else 40


def recipe(stage, backbone, data):
    """Return the parsed config of a benchmark."""
    iters = iterations(stage, data)
    return load(
        f'configs/cavis/cavis-{stage}_{backbone}_8xb1-{iters}k_{data}.py')


def ablation(kind, stage='segmenter'):
    """Return the parsed config of a row of Table 3."""
    return load('configs/cavis/ablations/cavis-'
                f'{stage}_r50_{kind}_8xb1-40k_coco-ovis.py')


def test_every_stage_has_every_backbone_on_every_benchmark():
    found = {
        Path(name).stem
        for name in recipes_of('cavis')
        if 'movingshapes' not in name and 'ablations' not in name
    }
    assert found == {
        f'cavis-{stage}_{backbone}_8xb1-{iterations(stage, data)}k_{data}'
        for stage, backbone, data in BENCHMARKS
    }


@pytest.mark.parametrize('stage, backbone, data', BENCHMARKS)
def test_models(stage, backbone, data):
    model = recipe(stage, backbone, data).model
    assert model.stage == stage and model.backbone.type == BACKBONES[backbone]
    head = model.segment_head
    assert head.num_queries == (100 if backbone == 'r50' else 200)
    assert (head.ctx_filter, head.ctx_kernel_size) == ('avg', 9)
    things, stuff = dict(
        zip((*VIS, 'vipseg'), ((25, 0), (40, 0), (40, 0), (58, 66))))[data]
    assert (head.num_things_classes, head.num_stuff_classes) == (things, stuff)
    assert model.task == ('vps' if data == 'vipseg' else 'vis')
    if data in VIS:
        assert model.test_cfg.topk == (20 if 'ovis' in data else 10)
    # the references are compared on YouTube-VIS alone
    has_ref = model.get('loss_ref') is not None
    assert has_ref == ('youtube' in data and stage == 'online')
    assert ('tracker' in model, 'refiner'
            in model) == (stage != 'segmenter', stage == 'offline')
    assert model.criterion.num_points == 12544


@pytest.mark.parametrize('stage, backbone, data', BENCHMARKS)
def test_schedules(stage, backbone, data):
    cfg = recipe(stage, backbone, data)
    thousands = iterations(stage, data)
    assert cfg.train_cfg.max_iters == 1000 * thousands
    assert cfg.param_scheduler == dict(
        type='MultiStepLR',
        by_epoch=False,
        begin=0,
        end=1000 * thousands,
        milestones=[700 * thousands],
        gamma=0.1)
    optim = cfg.optim_wrapper
    assert optim.type == 'AmpOptimWrapper'
    assert optim.optimizer == dict(type='AdamW', lr=1e-4, weight_decay=0.05)
    assert optim.clip_grad == dict(max_norm=0.01, norm_type=2)


@pytest.mark.parametrize('stage, backbone, data', BENCHMARKS)
def test_clips(stage, backbone, data):
    cfg = recipe(stage, backbone, data)
    datasets = datasets_of(cfg)
    assert {d.pipeline[0].num_frames for d in datasets} == {FRAMES[stage]}
    assert datasets[0].pipeline[0].get('frame_range') == (
        2 if stage == 'segmenter' else None)
    assert all(d.pipeline[1].share_random_params for d in datasets)
    crops = ['RandomCrop' in str(d.pipeline) for d in datasets]
    if data == 'vipseg':
        assert crops == [stage == 'offline']
        return
    video, images = datasets
    assert crops == [True, True]
    assert images.type == 'CocoPseudoVideoDataset'
    assert images.clip_length == FRAMES[stage]
    assert cfg.train_dataloader.sampler == dict(
        type='JointVideoSampler', ratio=(1, 1))
    steps = [t.type for t in images.pipeline[1].transforms]
    assert [s for s in steps if s != 'PseudoRotation'
            ] == [t.type for t in video.pipeline[1].transforms]


@pytest.mark.parametrize('data', [*VIS, 'vipseg'])
@pytest.mark.parametrize('backbone', BACKBONES)
def test_segmenters_start_from_mask2former_with_their_backbone(backbone, data):
    path = recipe('segmenter', backbone, data).load_from
    kind = 'panoptic' if data == 'vipseg' else 'instance'
    assert path.startswith(f'checkpoints/mask2former_{backbone}')
    assert path.endswith(f'_coco-{kind}.pth')


def expected_options(model):
    """Yield parameters with the factor of their rate and their decay."""
    norms = (nn.LayerNorm, nn.GroupNorm, _BatchNorm)
    for prefix, module in model.named_modules():
        for name, param in module.named_parameters(prefix, recurse=False):
            part = name.split('.')[0]
            plain = isinstance(module,
                               norms) or (part == 'segment_head'
                                          and 'pixel_decoder' not in name
                                          and isinstance(module, nn.Embedding))
            plain |= name.endswith('relative_position_bias_table')
            yield param, 0.1 if part == 'backbone' else 1., 0. if plain else 1.


@pytest.mark.parametrize('backbone', BACKBONES)
def test_learning_rates_and_decays_of_segmenters(backbone):
    cfg = recipe('segmenter', backbone, 'coco-ovis')
    model = build_empty(
        f'configs/cavis/cavis-segmenter_{backbone}_8xb1-40k_coco-ovis.py')
    optim = build_optim_wrapper(model,
                                dict(cfg.optim_wrapper,
                                     type='OptimWrapper')).optimizer
    options = {
        param: (group['lr'], group['weight_decay'])
        for group in optim.param_groups
        for param in group['params']
    }
    decays = set()
    for param, rate, decay in expected_options(model):
        if param.requires_grad:
            assert options[param] == pytest.approx((1e-4 * rate, 0.05 * decay))
            decays.add((rate, decay))
    assert len(decays) == (3 if backbone == 'r50' else 4)


def test_the_linear_layer_of_the_tracker_decays():
    name = OVIS.replace('offline', 'online').format('r50')
    model = build_empty(f'configs/cavis/{name}.py')
    cfg = recipe('online', 'r50', 'coco-ovis').optim_wrapper
    optim = build_optim_wrapper(model, dict(cfg, type='OptimWrapper'))
    for group in optim.optimizer.param_groups:
        if group['params'][0] is model.tracker.ctx_query_embed.weight:
            assert group['weight_decay'] == 0.05


@pytest.mark.parametrize('backbone', BACKBONES)
def test_models_at_full_size(backbone):
    model = build_empty(f'configs/cavis/{OVIS.format(backbone)}.py')
    sizes = {
        part: sum(p.numel() for p in getattr(model, part).parameters())
        for part in ('backbone', 'tracker', 'refiner')
    }
    assert sizes['tracker'] == 9808410 and sizes['refiner'] == 14411291
    assert sizes['backbone'] == dict(
        zip(BACKBONES, (RESNET, SWIN, VIT + ADAPTER)))[backbone]
    trained = {
        name.split('.')[0]
        for name, p in model.named_parameters() if p.requires_grad
    }
    assert trained == {'refiner'}


def differences(cfg, base, path=''):
    """Return the keys whose values differ, and the values of ``cfg``."""
    found = {}
    for key in {*cfg, *base}:
        ours, theirs = cfg.get(key), base.get(key)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            found.update(differences(ours, theirs, f'{path}{key}.'))
        elif ours != theirs:
            found[path + key] = ours
    return found


NO_CONTEXT = {'segment_head.with_context': False}
NO_CTX = {'loss_ctx.loss_weight': 0., 'loss_ctx.aux_weight': 0.}
NO_PCC = {'loss_pcc.loss_weight': 0., 'loss_pcc.aux_weight': 0.}


@pytest.mark.parametrize('kind, changes', [
    ('baseline', {**NO_CONTEXT, **NO_CTX, **NO_PCC}),
    ('plain-cl', {**NO_CONTEXT, **NO_PCC}),
    ('ctx', NO_PCC),
    ('pcc', {**NO_CONTEXT, **NO_CTX}),
    ('plain-cl-pcc', NO_CONTEXT),
    ('frames2', {}),
    ('frames4', {}),
    ('learnable-filter', {'segment_head.ctx_filter': 'learnable'}),
    *((f'kernel{k}', {'segment_head.ctx_kernel_size': k})
      for k in (3, 5, 7, 11)),
])  # yapf: disable
def test_ablations_of_the_segmenter(kind, changes):
    cfg, base = ablation(kind), recipe('segmenter', 'r50', 'coco-ovis')
    assert differences(cfg.model, base.model) == changes
    frames = {d.pipeline[0].num_frames for d in datasets_of(cfg)}
    assert frames == {4 if kind == 'frames4' else 2}
    assert datasets_of(cfg)[1].clip_length in frames
    for key in ('optim_wrapper', 'param_scheduler', 'load_from'):
        assert cfg[key] == base[key]


@pytest.mark.parametrize('kind, changes',
                         [('base', {}),
                          ('plain-attention', {
                              'tracker.context_attention': False
                          }), ('no-alignment', {
                              'tracker.align_context': False
                          })])
def test_ablations_of_the_tracker(kind, changes):
    cfg = ablation(kind, 'online')
    base = recipe('online', 'r50', 'coco-ovis')
    assert differences(cfg.model, base.model) == changes
    assert cfg.train_dataloader == base.train_dataloader
    assert cfg.train_cfg.max_iters == cfg.param_scheduler.end == 40000
    assert cfg.param_scheduler.milestones == [28000]
