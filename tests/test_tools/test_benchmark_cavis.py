import importlib.util
import re
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from ..autocast import needs_cpu_autocast

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools/analysis_tools'
TINY = ROOT / 'configs/cavis/cavis-online_r18_movingshapes-tiny.py'


@pytest.fixture()
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    spec = importlib.util.spec_from_file_location('benchmark_cavis',
                                                  TOOLS / 'benchmark_cavis.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, 'SIZE', (60, 96))
    monkeypatch.setattr(module, 'PADDED', (64, 96))
    monkeypatch.setattr('cavis_memory.OVIS_SIZE', (60, 94))
    monkeypatch.setattr('cavis_memory.OVIS_PADDED', (64, 96))
    monkeypatch.setattr('cavis_memory.OVIS_FRAME', (120, 188))
    num_threads = torch.get_num_threads()
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield module
    torch.set_num_threads(num_threads)


def run(tool, monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, 'argv', [
        'benchmark_cavis.py', '--config',
        str(TINY), '--device', 'cpu', '--threads', '1', *words
    ])
    tool.main()
    return capsys.readouterr().out


@pytest.mark.parametrize('amp', [
    (),
    pytest.param(('--amp', 'bfloat16'), marks=needs_cpu_autocast),
])
def test_every_part_of_a_frame_has_its_row(tool, monkeypatch, capsys, amp):
    out = run(tool, monkeypatch, capsys, '--frames', '2', '--repeats', '2',
              *amp)
    rows = {
        cells[1].strip(): cells[2:-1]
        for cells in (line.split('|') for line in out.splitlines()
                      if line.startswith('| '))
    }
    assert list(rows)[2:] == [*tool.CAVIS_PARTS, tool.REST, 'frame']
    medians = [[
        float(cell.split()[0]) if cell.strip() else None for cell in rows[name]
    ] for name in list(rows)[2:]]
    ours, theirs = zip(*medians)
    assert None not in ours
    # an image model has neither a context nor a tracker
    assert [name for name, x in zip(list(rows)[2:], theirs)
            if x is None] == ['context features', 'tracker', 'masks of slots']
    # medians of parts add up to about that of the whole
    assert abs(sum(ours[:-1]) - ours[-1]) < 0.3 * ours[-1]
    assert re.search(r'time of online CAVIS / .*: \d', out)
    assert re.search(r'share of the context features: \d', out)


def test_both_systems_segment_alike(tool):
    systems = tool.build_systems(
        Config.fromfile(TINY).model, torch.device('cpu'))
    cavis, image = (system.model for system in systems.values())
    frame = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        ours, _ = cavis.segment_head(cavis.backbone(frame))
        logits, masks = image.panoptic_head(image.backbone(frame), None)
    torch.testing.assert_close(ours.cls_logits, logits[-1])
    torch.testing.assert_close(ours.mask_logits, masks[-1])


def test_memory_of_a_video(tool, monkeypatch, capsys):
    out = run(tool, monkeypatch, capsys, '--memory', '--frames', '7',
              '--window', '3')
    assert "stage 'online': 20 slots, 7 frames of 64 x 96" in out
    # float16 masks of stride 4
    size = 20 * 16 * 24 * 2 / 2**20
    kept = float(re.search(r'kept per frame: (\S+) MiB', out)[1])
    assert size - 0.006 < kept < 1.2 * size
    assert re.search(r'at its peak \d+ MiB', out)
    masks, frames = re.search(r'(\d+) masks of (\d+) frames', out).groups()
    assert int(masks) > 0 and frames == '7'
