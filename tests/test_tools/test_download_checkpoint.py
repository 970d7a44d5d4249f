"""The command that fetches checkpoints."""
import os
import runpy
import sys
from pathlib import Path

import pytest

from mmvis_plugin.utils import model_names
from mmvis_plugin.utils.model_names import ModelEntry
from ..hostile_server import CONTENT, NAME, OTHER, SHA, error, good, serve

CONFIG = __file__  # any file
TOOL = Path(__file__).parents[2] / 'tools/misc/download_checkpoint.py'


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Return a function that runs the tool and returns what it says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('time.sleep', lambda seconds: None)

    def run_tool(*words):
        monkeypatch.setattr(sys, 'argv', ['download', *map(str, words)])
        code = 0
        try:
            runpy.run_path(str(TOOL), run_name='__main__')
        except SystemExit as stop:
            code = stop.code
        said = capsys.readouterr()
        return code, said.out.strip(), said.err.strip()

    return run_tool


@pytest.fixture
def zoo(monkeypatch):
    """Return a function that puts entries into the zoo."""

    def put(*entries):
        monkeypatch.setattr(model_names, '_models', lambda root: entries)

    return put


def test_by_address_from_the_second_mirror(run, tmp_path):
    with serve(error(404)) as first, serve(good(CONTENT)) as second:
        code, out, _ = run(f'{first.url}/{NAME}?download=1', '--mirror',
                           f'{second.url}/{NAME}')
    assert (code, out) == (0, f'checkpoints/{NAME}')
    assert (tmp_path / 'checkpoints' / NAME).read_bytes() == CONTENT
    assert os.listdir('checkpoints') == [NAME]


def test_wrong_bytes_end_with_one_line(run):
    with serve(good(OTHER)) as server:
        code, out, err = run(f'{server.url}/{NAME}', '--dest', 'here')
    assert (code, out) == (1, '')
    assert err.startswith('error: ') and '\n' not in err and SHA[:8] in err
    assert os.listdir('here') == []


def test_hash_is_given(run):
    with serve(good(CONTENT)) as server:
        assert run(f'{server.url}/a.pth', '--sha256', SHA)[0] == 0
        assert run(f'{server.url}/b.pth', '--sha256', '0' * 64)[0] == 1
    assert os.listdir('checkpoints') == ['a.pth']


def test_by_name(run, zoo):
    with serve(good(CONTENT)) as server:
        zoo(ModelEntry('One', CONFIG, f'{server.url}/a.pth', sha256=SHA))
        assert run('one', '--dest', 'out.pth')[:2] == (0, 'out.pth')
        zoo(ModelEntry('One', CONFIG, f'{server.url}/a.pth', sha256='0' * 8))
        code, _, err = run('one', '--dest', 'other.pth')
    assert code == 1 and SHA[:8] in err
    assert sorted(os.listdir()) == ['out.pth']


def test_weights_of_the_package_are_copied(run, zoo, tmp_path):
    inside = tmp_path / 'package' / NAME
    inside.parent.mkdir()
    inside.write_bytes(CONTENT)
    zoo(ModelEntry('one', CONFIG, str(inside)))
    assert run('one')[:2] == (0, f'checkpoints/{NAME}')
    assert (tmp_path / 'checkpoints' / NAME).read_bytes() == CONTENT
    inside.write_bytes(OTHER)
    code, _, err = run('one', '--dest', 'again')
    assert code == 1 and 'install the package again' in err
    assert not Path('again').exists()


def test_models_without_weights(run):
    code, _, err = run('inspro_r50_fpn_8xb1-32k_ovis')
    assert code == 1 and 'not yet trained' in err and '\n' not in err
    code, _, err = run('inspro_r50_fpn_8xb1-32k_ovi')
    assert code == 1 and 'did you mean inspro_r50_fpn_8xb1-32k_ovis' in err


def test_list_and_usage(run, zoo):
    code, _, err = run()
    assert code == 1 and 'name of a model or a URL' in err
    zoo(
        ModelEntry('one', CONFIG, 'https://h.example/a.pth', aliases=['o']),
        ModelEntry('two', CONFIG))
    assert run('--list')[1] == 'one o'
