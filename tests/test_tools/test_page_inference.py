"""The page about inference works as it is printed."""
import os
import re
import runpy
import shlex
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmvis_plugin.apis.outputs import OUTPUT_KINDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / 'docs/en/user_guides/inference.md').read_text('utf-8')
CLIP = 'data/moving_shapes/tiny/valid/JPEGImages/val_0001'


def blocks(language):
    """Return the code blocks of the page."""
    return re.findall(rf'```{language}\n(.*?)```', PAGE, re.DOTALL)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """Go to a folder that looks like a clone with one video."""
    for name in ('configs', 'tools'):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / CLIP).mkdir(parents=True)
    for t in range(4):
        frame = np.full((96, 160, 3), 60, np.uint8)
        frame[30:60, 20 + 5 * t:60 + 5 * t] = (20, 200, 90)
        cv2.imwrite(str(tmp_path / CLIP / f'{t:05d}.jpg'), frame)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands(clone, monkeypatch, capsys):
    commands = [
        shlex.split(line) for block in blocks('bash')
        for line in block.replace('\\\n', ' ').splitlines()
    ]
    # the first one has tests of its own
    assert commands[0][1].endswith('make_moving_shapes.py')
    for _, tool, *words in commands[1:]:
        monkeypatch.setattr(sys, 'argv', [tool, *words, '--device', 'cpu'])
        runpy.run_path(tool, run_name='__main__')
    assert os.path.isfile('out/tracks.mp4')
    assert os.listdir('out/vis') == ['val_0001.mp4']
    assert sorted(os.listdir('out/preds')) == [
        'val_0001_ids', 'val_0001_mot.txt', 'val_0001_mots.txt',
        'val_0001_youtube_vis.json'
    ]
    assert 'wrote out/tracks.mp4' in capsys.readouterr().out


def test_python_blocks(clone, capsys):
    names = {}
    for block in blocks('python'):
        exec(block, names)
    assert len(names['results']['predictions']) == 4
    assert set(names['results']['predictions'][0]) == {
        'frame_id', 'instances_id', 'labels', 'scores', 'bboxes', 'masks'
    }
    assert os.path.isfile('out/preds/val_0001_youtube_vis.json')
    assert names['result']['visualization'].dtype == np.uint8
    assert '\n2 ' in capsys.readouterr().out


def test_every_option_is_explained(monkeypatch, capsys):
    tool = str(ROOT / 'tools/demo/video_demo.py')
    monkeypatch.setattr(sys, 'argv', [tool, '--help'])
    with pytest.raises(SystemExit):
        runpy.run_path(tool, run_name='__main__')
    options = set(re.findall(r'--[a-z-]+', capsys.readouterr().out))
    missing = {
        o
        for o in options - {'--help'}
        if f'`{o}' not in PAGE and f' {o}' not in PAGE
    }
    assert not missing
    assert all(f'| `{kind}` |' in PAGE for kind in OUTPUT_KINDS)
