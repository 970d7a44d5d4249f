"""Train, resume, test and submit panoptic CAVIS with the tools."""
import json
import re
import runpy
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch.nn.functional import interpolate

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_vipseg
from mmvis_plugin.models.cavis import CAVIS
from mmvis_plugin.registry import MODELS
from mmvis_plugin.structures.panoptic_map import (decode_panoptic_map,
                                                  read_panoptic_map)

ROOT = Path(__file__).parents[2]
ADVANCE = CAVIS.advance
NAME = 'cavis-{}_r18_movingshapes-vps-tiny.py'
# few numbers, and slots that are something without any training
SMALL = [
    'test_dataloader.sampler.window=2', 'model.test_cfg.score_thr=0',
    'model.test_cfg.overlap_thr=0', 'model.criterion.num_points=64'
]


def config_of(stage):
    """Return the recipe of a stage."""
    return str(ROOT / 'configs/cavis' / NAME.format(stage))


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Write a few short videos in the form of VIPSeg."""
    folder = tmp_path_factory.mktemp('data') / 'shapes'
    write_vipseg(
        str(folder), get_cfg('micro', num_train=1, num_val=2, num_frames=5))
    return folder


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """Save untrained weights of all stages whose slots are objects."""
    folder, paths = tmp_path_factory.mktemp('weights'), {}
    for stage in ('segmenter', 'online'):
        torch.manual_seed(0)
        with DefaultScope.overwrite_default_scope('mmdet'):
            model = MODELS.build(Config.fromfile(config_of(stage)).model)
        model.init_weights()
        for name, param in model.named_parameters():
            if re.search('cls_embed.bias|class_embed.bias', name):
                param.data[-1] = -9.
        paths[stage] = str(folder / f'{stage}.pth')
        torch.save(dict(state_dict=model.state_dict()), paths[stage])
    return paths


@pytest.fixture
def tool(monkeypatch, capsys, data):
    """Return a function that runs a tool and gives its exit and output."""

    def run(name, *words, options=()):
        options = [*SMALL, *options]
        for split in ('train', 'val', 'test'):
            loader = f'{split}_dataloader'
            options += [
                f'{loader}.dataset.data_root={data}/',
                f'{loader}.num_workers=0', f'{loader}.persistent_workers=False'
            ]
        monkeypatch.setattr(sys, 'argv',
                            [name, *words, '--cfg-options', *options])
        code = 0
        try:
            runpy.run_path(str(ROOT / 'tools' / name), run_name='__main__')
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


def scores(text):
    """Return the last results that a tool printed."""
    return {
        name: float(value)
        for name, value in re.findall(r'((?:vpq|stq)/\w+): +(\S+)', text)
    }


def know_some(model, feats, metainfo, state):
    """Track a frame, then replace most of it by what the annotation says."""
    output, state = ADVANCE(model, feats, metainfo, state)
    ids = torch.from_numpy(
        read_panoptic_map(metainfo['seg_map_path']).astype(np.int64))
    state.logits[:] = 0
    for slot, segment in enumerate(metainfo['segments_info']):
        mask = (ids == segment['id']).float()[None, None]
        # one segment is late, another one is shifted
        mask = mask * (slot != 0 or metainfo['frame_id'] > 1)
        mask = mask.roll(12 * (slot == 1), dims=-1)
        size = output.mask_logits.shape[1:]
        output.mask_logits[slot] = 20 * interpolate(mask, size)[0, 0] - 10
        state.logits[slot, segment['category']] = 20.
    output.mask_logits[slot + 1:] = -20
    return output, state


def test_a_submission_has_the_scores_of_the_test(tool, checkpoints, tmp_path,
                                                 monkeypatch):
    monkeypatch.setattr(CAVIS, 'advance', know_some)
    config, weights = config_of('online'), checkpoints['online']
    form = ['test_evaluator.0.submission=vipseg']
    folder = str(tmp_path / 'run')
    code, out, _ = tool('test.py', config, weights, '--work-dir', folder)
    assert code == 0
    expected = scores(out)
    assert len(expected) > 10
    assert 20 < expected['vpq/VPQ'] < expected['vpq/VPQ_1'] < 99

    code, out, _ = tool(
        'test.py',
        config,
        weights,
        '--work-dir',
        folder,
        '--format-only',
        options=form)
    assert code == 0 and not scores(out)
    (path, ) = Path(folder).glob('*.zip')
    check_submission(path)
    code, out, _ = tool('analysis_tools/eval_metric.py', config, str(path))
    assert code == 0
    # the console rounds to four digits
    assert scores(out) == pytest.approx(expected, abs=1e-4, nan_ok=True)


def check_submission(path):
    """Check that maps and lists belong together in the form of panopticapi."""
    categories = {}
    with zipfile.ZipFile(path) as archive:
        videos = json.loads(archive.read('pred.json'))['annotations']
        assert len(videos) == 2
        for video in videos:
            assert len(video['annotations']) == 5
            for frame in video['annotations']:
                name = f'pan_pred/{video["video_id"]}/{frame["file_name"]}'
                ids = decode_panoptic_map(archive.read(name), name)
                assert {s['id']
                        for s in frame['segments_info']
                        } == set(ids.flat) - {0}
                for segment in frame['segments_info']:
                    mask = ids == segment['id']
                    rows, columns = mask.nonzero()
                    x, y, w, h = segment['bbox']
                    assert (x, y) == (columns.min(), rows.min())
                    assert (x + w, y + h) == (columns.max() + 1,
                                              rows.max() + 1)
                    assert segment['area'] == mask.sum()
                    assert segment['iscrowd'] == 0
                    # an id is one object in the whole video
                    key = video['video_id'], segment['id']
                    known = categories.setdefault(key, segment['category_id'])
                    assert known == segment['category_id']
    assert len(categories) > 2


def test_weights_of_an_earlier_stage_are_refused(tool, checkpoints, tmp_path):
    code, _, err = tool('test.py', config_of('online'),
                        checkpoints['segmenter'], '--work-dir', str(tmp_path))
    assert code == 1 and 'Traceback' not in err
    line = err.splitlines()[-1]
    assert "stage 'segmenter' in a model of stage 'online'" in line
    assert 'train that stage from them' in line
    code, _, err = tool(
        'train.py',
        config_of('offline'),
        '--work-dir',
        str(tmp_path),
        options=[f'load_from={checkpoints["segmenter"]}'])
    assert code == 1 and 'Traceback' not in err
    assert "train stage 'online' first" in err.splitlines()[-1]


def test_a_resumed_run_is_guided_where_it_would_have_been(
        tool, checkpoints, tmp_path, monkeypatch):
    guided, is_guided = [], CAVIS.is_guided

    def spy(model):
        guided.append(is_guided(model))
        return guided[-1]

    monkeypatch.setattr(CAVIS, 'is_guided', spy)
    short = [
        'train_cfg.max_iters=4', 'train_cfg.val_begin=9',
        'param_scheduler.total_steps=4', 'default_hooks.checkpoint.interval=2',
        'model.guided_part=0.75', 'default_hooks.logger.interval=1',
        'log_processor.window_size=1', 'train_dataloader.batch_size=1'
    ]
    words = ('train.py', config_of('offline'), '--work-dir', str(tmp_path))
    # clips of 8 frames from videos of 5
    code, out, err = tool(
        *words, options=[*short, f'load_from={checkpoints["online"]}'])
    assert code == 0, err
    assert guided == [True, True, True, False]
    whole = losses(out)
    assert sorted(whole) == [1, 2, 3, 4]
    # a counter that began again would switch one iteration later
    guided.clear()
    code, out, err = tool(
        *words, '--resume', str(tmp_path / 'iter_2.pth'), options=short)
    assert code == 0, err
    assert guided == [True, False]
    assert losses(out) == {k: v for k, v in whole.items() if k > 2}


def losses(text):
    """Return the loss of each iteration that a run printed."""
    found = re.findall(r'Iter\(train\) \[(\d)/4\].*?  loss: (\S+)', text)
    return {int(step): float(value) for step, value in found}
