import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.registry import init_default_scope

from mmvis_plugin.registry import MODELS

DATA = Path(__file__).parents[2] / 'data/cavis'
CONFIGS = Path(__file__).parents[3] / 'configs'
BASE = Config.fromfile(CONFIGS / '_base_/models/cavis_r18_tiny.py').model

CHANNELS, CLASSES = 16, 3
ATTENTION = dict(embed_dims=CHANNELS, num_heads=2)
FFN = dict(embed_dims=CHANNELS, feedforward_channels=16)
LAYER = dict(self_attn_cfg=ATTENTION, ffn_cfg=FFN)
SMALL = dict(
    backbone=dict(base_channels=8, stem_channels=8),
    segment_head=dict(
        in_channels=[8, 16, 32, 64],
        feat_channels=CHANNELS,
        out_channels=CHANNELS,
        num_things_classes=CLASSES,
        num_queries=6,
        pixel_decoder=dict(
            encoder=dict(num_layers=1, layer_cfg=LAYER),
            positional_encoding=dict(num_feats=CHANNELS // 2)),
        positional_encoding=dict(num_feats=CHANNELS // 2),
        transformer_decoder=dict(
            num_layers=2, layer_cfg=dict(LAYER, cross_attn_cfg=ATTENTION))),
    criterion=dict(num_classes=CLASSES, num_points=64))
LATER = dict(
    num_classes=CLASSES,
    embed_dims=CHANNELS,
    num_heads=2,
    feedforward_channels=16,
    num_layers=2)
STAGES = dict(
    segmenter=(),
    online=('ContextAwareTracker', ),
    offline=('ContextAwareTracker', 'TemporalRefiner'))


class Reference(dict):
    """Arrays of a file; those of its state dict are ``weights``."""

    def __init__(self, path):
        with np.load(path) as file:
            super().__init__((key, torch.from_numpy(np.asarray(file[key])))
                             for key in file.files)
        self.weights = {
            key[3:]: value
            for key, value in self.items() if key.startswith('sd/')
        }

    def number(self, key):
        return self[key].item()


@pytest.fixture
def reference():
    """Return a function that loads a file of expected values."""
    return lambda name: Reference(DATA / f'cavis_{name}.npz')


@pytest.fixture
def build():
    """Return a function that builds a small CAVIS; ``a__b=v`` sets ``a.b``.

    It has the tracker and refiner of another stage with ``parts_of``.
    """

    def build_model(stage='segmenter',
                    train=False,
                    seed=0,
                    parts_of=None,
                    **overrides):
        cfg = Config(dict(model=copy.deepcopy(BASE)))
        cfg.merge_from_dict(dict(model=dict(SMALL, stage=stage)))
        parts = zip(('tracker', 'refiner'), STAGES[parts_of or stage])
        cfg.merge_from_dict({
            f'model.{name}': dict(LATER, type=part)
            for name, part in parts
        })
        cfg.merge_from_dict({
            f'model.{key.replace("__", ".")}': value
            for key, value in overrides.items()
        })
        init_default_scope('mmdet')
        torch.manual_seed(seed)
        model = MODELS.build(cfg.model)
        model.init_weights()
        return model.train(train)

    return build_model


@pytest.fixture
def at_iteration():
    """Return a function that sets the iteration as a runner does."""
    hub = MessageHub.get_current_instance()

    def set_iteration(iteration, max_iters=100):
        hub.update_info('iter', iteration)
        hub.update_info('max_iters', max_iters)

    yield set_iteration
    for key in ('iter', 'max_iters'):
        hub.runtime_info.pop(key, None)
