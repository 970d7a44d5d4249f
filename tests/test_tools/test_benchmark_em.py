import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from mmvis_plugin.ops.ext_loader import ext_devices

PATH = Path(__file__).parents[2] / 'tools/analysis_tools/benchmark_em.py'


@pytest.fixture()
def tool():
    spec = importlib.util.spec_from_file_location('benchmark_em', PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules['benchmark_em'] = module  # dataclasses look there
    spec.loader.exec_module(module)
    yield module
    del sys.modules['benchmark_em']


def test_work_is_that_of_the_docstring(tool):
    for name, operations, size in (('instance', '1.204 G', '20.1 M'),
                                   ('frame', '5.426 G', '180.9 M')):
        case = tool.CASES[name]
        assert f'{case.operations / 1e9:.3f} G' == operations
        assert f'{case.bytes / 1e6:.1f} M' == size
        assert operations in tool.__doc__ and size in tool.__doc__


def test_memory_of_a_call_is_its_peak(tool):

    def call():
        large = torch.ones(8 * 2**20)  # 32 MiB
        return large[:10] + torch.ones(4 * 2**20)[:10]  # 16 MiB

    memory = tool.extra_memory(call, torch.device('cpu'))
    if memory is None:
        pytest.skip('the system does not tell')
    assert 46 < memory < 60


def test_aims_are_judged_by_the_medians(tool):
    times = dict(twin=[4., 8., 2., 100.], operator=[1.5, 1., 2., 3.])
    median, low, high = tool.ratio(times, 'operator')
    assert median == 6. / 1.75 and low == 4 / 1.5 and high == 8.
    memory = dict(twin=8., operator=2.)
    results = {
        name: dict(times=times, memory=memory)
        for name in ('instance', 'frame')
    }
    assert tool.misses(results,
                       'cpu') == ['instance: 3.43 times as fast, 4 wanted']
    results['frame']['memory'] = dict(twin=8., operator=2.1)
    assert len(tool.misses(results, 'cuda')) == 2
    assert 'frame: 0.26 of the memory' in tool.misses(results, 'cpu')[1]


@pytest.mark.parametrize('strict', [False, True])
def test_tables(tool, monkeypatch, capsys, strict):
    monkeypatch.setattr(
        tool, 'CASES',
        dict(
            instance=tool.Case(3, 40, 4, 2, True, 16),
            frame=tool.Case(1, 5000, 5, 2, False, 16)))
    monkeypatch.setattr(tool, 'rates',
                        lambda _: dict(operations=1e9, bytes=1e9))
    # ten million times as fast: cannot be
    monkeypatch.setattr(tool, 'WANTED', dict(cpu=dict(instance=1e7)))
    words = ['benchmark_em.py', '--repeats', '4', '--threads', '1']
    monkeypatch.setattr(sys, 'argv', words + ['--check'] * strict)
    if 'cpu' not in ext_devices():
        with pytest.raises(SystemExit):
            tool.main()
        assert 'not compiled for cpu' in capsys.readouterr().err
        return
    if strict:
        with pytest.raises(SystemExit) as error:
            tool.main()
        assert error.value.code == 1
    else:
        tool.main()
    out = capsys.readouterr().out
    assert 'instance: B=3 C=16 N=40 K=4, 2 iterations, weighted' in out
    assert out.count('\noperator, resp') == 2 and '10000000' not in out
    assert 'times as fast, 1e+07 wanted' in out
