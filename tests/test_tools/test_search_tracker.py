import importlib.util
import json
import sys
from itertools import product
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData

from mmvis_plugin.apis import init_video_model
from mmvis_plugin.apis.video_stream import VideoStream
from mmvis_plugin.registry import MODELS
from mmvis_plugin.utils.video_reader import read_image

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools/analysis_tools'
MAKE = ROOT / 'tools/dataset_converters/make_moving_shapes.py'
INSPRO = ROOT / 'configs/inspro/inspro_r18_fpn_movingshapes-tiny.py'
# random weights find and follow something
PCAN = """
_base_ = '{root}/configs/pcan/pcan_r18_fpn_movingshapes-tiny.py'
load_from = None
model = dict(
    detector=dict(test_cfg=dict(rcnn=dict(score_thr=0.1, max_per_img=10))),
    tracker=dict(init_score_thr=0.14, obj_score_thr=0.12))
test_dataloader = dict(dataset=dict(data_root='{data}/'))
"""
HYBRID = """
_base_ = '{root}/configs/hybrid_tracker/'\\
    'hybrid-tracker_r18_fpn_movingshapes-vps-tiny.py'
load_from = None
model = dict(
    segmentor=dict(_delete_=True, type='GreyLevels'),
    flow=dict(_delete_=True, type='ZeroFlow'),
    test_cfg=dict(min_area=1))
test_dataloader = dict(dataset=dict(data_root='{data}/'))
"""


@MODELS.register_module(force=True)
class GreyLevels(BaseModule):
    """A segmenter whose things are levels of grey, numbered at random."""
    num_things_classes, num_stuff_classes = 4, 6

    def predict(self, image, samples):
        height, width = samples[0].img_shape[:2]
        grey = image[0, :, :height, :width].mean(0)
        levels = (grey * 3).round().long().clamp(-4, 4) + 4
        generator = torch.Generator().manual_seed(samples[0].frame_id)
        numbers = torch.randperm(9, generator=generator) + 1
        samples[0].pred_panoptic_seg = PixelData(
            sem_seg=(levels % 2 + 1000 * numbers[levels])[None])
        return samples


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture()
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield load('search_tracker', TOOLS / 'search_tracker.py')


@pytest.fixture()
def run(tool, tmp_path, monkeypatch, capsys):
    """Return a function that runs the tool; it returns rows and text."""

    def call(config, *words):
        monkeypatch.setattr(sys, 'argv', [
            'search_tracker.py',
            str(config), '--device', 'cpu', '--dump',
            str(tmp_path / 'notes.pth'), '--out',
            str(tmp_path / 'out.json'), *map(str, words)
        ])
        tool.main()
        return (json.loads(
            (tmp_path / 'out.json').read_text()), capsys.readouterr().out)

    return call


def make_case(tmp_path, text, form):
    """Write a small data set, a config and weights."""
    assert load('make_moving_shapes', MAKE).main([
        '--profile', 'micro', '--format', form, '--out',
        str(tmp_path / 'data'), '--set', 'num_train=1', 'num_val=2',
        'num_frames=4'
    ]) == 0
    config = tmp_path / 'config.py'
    config.write_text(text.format(root=ROOT, data=tmp_path / 'data'))
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(config).model)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if 'fc_embed' in name:  # that tell objects apart
                value *= 30
    weights = tmp_path / 'weights.pth'
    torch.save(dict(state_dict=model.state_dict(), meta={}), weights)
    return config, weights


def frames_of(cfg, weights, video):
    """Return what a model says of the noted frames."""
    model = init_video_model(cfg, str(weights), 'cpu')
    stream = VideoStream(model)
    return [
        stream.step(read_image(frame['img_path']), frame['img_path'])
        for frame in video['frames']
    ]


def test_pcan_is_linked_as_in_a_test(tool, run, tmp_path, capsys):
    config, weights = make_case(tmp_path, PCAN, 'bdd_mots')
    grid = {
        'tracker.match_score_thr': [0.1, 0.6],
        'tracker.match_metric': ['bisoftmax', 'cosine']
    }
    words = [f'{key}={",".join(map(str, v))}' for key, v in grid.items()]
    rows, out = run(config, '--checkpoint', weights, '--grid', *words)
    points = [dict(zip(grid, values)) for values in product(*grid.values())]
    assert [row['options'] for row in rows] == [{}, *points]
    assert 'mots/mMOTSA' in rows[0]['results']
    content = torch.load(tmp_path / 'notes.pth', weights_only=True)
    base = Config.fromfile(config)
    replay, identities = sys.modules['tracker_replay'].PCANReplay, set()
    for point in (points[0], points[3]):
        cfg = tool.changed_model(base, point)
        video = content['videos'][1]
        # the masks of the mask head, which are noted
        expected = frames_of(
            tool.changed_model(cfg, dict(refine_head=None)), weights, video)
        found = list(replay(cfg.model, {}).run(video['frames']))
        for one, two in zip(found, expected):
            two = two.pred_track_instances
            for key in ('instances_id', 'labels', 'scores', 'bboxes'):
                torch.testing.assert_close(one[key], two[key])
            masks = [rle['counts'].decode() for rle in two.masks]
            assert masks == [rle['counts'] for rle in one['masks']]
        identities.add(str([f['instances_id'].tolist() for f in found]))
    assert len(identities) > 1  # options matter
    # the second time the network is not needed
    again, out = run(config, '--checkpoint', weights, '--grid', words[0],
                     '--metric', 'mots/IDSw')
    assert 'already there' in out and len(again) == 3
    assert again[0] == rows[0]
    with pytest.raises(SystemExit):
        run(config, '--grid', words[0])
    error = capsys.readouterr().err.strip()
    assert 'written with another checkpoint; delete it' in error


def test_hybrid_tracker_is_linked_as_in_a_test(tool, run, tmp_path):
    config, weights = make_case(tmp_path, HYBRID, 'vipseg')
    rows, out = run(config, '--checkpoint', weights, '--grid',
                    'test_cfg.memory_frames=1,3', 'test_cfg.thr=1e-5,0.4',
                    'fusion.weights=[[1.0,0.0],[0.2,0.8]]')
    assert len(rows) == 9 and 'vpq/VPQ' in rows[0]['results']
    content = torch.load(tmp_path / 'notes.pth', weights_only=True)
    base = Config.fromfile(config)
    replay, identities = sys.modules['tracker_replay'].HybridReplay, set()
    points = [row['options']
              for row in rows[:2] + rows[-3:]] + [{
                  'test_cfg.memory_frames': 3,
                  'test_cfg.thr': 0.3,
                  'test_cfg.temporal': temporal,
                  'test_cfg.mutual': mutual,
                  'loss_match.temperature': 5.
              } for temporal, mutual in (('forward', True), ('none', False))]
    assert points[1]['fusion.fixed'] and points[-1] != points[-2]
    video = content['videos'][1]
    for point in points:
        cfg = tool.changed_model(base, point)
        found = replay(cfg.model, content['learned']).run(video['frames'])
        maps = []
        for one, two in zip(found, frames_of(cfg, weights, video)):
            maps.append(one['pred_panoptic_seg']['sem_seg'])
            assert torch.equal(maps[-1], two.pred_panoptic_seg.sem_seg)
        identities.add(str([codes.unique().tolist() for codes in maps]))
    assert len(identities) > 2


def test_best_comes_first_and_can_be_copied(tool, capsys):
    rows = [
        dict(options=options, results={'a/b': value})
        for options, value in (({}, 0.5), ({
            'fusion.weights': [0.5, 1.0],
            'test_cfg.thr': 0.1
        }, 0.75), ({
            'test_cfg.thr': 0.2
        }, float('nan')))
    ]
    tool.report(rows, 'a/b')
    lines = capsys.readouterr().out.split('\n')
    assert [line.split(' |')[-2].strip()
            for line in lines[3:6]] == ['0.7500', '0.5000', 'nan']
    assert ('best: --cfg-options model.fusion.weights="[0.5,1.0]" '
            'model.test_cfg.thr=0.1') in lines
    with pytest.raises(tool.UsageError, match='--metric a/c: no such result'):
        tool.report(rows, 'a/c')


def test_errors_are_one_line(tool, run, tmp_path, capsys):
    config = tmp_path / 'config.py'
    config.write_text(PCAN.format(root=ROOT, data=tmp_path))
    for name, words, message in (
        (INSPRO, ('--grid', 'a.b=1'), 'InsPro has no tracker with options'),
        (config, ('--grid', 'detector.x=1'), '--grid detector.x: no option'),
        (config, ('--grid', 'tracker.init_score_thr=1', '--metric', 'vis/AP'),
         '--metric vis/AP is no result of its metrics'),
    ):
        with pytest.raises(SystemExit):
            run(name, *words)
        error = capsys.readouterr().err.strip()
        assert message in error and '\n' not in error
