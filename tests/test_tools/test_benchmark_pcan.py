import importlib.util
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmvis_plugin.registry import MODELS
from mmvis_plugin.testing import fake_clips

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools/analysis_tools'
TINY = ROOT / 'configs/pcan/pcan_r18_fpn_movingshapes-tiny.py'


@pytest.fixture()
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    spec = importlib.util.spec_from_file_location('benchmark_pcan',
                                                  TOOLS / 'benchmark_pcan.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, 'SIZE', (90, 160))
    monkeypatch.setattr(module, 'PADDED', (96, 160))
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield module


def test_given_objects_do_not_touch(tool):
    for num in (1, 7, 20, 100):
        objects = tool.given_objects(num, 16, 8, torch.device('cpu'))
        boxes = objects.found.bboxes
        left, top, right, bottom = boxes.t()
        assert len(boxes) == len(objects.embeds) == num
        assert left.min() >= 0 and right.max() <= 160
        assert top.min() >= 0 and bottom.max() <= 90
        apart = ((left[:, None] >= right) | (top[:, None] >= bottom))
        assert (apart | apart.t() | torch.eye(num, dtype=torch.bool)).all()


def test_every_part_of_a_frame_has_its_row(tool, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', [
        'benchmark_pcan.py', '--config',
        str(TINY), '--device', 'cpu', '--threads', '1', '--repeats', '2',
        '--warmup', '1', '--objects', '5'
    ])
    num_threads = torch.get_num_threads()
    tool.main()
    torch.set_num_threads(num_threads)
    lines = capsys.readouterr().out.splitlines()
    rows = {
        cells[1].strip(): cells[2:-1]
        for cells in (line.split('|') for line in lines
                      if line.startswith('| '))
    }
    assert list(rows)[2:] == [*tool.PCAN_PARTS, tool.REST, 'frame']
    medians = {
        name: float(cells[0].split()[0])
        for name, cells in rows.items() if '(' in cells[0]
    }
    assert set(medians) == {*tool.PCAN_PARTS, tool.REST, 'frame'}
    assert not any(cell.strip() for cell in rows['refine head'][1:])
    assert lines[-1].startswith('the frame level adds ')


def test_qdtrack_of_mmdet_gives_the_same_tracks(tool):
    cfg = Config.fromfile(TINY).model
    cfg.detector.roi_head.update(mask_roi_extractor=None, mask_head=None)
    cfg.update(refine_head=None, frame_pcam=None, freeze=[])
    cfg.detector.test_cfg.rcnn.update(score_thr=0.1, max_per_img=10)
    cfg.tracker.update(init_score_thr=0.14, obj_score_thr=0.12)
    torch.manual_seed(0)
    ours = MODELS.build(deepcopy(cfg)).eval()
    # embeddings that tell objects apart
    with torch.no_grad():
        ours.track_head.embed_head.fc_embed.weight *= 30
    theirs = MODELS.build(tool.qdtrack_cfg(cfg)).eval()
    theirs.load_state_dict(ours.state_dict())
    inputs, samples = fake_clips([[[]] * 5])
    # a still with noise: objects are found again
    inputs = inputs[:, :1] + 0.02 * inputs
    with torch.no_grad():
        expected = theirs.predict(inputs, deepcopy(samples))[0]
        result = ours.predict(inputs, samples)[0]
    numbers = set()
    for one, two in zip(result, expected):
        one, two = one.pred_track_instances, two.pred_track_instances
        order = two.instances_id.argsort()
        mine = one.instances_id.argsort()
        # theirs are counted from 0
        assert one.instances_id[mine].tolist() == [
            i + 1 for i in two.instances_id[order].tolist()
        ]
        for key in ('bboxes', 'scores', 'labels'):
            torch.testing.assert_close(one[key][mine], two[key][order])
        numbers.update(one.instances_id.tolist())
    assert 2 < len(numbers) < sum(
        len(frame.pred_track_instances) for frame in result)
