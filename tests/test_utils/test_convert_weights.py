"""Weights of other code bases get this one's names, or an error does."""
import os

import pytest
import torch
from mmengine.config import Config

from mmvis_plugin.utils.convert_weights import (Conversion, add_recipe_options,
                                                by_prefix, compare_weights,
                                                converter_parser,
                                                empty_weights, rename_weights,
                                                save_weights)
from mmvis_plugin.utils.errors import CheckpointError

RULES = [('head.mask.', 'masks.'), ('head.', 'boxes.'), ('mu0', 'bases.mu0')]


def numbered(names):
    """Return a small tensor under each name, no two equal."""
    return {name: torch.full((2, ), float(i)) for i, name in enumerate(names)}


def test_the_first_prefix_that_fits_is_replaced():
    weights = numbered(
        ['head.mask.conv.weight', 'head.fc.bias', 'mu0', 'neck.x', 'a.head.b'])
    found = rename_weights(weights, by_prefix(RULES))
    assert found.weights == {
        'masks.conv.weight': weights['head.mask.conv.weight'],
        'boxes.fc.bias': weights['head.fc.bias'],
        'bases.mu0': weights['mu0']
    }
    assert found.unknown == ['neck.x', 'a.head.b']


def test_two_weights_of_one_name():
    rules = [('old.', 'new.'), ('older.', 'new.')]
    with pytest.raises(CheckpointError, match='older.a becomes new.a'):
        rename_weights(numbered(['old.a', 'older.a']), by_prefix(rules))


def test_what_does_not_fit_is_named():
    model = dict(
        a=torch.zeros(2),
        b=torch.zeros(3),
        c1=torch.zeros(2),
        d=torch.zeros(2))
    found = Conversion(numbered(['a', 'b', 'e']), unknown=['x'])
    compare_weights(found, model, optional=['c'])
    assert (found.missing, found.extra) == (['d'], ['e'])
    assert found.shapes == ['b (2,) instead of (3,)']
    assert found.problems() == [
        '1 names of the file are not known: x',
        '1 tensors of the model are not in the file: d',
        '1 tensors of the file are not in the model: e',
        '1 tensors have another shape in the model: b (2,) instead of (3,)'
    ]


def test_a_perfect_fit_has_no_problems():
    model = numbered(['a', 'b'])
    found = Conversion(dict(model))
    compare_weights(found, model)
    assert found.problems() == []


def test_long_lists_are_cut():
    found = Conversion({}, unknown=[f'x{i}' for i in range(9, 0, -1)])
    assert found.problems() == [
        '9 names of the file are not known: x1, x2, x3, x4, x5, ...'
    ]


def test_written_weights_are_read_again(tmp_path):
    path = tmp_path / 'new' / 'folder' / 'a.pth'
    save_weights(str(path), numbered(['a', 'b']), dict(source='there'))
    content = torch.load(path, weights_only=True)
    assert content['meta'] == dict(source='there')
    assert content['state_dict']['b'].tolist() == [1., 1.]
    assert os.listdir(path.parent) == ['a.pth']


def test_a_failure_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
    path = tmp_path / 'a.pth'
    save_weights(str(path), numbered(['a']))
    before = path.read_bytes()

    def fail(content, file):
        with open(file, 'wb') as part:
            part.write(b'half')
        raise OSError('no space left on device')

    monkeypatch.setattr(torch, 'save', fail)
    with pytest.raises(OSError, match='no space left'):
        save_weights(str(path), numbered(['b']))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ['a.pth']


def test_misfits_are_left_out_and_said(capsys):
    model = dict(a=torch.zeros(2), b=torch.zeros(3))
    model['bn.num_batches_tracked'] = torch.tensor(0)
    found = Conversion(numbered(['a', 'b', 'c']), unknown=['old'])
    compare_weights(found, model)
    assert list(found.fitting()) == ['a']
    assert found.missing == []
    found.print_problems()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith('left out or missing: 1 ') for line in lines)


def test_options_of_all_converters(capsys):
    parser = converter_parser('Convert it.', 'the file')
    add_recipe_options(parser, 'recipe.py', 'or another', 'model.a=1')
    args = parser.parse_args(['in.pth', 'out.pth'])
    assert vars(args) == dict(
        checkpoint='in.pth',
        out='out.pth',
        strict=True,
        config='recipe.py',
        cfg_options=None)
    args = parser.parse_args(
        'in.pth out.pth --no-strict --cfg-options model.a=2'.split())
    assert not args.strict and args.cfg_options == {'model.a': 2}
    with pytest.raises(SystemExit):
        parser.parse_args(['--help'])
    assert 'recipe.py' in capsys.readouterr().out


def test_weights_of_a_recipe_have_shapes_and_no_numbers():
    cfg = Config(dict(model=dict(type='SimilarityFusion', bias=True)))
    weights = empty_weights(cfg)
    assert {
        k: tuple(v.shape)
        for k, v in weights.items()
    } == {
        'conv.weight': (1, 2, 1, 1),
        'conv.bias': (1, )
    }
    assert weights['conv.weight'].is_meta
