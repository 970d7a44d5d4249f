"""A tiny PCAN built from the shipped tiny base config."""
import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmvis_plugin import testing
from mmvis_plugin.registry import MODELS

CONFIGS = Path(__file__).parents[3] / 'configs'
MODELS_DIR = CONFIGS / '_base_/models'
BASE = Config.fromfile(MODELS_DIR / 'pcan_r18_fpn_tiny.py').model
ONE_STAGE = Config.fromfile(MODELS_DIR / 'pcan-condinst_r18_fpn_tiny.py').model

SMALL = dict(
    detector__backbone__base_channels=8,
    detector__backbone__stem_channels=8,
    detector__neck__in_channels=[8, 16, 32, 64],
    detector__roi_head__bbox_head__num_classes=3,
    detector__roi_head__mask_head__num_classes=3,
    detector__test_cfg__rpn__max_per_img=20,
    # an untrained model finds something
    detector__test_cfg__rcnn__score_thr=0.,
    detector__test_cfg__rcnn__max_per_img=8,
    tracker__init_score_thr=0.2,
    tracker__obj_score_thr=0.)

SMALL_ONE_STAGE = dict(
    detector__backbone__base_channels=8,
    detector__backbone__stem_channels=8,
    detector__neck__in_channels=[8, 16, 32],
    detector__bbox_head__num_classes=3,
    detector__test_cfg__score_thr=0.,
    detector__test_cfg__max_per_img=8,
    tracker__init_score_thr=0.,
    tracker__obj_score_thr=-1.)


def build_from(base, overrides, train, seed):
    cfg = Config(dict(model=copy.deepcopy(base)))
    cfg.merge_from_dict({
        f'model.{key.replace("__", ".")}': value
        for key, value in overrides.items()
    })
    init_default_scope('mmdet')
    torch.manual_seed(seed)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model.train(train)


@pytest.fixture
def build():
    """Return a function that builds a model; ``a__b=v`` sets ``a.b``."""

    def build_model(train: bool = False, seed: int = 0, **overrides):
        return build_from(BASE, {**SMALL, **overrides}, train, seed)

    return build_model


@pytest.fixture
def build_one_stage():
    """Return a function that builds a one-stage model."""

    def build_model(train: bool = False, seed: int = 0, **overrides):
        return build_from(ONE_STAGE, {
            **SMALL_ONE_STAGE,
            **overrides
        }, train, seed)

    return build_model


@pytest.fixture
def pairs():
    """Return a function that makes clips of a key and a reference frame."""

    def fake_pairs(ids, key=0, **kwargs):
        inputs, samples = testing.fake_clips(ids, **kwargs)
        for sample in samples:
            sample.set_metainfo(
                dict(key_frames_inds=[key], ref_frames_inds=[1 - key]))
        return inputs, samples

    return fake_pairs


@pytest.fixture(params=['case1', 'case2'])
def case(request):
    """Return a function that gives arrays of a recorded run as tensors."""
    path = Path(__file__).parents[2] / f'data/pcan/pcan_em_{request.param}.npz'
    arrays = np.load(path)

    def tensor(key):
        return torch.from_numpy(arrays[key])

    tensor.weights = {
        key[2:]: tensor(key)
        for key in arrays.files if key.startswith('w.')
    }
    return tensor
