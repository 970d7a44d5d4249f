"""Weights with the names and shapes of the official PanopticFCN code."""
import importlib.util
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

from mmvis_plugin.models.panoptic_fcn.official_weights import convert_official
from mmvis_plugin.utils.checkpoint import read_checkpoint
from ..official_panoptic_fcn import COUNTS, PYRAMID, official_shapes
from ..recipe_steps import build_empty

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/model_converters/panoptic_fcn_to_mmvis.py'
RECIPES = 'configs/hybrid_tracker'
COCO = f'{RECIPES}/panoptic-fcn_r50_fpn_8xb2-90k_coco.py'
STAR = f'{RECIPES}/panoptic-fcn-star_r50_fpn_8xb2-270k_coco.py'
STREET = f'{RECIPES}/panoptic-fcn_r50_fpn_8xb4-65k_cityscapes.py'


def weights_of(shapes):
    """Return tensors that hold one number each, their own, in few bytes."""
    return {
        name: torch.tensor(float(i)).expand(shape)
        for i, (name, shape) in enumerate(sorted(shapes.items()))
    }


@pytest.fixture
def convert(tmp_path, monkeypatch, capsys):
    """Return a function that runs the tool on weights."""
    spec = importlib.util.spec_from_file_location('panoptic_fcn', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    out = tmp_path / 'ours.pth'

    def run(weights, *words, name='official.pth'):
        path = tmp_path / name
        if isinstance(weights, bytes):
            path.write_bytes(weights)
        else:
            extra = dict(pixel_mean=torch.zeros(3, 1, 1), iteration=89999)
            torch.save(dict(model={**weights}, **extra), path)
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


def test_the_table_is_that_of_the_published_model():
    numbers = {
        name: torch.Size(shape).numel()
        for name, shape in official_shapes().items()
    }
    for part, count in COUNTS.items():
        assert count == sum(n for name, n in numbers.items()
                            if name.startswith(f'{part}.')), part
    assert PYRAMID == sum(n for name, n in numbers.items()
                          if name.startswith(('backbone.fpn',
                                              'backbone.top_block')))


@pytest.mark.parametrize(
    'config, shapes', [
        (COCO, official_shapes()),
        (STAR, official_shapes(star=True)),
        (STREET, official_shapes(8, 19)),
    ],
    ids=['coco', 'star', 'cityscapes'])
def test_every_weight_arrives_once(convert, config, shapes):
    official = weights_of(shapes)
    code, printed, out = convert(official, '--config', str(ROOT / config))
    assert code == 0, printed
    assert f'{len(shapes)} tensors' in printed
    assert 'mean="[123.675,116.28,103.53]"' in printed
    content = read_checkpoint(str(out))
    assert content['meta'] == dict(converted_from='PanopticFCN (Detectron2)')
    ours = content['state_dict']
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = build_empty(config).state_dict()
    assert set(ours) == {
        name
        for name in model if not name.endswith('num_batches_tracked')
    }
    assert all(ours[name].shape == model[name].shape for name in ours)
    values = sorted(float(value.flatten()[0]) for value in ours.values())
    assert values == list(range(len(shapes)))


@pytest.mark.parametrize('theirs, ours', [
    ('backbone.bottom_up.res2.0.shortcut.norm.running_var',
     'backbone.layer1.0.downsample.1.running_var'),
    ('backbone.bottom_up.res5.2.conv3.weight',
     'backbone.layer4.2.conv3.weight'),
    ('backbone.bottom_up.stem.conv1.norm.bias', 'backbone.bn1.bias'),
    ('backbone.fpn_lateral5.bias', 'neck.lateral_convs.3.conv.bias'),
    ('backbone.top_block.p6.weight', 'neck.fpn_convs.4.conv.weight'),
    ('semantic_fpn.p4.2.norm.weight',
     'panoptic_head.semantic_fpn.levels.2.conv.1.gn.weight'),
    ('position_head.position_head.position_head_head_2.offset_mask_conv.bias',
     'panoptic_head.position_head.tower.convs.1.conv.conv_offset.bias'),
    ('position_head.position_head.position_head_head_3.dcnv2.norm.bias',
     'panoptic_head.position_head.tower.convs.2.gn.bias'),
    ('kernel_head.kernel_head.kernel_head_head_1.weight',
     'panoptic_head.kernel_head.tower.convs.0.conv.weight'),
    ('feature_encoder.encode_head.encode_head_head_3.bias',
     'panoptic_head.feature_encoder.convs.2.conv.bias'),
    ('thing_generator.embed_extractor.weight',
     'panoptic_head.thing_embed.weight'),
])
def test_places(converted, theirs, ours):
    official, weights = converted
    assert weights[ours].flatten()[0] == official[theirs].flatten()[0]


@pytest.fixture(scope='module')
def converted():
    """Return official weights and the converted ones."""
    official = weights_of(official_shapes())
    return official, convert_official(official).weights


def test_values_are_kept_and_embeddings_flattened(convert):
    shapes = official_shapes()
    official = weights_of(shapes)
    name = 'stuff_generator.embed_extractor.weight'
    official[name] = torch.randn(shapes[name])
    inner = 'kernel_head.out_conv.weight'
    official[inner] = torch.randn(shapes[inner])
    _, _, out = convert(official)
    ours = read_checkpoint(str(out))['state_dict']
    assert torch.equal(ours['panoptic_head.stuff_embed.weight'],
                       official[name][:, :, 0, 0])
    assert torch.equal(ours['panoptic_head.kernel_head.out_conv.weight'],
                       official[inner])


def test_rows_of_cityscapes_get_the_order_of_labels(convert):
    official = weights_of(official_shapes(8, 19))
    rows = torch.arange(19.)
    official['position_head.out_sem.bias'] = rows
    official['position_head.out_sem.weight'] = rows[:, None, None,
                                                    None].expand(
                                                        19, 256, 3, 3)
    official['position_head.out_inst.bias'] = torch.arange(8.)
    code, printed, out = convert(official, '--config', str(ROOT / STREET),
                                 '--class-table', 'cityscapes_vps')
    assert code == 0, printed
    head = 'panoptic_head.position_head.'
    ours = read_checkpoint(str(out))['state_dict']
    # ids 11 to 18 are things, person to bicycle
    wanted = [*range(11, 19), *range(11)]
    assert ours[f'{head}out_sem.bias'].tolist() == wanted
    assert ours[f'{head}out_sem.weight'][:, 5, 1, 1].tolist() == wanted
    assert ours[f'{head}out_inst.bias'].tolist() == list(range(8))
    code, printed, _ = convert(
        weights_of(official_shapes()), '--class-table', 'cityscapes_vps')
    assert code == 1 and 'has 54 classes, expected the 19 of' in printed


def test_pickles_of_arrays(convert):
    arrays = {
        name: np.broadcast_to(np.float32(i), shape)
        for i, (name, shape) in enumerate(sorted(official_shapes().items()))
    }
    small = {k: v for k, v in arrays.items() if 'bottom_up' not in k}
    small = {
        k: np.ascontiguousarray(v)
        for k, v in small.items() if v.size < 100000
    }
    data = pickle.dumps(dict(model=small, __author__='someone'))
    code, printed, out = convert(data, '--no-strict', name='official.pkl')
    assert code == 0, printed
    assert len(read_checkpoint(str(out))['state_dict']) == len(small)
    assert 'tensors of the model are not in the file' in printed


def test_weights_of_another_model(convert):
    code, printed, out = convert(weights_of(official_shapes(8, 19)))
    assert code == 1 and not out.exists() and printed.count('\n') == 1
    assert '4 tensors have another shape in the model' in printed
    assert 'whose num_things, num_stuff and semantic_mode of ' in printed
    code, printed, _ = convert(weights_of(official_shapes(star=True)))
    assert code == 1 and 'encode_channels and encode_deform' in printed


def test_unknown_names(convert):
    shapes = dict(official_shapes(), **{'aux_head.conv.weight': (4, 4)})
    code, printed, out = convert(weights_of(shapes))
    assert code == 1 and not out.exists() and printed.count('\n') == 1
    assert '1 names of the file are not known: aux_head.conv.weight' in printed
    assert '--no-strict' in printed
    code, printed, out = convert(weights_of(shapes), '--no-strict')
    assert code == 0 and 'left out or missing: 1 names' in printed
    assert len(read_checkpoint(str(out))['state_dict']) == len(
        official_shapes())


def test_a_damaged_file(convert):
    code, printed, out = convert(b'no checkpoint')
    assert code == 1 and printed.startswith('error: ') and not out.exists()
