import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from mmengine.registry import DefaultScope

from mmvis_plugin.models.association import warped_dice

TOOLS = Path(__file__).parents[2] / 'tools/analysis_tools'
TINY = Path(__file__).parents[2].joinpath(
    'configs/_base_/models/hybrid-tracker_r18_fpn_tiny.py')


@pytest.fixture()
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    spec = importlib.util.spec_from_file_location(
        'benchmark_hybrid', TOOLS / 'benchmark_hybrid.py')
    module = importlib.util.module_from_spec(spec)
    before = set(sys.modules)
    spec.loader.exec_module(module)
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield module
    for name in set(sys.modules) - before:
        if name in ('benchmark_em', 'hybrid_frames', 'stopwatch'):
            del sys.modules[name]


@pytest.fixture()
def run(tool, monkeypatch, capsys):

    def call(*words):
        monkeypatch.setattr(sys, 'argv', [
            'benchmark_hybrid.py', *words, '--device', 'cpu', '--repeats', '2'
        ])
        num_threads, code = torch.get_num_threads(), 0
        try:
            tool.main()
        except SystemExit as stop:
            code = stop.code
        torch.set_num_threads(num_threads)
        return code, capsys.readouterr().out.splitlines()

    return call


def table(lines):
    """Return the cells of all rows by their first."""
    rows = [line.split('|')[1:-1] for line in lines if line.startswith('| ')]
    return {
        name.strip(): [cell.strip() for cell in cells]
        for name, *cells in rows
    }


@pytest.mark.parametrize('num', [1, 10, 40, 100])
def test_instances_cover_the_same_share(tool, num):
    ids = tool.id_map(num, (200, 300))
    assert ids.unique().tolist() == list(range(num + 1))
    assert abs(float((ids > 0).float().mean()) - 0.28) < 0.02


def test_dense_version_gives_the_same(tool):
    size = 60, 90
    ids, flow = tool.id_map(7, size), tool.smooth_flow(size)
    flow[:, :9] = 100.
    case = ids, ids.roll((2, 3), (0, 1)), flow, 7, 8
    expected = warped_dice(*case).dice
    assert expected.max() > 0.3
    torch.testing.assert_close(tool.dense_dice(*case), expected)


def test_similarity(run, tool, monkeypatch):
    code, lines = run('similarity', '--size', '60', '90')
    assert code == 0
    rows = table(lines)
    assert [f'{n} x {n}' for n in tool.COUNTS] == list(rows)[2:]
    assert any('same result: True' in line for line in lines)
    monkeypatch.setattr(tool, 'MAX_MS', 0.)
    code, lines = run('similarity', '--size', '60', '90', '--check')
    assert code == 1
    assert any(
        line.startswith('missed: ') and '0 ms wanted' in line
        for line in lines)


def test_correlation(run, tool, monkeypatch):
    code, lines = run('correlation', '--size', '256', '384', '--check')
    shares = [line for line in lines if line.startswith('slices need')]
    if not shares:
        pytest.skip('the system does not tell')
    share = float(shares[0].split()[2])
    # the windows themselves count more in a small frame
    assert 0 < share < 0.5 and code == (share >= 1 / 8)


def test_every_part_of_a_frame_has_its_row(run, tool, tmp_path, monkeypatch):
    for module in (tool, sys.modules['hybrid_frames']):
        monkeypatch.setattr(module, 'ITERS', (1, 4))
    config = tmp_path / 'small.py'
    config.write_text(f"_base_ = {str(TINY)!r}\nmodel = dict(flow=dict(\n"
                      "    _delete_=True, type='RAFT', small=True))\n")
    code, lines = run('frame', '--config', str(config), '--cfg-options',
                      'model.test_cfg.min_area=1', '--size', '96', '160',
                      '--objects', '4')
    assert code == 0
    rows = table(lines)
    assert [*tool.PARTS, 'frame', 'peak memory, MiB'] == list(rows)[2:13]
    times = {
        name: [float(cell.split()[0]) for cell in rows[name]]
        for name in (*tool.PARTS, 'frame')
    }
    assert all(len(cells) == 3 for cells in times.values())
    assert min(times['frame']) > 0
    assert min(times['flow: refinements']) > 0
    assert {'1 refinements', '4 refinements'} <= set(rows)
