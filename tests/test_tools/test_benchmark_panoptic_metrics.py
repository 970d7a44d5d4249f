import importlib.util
import sys
from pathlib import Path

import pytest

TOOL = (
    Path(__file__).parents[2] /
    'tools/analysis_tools/benchmark_panoptic_metrics.py')
SMALL = ('--frames', '6', '--height', '256', '--width', '512', '--objects',
         '12', '--repeat', '1')


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs the tool and returns what it prints."""
    spec = importlib.util.spec_from_file_location(TOOL.stem, TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def call(*words):
        monkeypatch.setattr(sys, 'argv', [TOOL.name, *SMALL, *words])
        module.main()
        return capsys.readouterr().out

    return call


def test_tables_are_faster_and_equal_to_a_recount(run):
    # the true ratio is above 30
    out = run('--min-ratio', '4', '--windows', '1', '3')
    assert 'VPQ equal to 1e-9: True' in out
    vpq = float(out.split('; VPQ ')[1].split(',')[0])
    assert 40 < vpq < 99


@pytest.mark.parametrize('bound', [('--max-seconds', '0'),
                                   ('--min-ratio', '1e9')])
def test_a_missed_bound_fails(run, bound):
    with pytest.raises(SystemExit) as error:
        run(*bound, '--windows', '1')
    assert error.value.code == 1
