"""Weights with the names and shapes of the official CAVIS code."""
import importlib.util
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmvis_plugin.models.cavis import StageRecord
from mmvis_plugin.registry import MODELS
from mmvis_plugin.utils.checkpoint import load_weights, read_checkpoint
from mmvis_plugin.utils.convert_weights import empty_weights
from mmvis_plugin.utils.empty_model import build_empty
from ..official_cavis import cavis, mask2former, resnet50, vit

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/model_converters/detectron2_to_mmvis.py'
CONFIGS = ROOT / 'configs/cavis'
CONFIG = """
_base_ = '{root}/configs/_base_/models/cavis_r50.py'
model = dict(
    stage='{stage}',
    segment_head=dict(num_things_classes=25),
    {parts}
    criterion=dict(num_classes=25))
"""
TRACKER = "tracker=dict(type='ContextAwareTracker', num_classes=25),"
REFINER = "refiner=dict(type='TemporalRefiner', num_classes=25),"
STAGES = dict(segmenter='', online=TRACKER, offline=TRACKER + REFINER)
FUSION = 'sem_seg_head.predictor.reid_embed.layers.0.weight'
BUILT = {}


def weights_of(shapes):
    """Return tensors that hold one number each, their own, in few bytes."""
    return {
        name: torch.tensor(float(i)).expand(shape)
        for i, (name, shape) in enumerate(sorted(shapes.items()))
    }


def weights_once(cfg):
    """Return the empty weights of a recipe, perhaps of an earlier call."""
    key = repr(cfg.model)
    if key not in BUILT:
        BUILT[key] = empty_weights(cfg)
    return dict(BUILT[key])


@pytest.fixture
def convert(tmp_path, monkeypatch, capsys):
    """Return a function that runs the tool on weights."""
    spec = importlib.util.spec_from_file_location('detectron2_to_mmvis', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setattr(tool, 'empty_weights', weights_once)
    out = tmp_path / 'ours.pth'

    def run(weights, stage=None, words=(), name='official.pth'):
        path = tmp_path / name
        if isinstance(weights, bytes):
            path.write_bytes(weights)
        else:
            torch.save(
                dict(model=weights, iteration=9, optimizer=dict(state={})),
                path)
        argv = [TOOL.name, str(path), str(out), *words]
        if stage is not None:
            config = tmp_path / f'{stage}.py'
            config.write_text(
                CONFIG.format(root=ROOT, stage=stage, parts=STAGES[stage]))
            argv += ['--config', str(config)]
        monkeypatch.setattr(sys, 'argv', argv)
        code = 0
        try:
            with DefaultScope.overwrite_default_scope('mmdet'):
                tool.main()
        except SystemExit as stop:
            code = stop.code
        printed = capsys.readouterr()
        return code, printed.out + printed.err, out

    return run


@pytest.mark.parametrize('stage', STAGES)
def test_a_published_file_loads_strictly(convert, stage):
    official = weights_of(cavis(stage))
    code, printed, out = convert(official, stage)
    assert code == 0, printed
    dropped = {'criterion.empty_weight', 'sem_seg_head.predictor.laplacian'}
    count = len(official) - len(dropped)
    assert f'{count} tensors, stage {stage!r}' in printed
    content = read_checkpoint(str(out))
    assert content['meta'] == dict(converted_from='Detectron2')
    config = Config.fromfile(out.with_name(f'{stage}.py'))
    model = build_empty(config.model)
    model.load_state_dict(content['state_dict'], strict=True, assign=True)
    model.stage_record.check_testable()
    assert model.stage_record.weights == stage
    # every number arrives, and each but once
    state = content['state_dict']
    state.pop('stage_record.code')
    found = sorted(value.flatten()[0].item() for value in state.values())
    wanted = (v.flatten()[0].item() for k, v in official.items()
              if k not in dropped)
    assert found == sorted(wanted)


def test_arrays_of_the_model_zoo(convert):
    shapes = mask2former(classes=80)
    arrays = {
        name: np.broadcast_to(np.float32(i), shape)
        for i, (name, shape) in enumerate(shapes.items())
        if name.startswith('sem_seg_head.pixel_decoder.mask_f')
    }
    content = pickle.dumps(dict(model=arrays, __author__='Mask2Former'))
    code, printed, out = convert(content, name='model_final.pkl')
    assert code == 0, printed
    assert "stage 'image'" in printed and 'context columns' not in printed
    state = read_checkpoint(str(out))['state_dict']
    name = 'sem_seg_head.pixel_decoder.mask_features.weight'
    assert (state['segment_head.pixel_decoder.mask_feature.weight'] ==
            arrays[name].flat[0]).all()


def test_classes_of_other_data(convert):
    official = weights_of(mask2former(classes=80))
    code, printed, out = convert(official, 'segmenter')
    assert code == 1 and not out.exists() and printed.count('\n') == 1
    assert 'segment_head.cls_embed.bias (81,) instead of (26,)' in printed
    assert 'the classes differ: add --skip-classes' in printed
    code, printed, out = convert(official, 'segmenter', ['--skip-classes'])
    assert code == 0 and 'classes left out' in printed
    state = read_checkpoint(str(out))['state_dict']
    assert not any('cls_embed' in name for name in state)
    # training may start from it, tests may not
    record = StageRecord('segmenter')
    record.load_state_dict(dict(code=state['stage_record.code']))
    with pytest.raises(ValueError, match="weights of stage 'image'"):
        record.check_testable()


def test_files_of_another_stage_tell_of_the_recipe(convert):
    code, printed, out = convert(weights_of(cavis('online')), 'segmenter')
    assert code == 1 and not out.exists() and printed.count('\n') == 1
    assert "name a recipe of stage 'online' with --config" in printed
    code, printed, out = convert(
        weights_of(cavis('online')), 'segmenter', ['--stage', 'segmenter'])
    assert code == 0 and "stage 'segmenter'" in printed
    assert not any(
        name.startswith('tracker.')
        for name in read_checkpoint(str(out))['state_dict'])
    code, printed, _ = convert(
        weights_of(cavis('online')), words=['--stage', 'offline'])
    assert code == 1 and "holds weights of stage 'online'" in printed


def test_options_of_the_released_code_are_named(convert):
    official = weights_of(cavis('online'))
    columns = (torch.rand(256, 512) * 2 - 1) * (3 / 512)**0.5
    official[FUSION] = columns * 0.86
    options = ('model.segment_head.ctx_filter=channel_sum',
               'model.tracker.match_mode=legacy')
    code, printed, _ = convert(official, 'online')
    assert code == 0
    assert 'deviation 0.0379 (drawn: 0.0442)' in printed
    assert f'use them with --cfg-options {" ".join(options)}\n' in printed
    code, printed, _ = convert(official, 'online', ['--cfg-options', *options])
    assert code == 0 and 'use them with' not in printed
    official[FUSION] = torch.randn(256, 512) / 10
    _, printed, _ = convert(official, 'online')
    assert "trained with 'avg'" in printed
    assert f'--cfg-options {options[1]}\n' in printed


def test_a_tracker_of_dvis(convert):
    shapes = cavis('online')
    for name in ('weight', 'bias'):
        del shapes[f'tracker.ctx_query_embed.{name}']
    code, printed, out = convert(weights_of(shapes), 'online')
    assert code == 1 and not out.exists()
    assert '2 tensors of the model are not in the file' in printed
    code, printed, out = convert(weights_of(shapes), 'online', ['--no-strict'])
    assert code == 0 and "stage 'image'" in printed
    assert 'left out or missing: 2 tensors' in printed


def test_dinov2_alone(convert):
    official = weights_of(vit(dims=8, depth=2, patch=14, prefix=''))
    code, printed, out = convert(official)
    assert code == 0 and f"{len(official)} tensors, stage 'image'" in printed
    state = read_checkpoint(str(out))['state_dict']
    assert state['backbone.vit_module.patch_embed.proj.weight'].shape == (8, 3,
                                                                          16,
                                                                          16)


def test_unknown_names(convert):
    official = weights_of({**mask2former(), 'roi_heads.fc.bias': (2, )})
    code, printed, out = convert(official)
    assert code == 1 and not out.exists() and printed.count('\n') == 1
    assert '1 names of the file are not known: roi_heads.fc.bias' in printed
    assert 'write what fits with --no-strict' in printed
    assert convert(official, words=['--no-strict'])[0] == 0


@pytest.mark.parametrize('content, name',
                         [(b'nothing', 'model.pkl'), (b'nothing', 'model.pth'),
                          (pickle.dumps([1]), 'model.pkl'),
                          (pickle.dumps({'a': 1}), 'model.pkl')])
def test_files_without_weights(convert, content, name):
    code, printed, out = convert(content, name=name)
    assert code == 1 and not out.exists()
    assert printed.startswith('error: ') and printed.count('\n') == 1


@pytest.mark.parametrize('backbone', ['swin', 'vit'])
def test_recipes_of_large_backbones(convert, backbone):
    name = dict(swin='swin-l', vit='vit-l')[backbone]
    config = CONFIGS / f'cavis-offline_{name}_8xb1-160k_coco-ovis.py'
    official = weights_of(cavis('offline', backbone=backbone, queries=200))
    code, printed, out = convert(official, words=['--config', str(config)])
    assert code == 0 and "stage 'offline'" in printed, printed
    model = build_empty(Config.fromfile(config).model)
    state = read_checkpoint(str(out))['state_dict']
    model.load_state_dict(state, strict=True, assign=True)
    del state['stage_record.code']
    # what the code computes is not taken from the file
    found = sorted(v.flatten()[0].item() for k, v in state.items()
                   if not k.endswith('relative_position_index'))
    wanted = (v.flatten()[0].item() for k, v in official.items()
              if not k.endswith(('relative_position_index', 'empty_weight',
                                 'laplacian')))
    assert found == sorted(wanted)


def test_dinov2_fits_the_recipe_of_its_backbone(convert):
    config = CONFIGS / 'cavis-segmenter_vit-l_8xb1-40k_vipseg.py'
    official = weights_of(vit(patch=14, prefix=''))
    code, printed, _ = convert(official, words=['--config', str(config)])
    assert code == 0 and f"{len(official)} tensors, stage 'image'" in printed
    del official['norm.bias']
    code, printed, _ = convert(official, words=['--config', str(config)])
    assert code == 1
    assert '1 tensors of the model are not in the file' in printed


def test_numbers_of_the_backbone_are_those_of_resnet50(convert, tmp_path):
    code, _, out = convert(weights_of(resnet50()))
    assert code == 0
    cfg = Config.fromfile(ROOT / 'configs/_base_/models/cavis_r50.py').model
    cfg.backbone.init_cfg = None
    backbone = torch.nn.Module()
    backbone.backbone = MODELS.build(cfg.backbone)
    content = load_weights(backbone, str(out))
    # what Detectron2 freezes has no counters
    counters = [
        name for name in backbone.state_dict() if name.endswith('tracked')
    ]
    assert set(content['state_dict']) | set(counters) == set(
        backbone.state_dict()) | {'stage_record.code'}
