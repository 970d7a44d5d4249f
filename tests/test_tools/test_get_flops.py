import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.analysis import FlopAnalyzer
from mmengine.registry import DefaultScope
from torch import nn

from mmvis_plugin.apis import init_video_model
from mmvis_plugin.ops.ext_loader import load_ext
from mmvis_plugin.registry import MODELS
from ..spot_tracker import SpotTracker, spot_config

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools/analysis_tools'
CAVIS = ROOT / 'configs/cavis/cavis-online_r18_movingshapes-tiny.py'
INSPRO = ROOT / 'configs/inspro/inspro_r18_fpn_movingshapes-tiny.py'
needs_switch = pytest.mark.skipif(
    not hasattr(torch.backends, 'mha'), reason='torch before 2.3')


@pytest.fixture()
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.setenv('MMVIS_WITH_OPS', '0')
    load_ext.cache_clear()
    spec = importlib.util.spec_from_file_location('get_flops',
                                                  TOOLS / 'get_flops.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield module
    load_ext.cache_clear()
    if hasattr(torch.backends, 'mha'):
        torch.backends.mha.set_fastpath_enabled(True)
    torch.backends.cuda.enable_flash_sdp(True)


@pytest.fixture()
def run(tool, monkeypatch, capsys):
    """Return a function that runs the tool and returns rows of tables."""

    def call(config, *words):
        monkeypatch.setattr(
            sys, 'argv',
            ['get_flops.py', str(config), *map(str, words)])
        tool.main()
        lines = capsys.readouterr().out.splitlines()
        rows = [line.split('|')[1:-1] for line in lines if line[:2] == '| ']
        return {
            name.strip(): [cell.strip() for cell in cells]
            for name, *cells in rows
        }

    return call


def number(cell):
    value, unit = (cell.split() + [''])[:2]
    return float(value) * dict(K=1e3, M=1e6, G=1e9).get(unit, 1)


@MODELS.register_module(force=True)
class Reader(SpotTracker):
    """Attends to its frame, and to a memory if there is one."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.memory = nn.Linear(8, 6)

    def encode(self, inputs):
        rows = torch.ones(1, 5, 8)
        self.attention(rows, rows, rows, need_weights=False)
        return super().encode(inputs)

    def advance(self, feats, metainfo, state):
        if metainfo['frame_id'] > 0:
            self.memory(torch.ones(metainfo['frame_id'], 8))
        return super().advance(feats, metainfo, state)


@needs_switch
def test_products_are_counted_by_hand(tool):
    model = init_video_model(spot_config(), device='cpu')
    model.__class__ = Reader
    model.attention = nn.MultiheadAttention(8, 2, batch_first=True)
    model.memory = nn.Linear(8, 6)
    tool.torch.backends.mha.set_fastpath_enabled(False)
    tool.torch.backends.cuda.enable_flash_sdp(False)
    counts = tool.count_operations(model.eval(),
                                   sys.modules['frame_source'].noise(
                                       (32, 32)), 3)
    # four maps of 5 rows from 8 to 8, 5 x 5 pairs of 8 channels twice
    attention = 4 * 5 * 8 * 8 + 2 * 5 * 5 * 8
    assert [sum(found.values()) for found in counts
            ] == [attention, attention + 8 * 6, attention + 2 * 8 * 6]


@needs_switch
def test_convolutions_are_those_of_mmengine(tool, run):
    rows = run(CAVIS, '--shape', 90, 160, '--num-frames', 2)
    model = init_video_model(str(CAVIS), device='cpu').eval()
    analyzer = FlopAnalyzer(model.backbone, (torch.zeros(1, 3, 96, 160), ))
    analyzer.unsupported_ops_warnings(False)
    analyzer.tracer_warnings('none')
    expected = analyzer.by_operator()['conv']
    assert [number(cell) for cell in rows['backbone']][-2:] == pytest.approx(
        [expected] * 2, rel=1e-4)
    # the first frame makes keys of the slots in every layer
    first, later = map(number, rows['association'])
    assert first > later > 0
    assert number(rows['frame'][0]) == pytest.approx(
        sum(
            number(rows[name][0])
            for name in ('head', 'association', 'results')) + expected,
        rel=1e-4)
    params = sum(p.numel() for p in model.parameters())
    assert number(rows['all'][0]) == pytest.approx(params, rel=1e-3)


@needs_switch
def test_one_frame_has_no_later_ones(run):
    rows = run(INSPRO, '--shape', 60, 90, '--num-frames', 1)
    assert load_ext() is None
    assert rows['operations'] == ['first frame']
    assert len(rows['frame']) == 1 and number(rows['frame'][0]) > 1e6


def test_old_torch_is_named(tool, monkeypatch):
    old = SimpleNamespace(__version__='2.1.2', backends=SimpleNamespace())
    monkeypatch.setattr(tool, 'torch', old)
    with pytest.raises(ValueError, match='torch 2.1.2 .* 2.3 or later'):
        tool.make_visible()
