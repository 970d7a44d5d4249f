import importlib.util
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

TOOL = (
    Path(__file__).parents[2] /
    'tools/analysis_tools/benchmark_metric_memory.py')


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location(TOOL.stem, TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(tool, monkeypatch, capsys):
    """Return a function that runs the tool and returns what it prints."""

    def call(*words):
        monkeypatch.setattr(sys, 'argv', [TOOL.name, *words])
        tool.main()
        return capsys.readouterr().out

    return call


def test_a_child_scores_and_measures(run):
    out = run('--child', '--metrics', 'VISMetric+VPQMetric', '--profile',
              'micro', '--videos', '2', '2')
    *_, results, peak = out.splitlines()
    scores = eval(results, dict(nan=float('nan')))
    assert 0 < scores['vis/AP50'] <= 1 and 0 < scores['vpq/VPQ'] < 100
    assert int(peak) > 50 * 2**20


def test_a_child_is_started(tool):
    assert tool.measure('MOTSMetric', 2, 'micro') > 50 * 2**20
    failed = mock.Mock(returncode=1)
    with mock.patch.object(tool.subprocess, 'run', return_value=failed):
        with pytest.raises(ValueError, match='STQMetric: scoring 2 videos f'):
            tool.measure('STQMetric', 2, 'micro')


def test_the_peak_stays_when_memory_is_freed(tool):
    before = tool.peak_bytes()
    block = np.ones(2**25)
    del block
    assert tool.peak_bytes() - before > 0.5 * 2**28 / 2


@pytest.mark.parametrize('many, code', [(109, None), (111, 1)])
def test_growth_is_judged(tool, run, monkeypatch, capsys, many, code):
    monkeypatch.setattr(
        tool, 'measure', lambda names, number, profile: 2**20 * {
            20: 100,
            200: many
        }[number])
    if code is None:
        out = run('--metrics', 'STQMetric')
    else:
        with pytest.raises(SystemExit) as error:
            run('--metrics', 'STQMetric')
        assert error.value.code == code
        out = capsys.readouterr().out
    assert f'200 videos   {many}.0 MiB: +{many - 100}.0%, allowed' in out


def test_numbers_of_videos(run, capsys):
    with pytest.raises(SystemExit):
        run('--videos', '20', '20')
    assert 'must be two numbers' in capsys.readouterr().err
