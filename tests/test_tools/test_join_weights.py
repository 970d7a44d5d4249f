import runpy
import sys
from pathlib import Path

import pytest
import torch

from mmvis_plugin.utils.checkpoint import read_checkpoint
from mmvis_plugin.utils.convert_weights import save_weights

TOOL = Path(__file__).parents[2] / 'tools/model_converters/join_weights.py'


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs the tool and returns what it prints."""

    def run_tool(*words):
        monkeypatch.setattr(sys, 'argv', ['join', *map(str, words)])
        runpy.run_path(str(TOOL), run_name='__main__')
        return capsys.readouterr()

    return run_tool


def save(path, **values):
    save_weights(
        str(path), {
            name.replace('__', '.'): torch.tensor([value])
            for name, value in values.items()
        })
    return path


def read(path):
    weights = read_checkpoint(str(path))['state_dict']
    return {name: value.item() for name, value in weights.items()}


def test_parts_get_their_names(run, tmp_path):
    one = save(tmp_path / 'a=b.pth', conv__weight=1., fc__bias=2.)
    two = save(tmp_path / 'two.pth', fcs__0__weight=3.)
    out = run(tmp_path / 'out.pth', f'segmentor={one}',
              f'instance_head={two}').out
    assert read(tmp_path / 'out.pth') == {
        'segmentor.conv.weight': 1.,
        'segmentor.fc.bias': 2.,
        'instance_head.fcs.0.weight': 3.
    }
    assert 'out.pth: 3 tensors' in out


def test_a_part_replaces_that_of_the_whole_model(run, tmp_path):
    whole = save(
        tmp_path / 'w=hole.pth', flow__a=1., flow__b=2., flow_head__c=3.)
    # a model that has the part under the same name, and other parts
    other = save(tmp_path / 'other.pth', flow__a=7., data__d=8.)
    run(tmp_path / 'out.pth', whole, f'flow={other}')
    assert read(tmp_path / 'out.pth') == {'flow.a': 7., 'flow_head.c': 3.}


def refused(run, capsys, *words):
    """Return the one line that a wrong call ends with."""
    with pytest.raises(SystemExit) as info:
        run(*words)
    line, end, rest = capsys.readouterr().err.partition('\n')
    assert info.value.code == 1 and end and not rest
    return line


def test_a_whole_model_after_a_part(run, capsys, tmp_path):
    one = save(tmp_path / 'one.pth', a=1.)
    line = refused(run, capsys, tmp_path / 'out.pth', f'flow={one}', one)
    assert 'one.pth: a whole model comes first' in line
    assert not (tmp_path / 'out.pth').exists()


def test_missing_files(run, capsys, tmp_path):
    line = refused(run, capsys, tmp_path / 'out.pth',
                   f'flow={tmp_path}/none.pth')
    assert 'none.pth: no such checkpoint' in line
