"""One training and one test step of a shipped config, at a small size."""
import copy
from dataclasses import dataclass

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from mmvis_plugin.registry import MODELS
from mmvis_plugin.testing import add_panoptic_maps, fake_clips
from mmvis_plugin.utils import empty_model
from .recipes import inner_model, load, num_classes

# widths and depths that cost time and are not what a config decides
WIDTHS = {64: 8, 100: 12, 128: 8, 256: 32, 1024: 32, 2048: 32}
WIDE_KEYS = {
    'in_channels', 'out_channels', 'feat_channels', 'embed_dims', 'channels',
    'conv_out_channels', 'fc_out_channels', 'embed_channels',
    'proposal_feature_channel', 'feedforward_channels', 'num_proposals',
    'encode_channels'
}
SMALL_BACKBONES = dict(
    ResNet={'base_channels': 8},
    SwinTransformer={
        'embed_dims': 32,
        'depths': [1, 1, 1, 1],
        'num_heads': [2, 2, 2, 2],
        'window_size': 2,
        'drop_path_rate': 0.
    },
    ViTAdapter={
        'vit': dict(embed_dims=32, depth=4, num_heads=2, img_size=96),
        'stem_channels': 4,
        'num_heads': 4
    })
SMALL_SLOTS = dict(
    embed_dims=32, num_heads=4, feedforward_channels=32, num_layers=2)
# by type; untrained models find something
SMALL = dict(
    CAVIS={
        'segment_head.num_queries': 10,
        'segment_head.positional_encoding.num_feats': 16,
        'segment_head.pixel_decoder.positional_encoding.num_feats': 16,
        'segment_head.pixel_decoder.encoder.num_layers': 1,
        'segment_head.transformer_decoder.num_layers': 2,
        'criterion.num_points': 64,
        'test_cfg.topk': 10
    },
    CAVISImageSegmenter={},
    HybridTracker={'segmentor.init_cfg': None},
    InsPro={'roi_head.num_stages': 2},
    InsProImageDetector={'roi_head.num_stages': 2},
    # more than one value per group in the smallest level
    PanopticFCN={'panoptic_head.norm_cfg': dict(type='GN', num_groups=8)},
    PCAN={
        'detector.init_cfg': None,
        'tracker.init_score_thr': 0.,
        'tracker.obj_score_thr': 0.
    },
    PCANMaskRCNN={
        'test_cfg.rcnn.score_thr': 0.,
        'test_cfg.rcnn.max_per_img': 5
    },
    PCANCondInst={
        # more than one value per group in the smallest level
        'bbox_head.norm_cfg': dict(type='GN', num_groups=8),
        'test_cfg.score_thr': 0.,
        'test_cfg.max_per_img': 5
    })
STEPS = {}


def narrow(cfg):
    """Return a copy of a model config with narrow layers."""
    if not isinstance(cfg, dict):
        return cfg
    small = {key: narrow(value) for key, value in cfg.items()}
    for key in WIDE_KEYS & set(cfg):
        if isinstance(cfg[key], int):
            small[key] = WIDTHS.get(cfg[key], cfg[key])
    return small


def small_model(cfg):
    """Return the model config at a size that trains in a second."""
    inner = inner_model(cfg)
    parts = {'model.': cfg.model}
    for name in ('detector', 'segmentor'):
        if cfg.model.get(name) is not None:
            parts[f'model.{name}.'] = inner
    wide = inner.backbone.get('depth', 50) >= 50
    changes = {}
    for prefix, part in parts.items():
        few = {}
        # of two parts, the inner one has the backbone
        if 'backbone' in part:
            few['backbone.init_cfg'] = None
        if wide and 'backbone' in part:
            few.update(small_backbone(part))
        if wide or inner is not cfg.model:
            few.update(SMALL[part.type])
        if wide and part.type == 'CAVIS':
            few.update(small_slots(part))
        if part.get('flow') is not None:
            few['flow'] = small_flow(part.flow)
        changes.update({prefix + key: value for key, value in few.items()})
    small = Config(dict(model=narrow(cfg.model) if wide else cfg.model))
    small = copy.deepcopy(small)
    small.merge_from_dict(changes)
    return small.model


def small_backbone(cfg):
    """Return changes to the backbone of a model, and to what reads it."""
    kind = cfg.backbone.type
    few = {f'backbone.{k}': v for k, v in SMALL_BACKBONES[kind].items()}
    reader = 'segment_head' if cfg.type == 'CAVIS' else 'neck'
    few[f'{reader}.in_channels'] = [32] * 4 if kind == 'ViTAdapter' else [
        32, 64, 128, 256
    ]
    return few


def small_slots(cfg):
    """Return changes to the parts of CAVIS that follow its backbone.

    Recipes that differ in the number of instance classes become one.
    """
    few = {'loss_ref': cfg.get('loss_ref')}
    for name in ('tracker', 'refiner'):
        if cfg.get(name):
            few.update({f'{name}.{k}': v for k, v in SMALL_SLOTS.items()})
    if cfg.task == 'vis':
        few['segment_head.num_things_classes'] = 5
        for name in ('criterion', 'tracker', 'refiner'):
            if cfg.get(name):
                few[f'{name}.num_classes'] = 5
    return few


def small_flow(cfg):
    """Return a flow source that needs neither time nor files."""
    if cfg.type == 'RAFT':
        return dict(cfg, iters=1, init_cfg=None)
    return dict(type='ZeroFlow', _delete_=True)


def build(cfg):
    """Build and initialise a model."""
    torch.manual_seed(0)
    model = MODELS.build(copy.deepcopy(cfg))
    model.init_weights()
    return model


def build_empty(name):
    """Build the model of a config without memory for its weights."""
    return empty_model.build_empty(copy.deepcopy(load(name).model))


def num_clip_frames(cfg):
    """Return how many frames the training clips of a config have."""
    if cfg.train_dataloader is None:
        return 2
    dataset = cfg.train_dataloader.dataset
    counts = {
        dataset.pipeline[0].num_frames
        for dataset in dataset.get('datasets', [dataset])
    }
    assert len(counts) == 1
    return counts.pop()


def is_panoptic(cfg):
    """Tell whether the model of a config predicts panoptic maps."""
    return (cfg.model.get('task') == 'vps' or 'segmentor' in cfg.model
            or 'panoptic_head' in cfg.model)


def num_things(cfg):
    """Return how many classes of a panoptic model are things."""
    model = inner_model(cfg)
    if 'panoptic_head' in model:
        return model.panoptic_head.num_things
    return model.segment_head.num_things_classes


def fake_batch(cfg):
    """Return inputs and samples as the preprocessor would hand them on."""
    classes = num_classes(cfg)
    if cfg.model.type == 'InsProImageDetector':
        inputs, clips = fake_clips([[[1, 2]], [[]]], classes)
        return inputs[:, 0], [clip[0] for clip in clips]
    ids = [[1, 2], [2], [], [2, 3], [1, 3]][:num_clip_frames(cfg)]
    if cfg.model.type == 'HybridTracker':
        # a softmax over one object learns nothing
        ids = [[1, 2, 3], [3, 1, 2]]
    if is_panoptic(cfg):
        classes = num_things(cfg)
    inputs, samples = fake_clips([ids], classes)
    if is_panoptic(cfg):
        add_panoptic_maps(samples, classes)
    if cfg.model.type == 'PCAN':
        samples[0].set_metainfo(dict(key_frames_inds=[1], ref_frames_inds=[0]))
    return inputs, samples


@dataclass
class Steps:
    """What one training and one test step of a config left.

    Attributes:
        losses (dict): Of the training step.
        trainable (set): Names of parameters.
        reached (set): Those with a finite gradient.
        changed (set): Those that the optimizer changed.
        results (list): Of the test step.
    """
    losses: dict
    trainable: set
    reached: set
    changed: set
    results: list


def predict(model, cfg):
    """Predict a fake batch."""
    with torch.no_grad():
        return model.eval().predict(*fake_batch(cfg))


def run_steps(model, cfg):
    """Train on a fake batch, if the config trains, then predict it."""
    if cfg.optim_wrapper is None:
        return Steps({}, set(), set(), set(), predict(model, cfg))
    params = dict(model.named_parameters())
    before = {name: p.detach().clone() for name, p in params.items()}
    # mixed precision has tests of its own
    optim = dict(cfg.optim_wrapper, type='OptimWrapper')
    optim.pop('dtype', None)
    optim_wrapper = build_optim_wrapper(model, optim)
    losses = model.train().loss(*fake_batch(cfg))
    total, _ = model.parse_losses(losses)
    optim_wrapper.backward(total)
    graded = {n: p.grad for n, p in params.items() if p.grad is not None}
    reached = {name for name, g in graded.items() if g.isfinite().all()}
    optim_wrapper.step()
    changed = {n for n, p in params.items() if not p.equal(before[n])}
    trainable = {n for n, p in params.items() if p.requires_grad}
    return Steps(losses, trainable, reached, changed, predict(model, cfg))


def take_steps(name):
    """Return :class:`Steps`, once for configs that do not differ in them."""
    cfg = load(name)
    frames = cfg.model.type != 'InsProImageDetector' and num_clip_frames(cfg)
    model = small_model(cfg)
    key = repr((model, cfg.optim_wrapper, frames))
    if key not in STEPS:
        STEPS[key] = run_steps(build(model), cfg)
    return STEPS[key]
