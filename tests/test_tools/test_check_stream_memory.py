import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from ..spot_tracker import SpotTracker, write_config

ROOT = Path(__file__).parents[2]


@pytest.fixture()
def tool():
    spec = importlib.util.spec_from_file_location(
        'check_stream_memory',
        ROOT / 'tools/analysis_tools/check_stream_memory.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


@pytest.fixture()
def call(tool, tmp_path, monkeypatch):
    """Return a function that runs the tool on the spot tracker."""
    write_config(tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, 'argv', [
            'check_stream_memory.py',
            str(next(tmp_path.glob('*.py'))), '--device', 'cpu', '--frames',
            '30', '--interval', '10', *words
        ])
        tool.main()

    return run


def test_a_bounded_state_passes(call, capsys):
    call()
    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if line.startswith('frame')]
    assert [int(line.split()[1]) for line in lines] == [10, 20, 30]
    assert 'state: at most +0.0% after frame 10' in out
    assert '  0.0 objects per frame' not in out


def test_2000_frames_keep_memory_flat_after_frame_200(call, capsys):
    call('--frames', '2000', '--interval', '200', '--size', '32', '48')
    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if line.startswith('frame')]
    assert [int(line.split()[1]) for line in lines] == [*range(200, 2001, 200)]
    assert '  0.0 objects per frame' not in out
    for name in ('rss', 'state'):
        line, = [x for x in out.splitlines() if x.startswith(f'{name}: at')]
        assert 'after frame 200, allowed +5.0%' in line


def test_a_growing_state_fails(call, capsys, monkeypatch):

    def advance(self, feats, metainfo, state):
        output, seen = plain(self, feats, metainfo, state[:3])
        return output, torch.cat([seen, state])  # forgets nothing

    plain = SpotTracker.advance
    monkeypatch.setattr(SpotTracker, 'advance', advance)
    with pytest.raises(SystemExit) as error:
        call('--tolerance', '0.5')
    assert error.value.code == 1
    assert 'state: at most +181.8% after frame 10' in capsys.readouterr().out


def test_growing_memory_fails(call, tool, capsys, monkeypatch):
    sizes = iter([100, 104, 106])
    monkeypatch.setattr(tool, 'resident_bytes', lambda: next(sizes))
    with pytest.raises(SystemExit) as error:
        call()
    assert error.value.code == 1
    out = capsys.readouterr().out
    assert 'state: at most +0.0%' in out
    assert 'rss: at most +6.0% after frame 10, allowed +5.0%' in out


def test_too_few_frames_for_a_comparison(call, capsys):
    with pytest.raises(SystemExit):
        call('--interval', '20')
    assert '--frames must be at least twice' in capsys.readouterr().err


def test_a_stream_without_results_proves_nothing(call, capsys, monkeypatch):
    plain = SpotTracker.online_result
    monkeypatch.setattr(
        SpotTracker, 'online_result',
        lambda self, output, state: plain(self, output, state)[:0])
    with pytest.raises(SystemExit):
        call()
    assert 'no frame had a result' in capsys.readouterr().err
