"""Weights with the names and shapes of the official PCAN code."""
import copy
import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmvis_plugin.registry import MODELS
from mmvis_plugin.utils.checkpoint import load_weights, read_checkpoint
from mmvis_plugin.utils.convert_weights import empty_weights
from ..official_pcan import BUFFERS, box_stage, mask_stage, pcan_stage

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/model_converters/pcan_to_mmvis.py'
STAGE_3 = 'configs/pcan/pcan_r50_fpn_4xb2-12e_bdd100k.py'
STAGE_2 = 'configs/pcan/pcan-stage2-mask_r50_fpn_4xb2-12e_bdd100k.py'
STAGE_1 = 'configs/pcan/pcan-stage1-box_r50_fpn_4xb2-12e_bdd100k.py'
BUILT = {}


def weights_of(shapes):
    """Return tensors that hold one number each, their own, in few bytes."""
    return {
        name: (torch.tensor(i) if name.endswith('tracked') else torch.tensor(
            float(i))).expand(shape)
        for i, (name, shape) in enumerate(sorted(shapes.items()))
    }


def our_name(name):
    """Return where the spec of the conversion puts an official weight."""
    if name.startswith('mu'):
        return f'frame_pcam.{name}'
    if name.startswith('roi_head.refine_head.'):
        return name[len('roi_head.'):]
    if name.startswith('roi_head.track_head.'):
        return name.replace('roi_head.track_head', 'track_head.embed_head', 1)
    return f'detector.{name}'


def weights_once(cfg):
    """Return the empty weights of a recipe, perhaps of an earlier call."""
    key = repr(cfg.model)
    if key not in BUILT:
        BUILT[key] = empty_weights(cfg)
    return dict(BUILT[key])


@pytest.fixture
def convert(tmp_path, monkeypatch, capsys):
    """Return a function that runs the tool on weights."""
    spec = importlib.util.spec_from_file_location('pcan_to_mmvis', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setattr(tool, 'empty_weights', weights_once)
    path, out = tmp_path / 'official.pth', tmp_path / 'ours.pth'

    def run(weights, *words):
        meta = dict(mmcv_version='1.2.7', CLASSES=('pedestrian', ), epoch=12)
        optimizer = dict(state={}, param_groups=[dict(lr=1e-4)])
        if isinstance(weights, bytes):
            path.write_bytes(weights)
        else:
            torch.save(
                dict(meta=meta, state_dict=weights, optimizer=optimizer), path)
        monkeypatch.setattr(
            sys, 'argv',
            [TOOL.name, str(path), str(out), *words])
        code = 0
        try:
            with DefaultScope.overwrite_default_scope('mmdet'):
                tool.main()
        except SystemExit as stop:
            code = stop.code
        printed = capsys.readouterr()
        return code, printed.out + printed.err, out

    return run


def build(config):
    """Build the model of a recipe without its initialisation."""
    cfg = copy.deepcopy(Config.fromfile(ROOT / config).model)
    with DefaultScope.overwrite_default_scope('mmdet'):
        with torch.device('meta'):
            model = MODELS.build(cfg)
        return model.to_empty(device='cpu')


def test_the_table_is_that_of_the_published_model():
    shapes = pcan_stage()
    numbers = {
        name: torch.Size(shape).numel()
        for name, shape in shapes.items()
    }
    head = 'roi_head.refine_head.'
    assert sum(
        n for name, n in numbers.items()
        if name.startswith(head) and not name.endswith('_mu')) == 2695681
    # of ResNet-50 without its classifier
    assert sum(n for name, n in numbers.items() if name.startswith('backbone.')
               and not name.endswith(BUFFERS + ('tracked', ))) == 23508032


@pytest.mark.parametrize(
    'config, shapes', [(STAGE_3, pcan_stage()), (STAGE_2, mask_stage()),
                       (STAGE_1, box_stage())],
    ids=['stage3', 'stage2', 'stage1'])
def test_every_weight_arrives_where_it_belongs(convert, config, shapes):
    official = weights_of(shapes)
    code, printed, out = convert(official, '--config', str(ROOT / config))
    assert code == 0, printed
    assert printed.count('\n') == 1 and f'{len(shapes)} tensors' in printed
    model = build(config)
    content = load_weights(model, str(out))
    assert content['meta'] == dict(converted_from='PCAN (mmdet 2)')
    state = model.state_dict()
    assert set(state) == {our_name(name) for name in official}
    for name, tensor in official.items():
        assert torch.equal(state[our_name(name)], tensor), name


def test_bases_of_the_frame_level_may_be_missing(convert):
    shapes = {k: v for k, v in pcan_stage().items() if not k.startswith('mu')}
    code, printed, out = convert(weights_of(shapes))
    assert code == 0 and out.is_file()
    assert 'not in the file, drawn when a model is built' in printed
    assert all(f'frame_pcam.mu{i}' in printed for i in range(5))


def test_bases_of_the_refine_head_may_not(convert):
    shapes = pcan_stage()
    del shapes['roi_head.refine_head.pos_mu']
    code, printed, out = convert(weights_of(shapes), '--no-strict')
    assert code == 1 and not out.exists()
    assert printed.count('\n') == 1 and 'refine_head.pos_mu' in printed


def test_other_numbers_of_prototypes_need_their_keys(convert):
    shapes = pcan_stage(num_protos=64)
    shapes['roi_head.refine_head.neg_mu'] = (1, 256, 30)
    official = weights_of(shapes)
    code, printed, out = convert(official)
    options = ('model.frame_pcam.num_protos=64',
               'model.refine_head.neg_proto_num=30')
    assert code == 1 and not out.exists()
    assert printed.endswith(f'add --cfg-options {" ".join(options)}\n')
    assert '(1, 256, 64) instead of (1, 256, 30)' in printed
    code, printed, out = convert(official, '--cfg-options', *options)
    assert code == 0
    weights = read_checkpoint(str(out))['state_dict']
    assert torch.equal(weights['refine_head.neg_mu'],
                       official['roi_head.refine_head.neg_mu'])


def test_bases_of_another_shape_are_left_out_only_on_request(convert):
    official = weights_of(pcan_stage(num_protos=64))
    assert convert(official)[0] == 1
    code, printed, out = convert(official, '--no-strict')
    assert code == 0 and '5 tensors have another shape' in printed
    assert 'frame_pcam.mu0' not in read_checkpoint(str(out))['state_dict']


def test_unknown_keys(convert):
    shapes = dict(pcan_stage(), **{'aux_head.conv.weight': (4, 4)})
    shapes['roi_head.mask_head.convs.9.conv.bias'] = (256, )
    official = weights_of(shapes)
    code, printed, out = convert(official)
    assert code == 1 and not out.exists() and printed.count('\n') == 1
    for text in ('1 names of the file are not known: aux_head.conv.weight',
                 '1 tensors of the file are not in the model: detector.roi_'
                 'head.mask_head.convs.9.conv.bias', '--no-strict'):
        assert text in printed
    code, printed, out = convert(official, '--no-strict')
    assert code == 0 and 'left out or missing: 1 names' in printed
    weights = read_checkpoint(str(out))['state_dict']
    assert set(weights) == {our_name(name) for name in pcan_stage()}


@pytest.mark.parametrize('name', [
    'roi_head.refine_head.convs.3.conv.bias', 'neck.refine_head.conv.weight',
    'refine_head.conv1.conv.weight'
])
def test_a_weight_of_the_refine_head_is_never_left_out(convert, name):
    official = weights_of({**pcan_stage(), name: (256, )})
    code, printed, out = convert(official, '--no-strict')
    assert code == 1 and not out.exists()
    assert name.replace('roi_head.', '') in printed


def test_weights_of_another_stage_tell_of_the_config(convert):
    code, printed, out = convert(weights_of(mask_stage()))
    assert code == 1 and not out.exists()
    assert '16 tensors of the model are not in the file' in printed
    assert 'name its recipe with --config' in printed


def test_a_damaged_file(convert, tmp_path):
    whole = tmp_path / 'whole.pth'
    torch.save(dict(state_dict=weights_of(pcan_stage())), whole)
    code, printed, out = convert(whole.read_bytes()[:-500])
    assert code == 1 and not out.exists()
    assert printed.count('\n') == 1 and 'not a whole checkpoint' in printed
    code, printed, out = convert(b'no checkpoint')
    assert code == 1 and printed.startswith('error: ')
