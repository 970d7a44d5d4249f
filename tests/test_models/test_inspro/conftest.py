"""A tiny InsPro built from the shipped tiny base config."""
import copy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmvis_plugin import testing
from mmvis_plugin.registry import MODELS

CONFIGS = Path(__file__).parents[3] / 'configs'
BASE = Config.fromfile(CONFIGS / '_base_/models/inspro_r18_fpn_tiny.py').model

SMALL = dict(
    rpn_head__num_proposals=8,
    backbone__base_channels=8,
    backbone__stem_channels=8,
    neck__in_channels=[8, 16, 32, 64],
    roi_head__bbox_head__num_classes=3,
    roi_head__bank_size=3,
    test_cfg__frame_score_thr=0.)


def small_cfg(**overrides):
    cfg = Config(dict(model=copy.deepcopy(BASE)))
    cfg.merge_from_dict({
        f'model.{key.replace("__", ".")}': value
        for key, value in {
            **SMALL,
            **overrides
        }.items()
    })
    return cfg.model


@pytest.fixture
def build():
    """Return a function that builds a model; ``a__b=v`` sets ``a.b``."""

    def build_model(train: bool = False, seed: int = 0, **overrides):
        cfg = small_cfg(**overrides)
        init_default_scope('mmdet')
        torch.manual_seed(seed)
        model = MODELS.build(cfg)
        model.init_weights()
        if model.roi_head.mask_head is not None:
            # masks that are not all of one sign, so that results have masks
            for head in model.roi_head.bbox_head:
                torch.nn.init.normal_(head.fc_mask.bias, std=1.)
        return model.train(train)

    build_model.cfg = small_cfg()
    return build_model


@pytest.fixture
def frames():
    """Encoded frames and metainfo of one clip."""

    def encode(model, num_frames=3, seed=0):
        inputs, samples = testing.fake_clips([[[]] * num_frames], seed=seed)
        with torch.no_grad():
            feats = [
                model.encode(inputs[0, t:t + 1]) for t in range(num_frames)
            ]
        return feats, [frame.metainfo for frame in samples[0]]

    return encode


@pytest.fixture
def roll():
    """Return a function that advances a model over encoded frames."""

    def advance(model, feats, metas, state=None):
        state = state or model.init_state(metas[0])
        outputs, states = [], [state]
        with torch.no_grad():
            for feat, meta in zip(feats, metas):
                output, state = model.advance(feat, meta, state)
                outputs.append(output)
                states.append(state)
        return outputs, states

    return advance
