"""Train, resume and test the tiny recipe with the command line tools."""
import glob
import json
import os.path as osp
import pickle
import re
import runpy
import sys
import zipfile

import pytest
import torch
from mmengine.logging import MMLogger

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_youtube_vis

ROOT = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))
CONFIG = osp.join(ROOT, 'configs', 'inspro',
                  'inspro_r18_fpn_movingshapes-tiny.py')


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Write a few short videos in the form of YouTube-VIS."""
    folder = str(tmp_path_factory.mktemp('data') / 'shapes')
    # as many classes as the model has
    write_youtube_vis(folder, get_cfg('micro', num_frames=4, classes=4))
    return folder


@pytest.fixture
def tool(monkeypatch, capsys, data):
    """Return a function that runs a tool and gives its exit and output."""

    def run(name: str, *words: str, options=()):
        roots = [
            f'{split}_dataloader.dataset.data_root={data}/'
            for split in ('train', 'val', 'test')
        ]
        workers = [
            f'{split}_dataloader.{key}' for split in ('train', 'val', 'test')
            for key in ('num_workers=0', 'persistent_workers=False')
        ]
        argv = [name, *words, '--cfg-options', *roots, *workers, *options]
        monkeypatch.setattr(sys, 'argv', argv)
        # named after the second, one may be that of an earlier run
        MMLogger._instance_dict.clear()
        code = 0
        try:
            runpy.run_path(osp.join(ROOT, 'tools', name), run_name='__main__')
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


SHORT = ('train_cfg.max_iters=4', 'train_cfg.val_begin=9',
         'default_hooks.checkpoint.interval=2',
         'default_hooks.logger.interval=1', 'log_processor.window_size=1',
         'train_dataloader.batch_size=1', 'load_from=None')


def losses(text: str) -> dict:
    """Return the loss of each iteration that a run printed."""
    found = re.findall(r'Iter\(train\) \[(\d)/4\].*?  loss: (\S+)', text)
    return {int(step): float(value) for step, value in found}


def test_train_resume_and_test(tool, tmp_path):
    work_dir = str(tmp_path / 'run')
    code, out, _ = tool(
        'train.py', CONFIG, '--work-dir', work_dir, options=SHORT)
    assert code == 0
    whole = losses(out)
    assert sorted(whole) == [1, 2, 3, 4]
    assert 'Name of parameter' not in out and out.count('\n') < 40

    first = osp.join(work_dir, 'iter_2.pth')
    code, out, _ = tool(
        'train.py',
        CONFIG,
        '--work-dir',
        work_dir,
        '--resume',
        first,
        options=SHORT)
    assert code == 0
    assert losses(out) == {step: whole[step] for step in (3, 4)}

    last = osp.join(work_dir, 'iter_4.pth')
    check_test_tool(tool, last, tmp_path)
    check_test_without_annotations(tool, last, str(tmp_path / 'unlabelled'))
    check_detector_option(tool, last, str(tmp_path / 'detector'))


def check_test_tool(tool, checkpoint, tmp_path):
    """Score, dump, draw and format with one checkpoint."""
    dump, drawn = str(tmp_path / 'tracks.pkl'), str(tmp_path / 'vis')
    code, out, _ = tool('test.py', CONFIG, checkpoint, '--work-dir',
                        str(tmp_path / 'test'), '--out', dump, '--show-dir',
                        drawn)
    assert code == 0
    assert all(key in out for key in ('vis/AP:', 'vis/AP50:', 'vis/AR10:'))
    with open(dump, 'rb') as file:
        videos = pickle.load(file)
    assert [len(video['frames']) for video in videos] == [4, 4]
    assert len(glob.glob(osp.join(drawn, '*.mp4'))) == 2

    code, out, _ = tool('test.py', CONFIG, '--checkpoint', checkpoint,
                        '--work-dir', str(tmp_path / 'zip'), '--format-only')
    assert code == 0
    assert 'vis/AP:' not in out
    assert glob.glob(str(tmp_path / 'zip' / '*.zip'))


def check_detector_option(tool, checkpoint, work_dir):
    """InsPro is its own detector."""
    code, _, err = tool('test.py', CONFIG, checkpoint, '--work-dir', work_dir,
                        '--detector', checkpoint)
    assert code == 1
    assert 'InsPro has none of its own' in err.splitlines()[-1]


def check_test_without_annotations(tool, checkpoint, work_dir):
    """Test on a file of videos alone, as the public validation sets are."""
    code, out, _ = tool(
        'test.py',
        CONFIG,
        checkpoint,
        '--work-dir',
        work_dir,
        options=('test_dataloader.dataset.ann_file=valid.json',
                 'model.test_cfg.frame_score_thr=0.'))
    assert code == 0
    path, = glob.glob(osp.join(work_dir, '**', '*.zip'), recursive=True)
    line, = [line for line in out.splitlines() if path in line]
    assert 'no annotations to score' in line and 'codalab' in line
    assert 'vis/AP:' not in out
    with zipfile.ZipFile(path) as archive:
        tracks = json.loads(archive.read('results.json'))
    assert {track['video_id'] for track in tracks} == {1, 2}
    assert all(len(track['segmentations']) == 4 for track in tracks)


def test_resume_without_checkpoint_starts_from_the_beginning(tool, tmp_path):
    code, out, _ = tool(
        'train.py',
        CONFIG,
        '--work-dir',
        str(tmp_path),
        '--resume',
        options=(*SHORT, 'train_cfg.max_iters=1'))
    assert code == 0
    assert f'no checkpoint in {tmp_path}, starting from the beginning' in out
    assert 'Iter(train) [1/1]' in out


@pytest.mark.parametrize('words, text', [
    (('missing.py', 'x.pth'), 'missing.py: no such config'),
    ((CONFIG, ), 'no checkpoint to test'),
    ((CONFIG, 'x.pth'), 'x.pth: no such checkpoint'),
    ((CONFIG, 'x.pth', '--out', 'x.json'), '--out x.json: must end in .pkl'),
    ((CONFIG, 'x.pth', '--tta'), '--tta needs tta_model'),
])
def test_wrong_use_of_test(tool, words, text):
    code, _, err = tool('test.py', *words)
    assert code == 1
    assert err.splitlines()[-1].startswith('error: ') and text in err
    assert 'Traceback' not in err


def test_checkpoint_of_another_model(tool, tmp_path):
    path = str(tmp_path / 'other.pth')
    torch.save(dict(state_dict={'encoder.weight': torch.zeros(3)}), path)
    code, _, err = tool('test.py', CONFIG, path, '--work-dir', str(tmp_path))
    assert code == 1
    assert f'error: {path}: belongs to another model: 0 of the' in err


@pytest.mark.parametrize('option, text', [
    ('model.num_quries=3', "unknown config key 'num_quries' of InsPro"),
    ('model.type=InsProo', "did you mean 'InsPro'"),
    ('train_dataloader.dataset.ann_file=no.json', 'no.json'),
])
def test_typos_in_a_config(tool, tmp_path, option, text):
    code, _, err = tool(
        'train.py',
        CONFIG,
        '--work-dir',
        str(tmp_path),
        options=(*SHORT, option))
    assert code == 1
    line = err.splitlines()[-1]
    assert line.startswith('error: ') and text in line
    assert 'Traceback' not in err


def test_print_config(tool, tmp_path):
    path = str(tmp_path / 'merged.py')
    code, out, _ = tool(
        osp.join('misc', 'print_config.py'), CONFIG, '--save-path', path)
    assert code == 0
    assert "runner_type = 'VideoRunner'" in out
    assert osp.isfile(path)
