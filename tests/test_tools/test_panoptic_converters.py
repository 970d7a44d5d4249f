"""The command lines of the converters; the conversion itself is tested with
its module."""
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import (write_cityscapes_vps,
                                                     write_vipseg)

TOOLS = Path(__file__).parents[2] / 'tools/dataset_converters'


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs a tool: exit code, output, errors."""

    def call(name, *words):
        tool = str(TOOLS / f'{name}.py')
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, words)])
        code = 0
        try:
            runpy.run_path(tool, run_name='__main__')
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call


@pytest.fixture(scope='module')
def cfg():
    return get_cfg('micro', num_train=1, num_val=1, num_frames=3)


@pytest.fixture
def city(cfg, tmp_path):
    root = tmp_path / 'city'
    write_cityscapes_vps(str(root), cfg)
    for path in root.glob('*_gt_*.json'):
        path.unlink()
    return root


@pytest.fixture
def vipseg(cfg, tmp_path):
    root = tmp_path / 'vipseg'
    write_vipseg(str(root), cfg)
    (root / 'images').rename(root / 'imgs')
    return root


@pytest.fixture
def viper(tmp_path):
    root = tmp_path / 'viper'
    for t in range(3):
        for kind, mode, ending in (('img', 'RGB', 'jpg'), ('cls', 'L', 'png'),
                                   ('inst', 'RGB', 'png')):
            path = root / f'val/{kind}/001/001_{t:05d}.{ending}'
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(
                np.full((4, 6, 3)[:3 if mode == 'RGB' else 2], 3,
                        np.uint8)).save(path)
    return root


def test_cityscapes_vps(run, city):
    code, text, _ = run('cityscapes_vps', city, '--workers', 2)
    assert code == 0 and text.count(': written') == 2
    data = json.loads((city / 'panoptic_gt_val_city_vps.json').read_text())
    assert len(data['annotations']) == 6
    code, text, _ = run('cityscapes_vps', city, '--splits', 'val', 'test')
    assert code == 0 and 'already there, nothing to do' in text
    assert 'test: its labels are not public' in text
    frames = city / 'sequence'
    code, _, error = run('cityscapes_vps', city, '--splits', 'val', '--images',
                         frames)
    assert code == 1 and error.count('\n') == 1
    assert f'{frames}/shapes/shapes_000000_000004_leftImg8bit.png' in error


def test_viper(run, viper):
    words = ('viper', viper, '--splits', 'val', '--sequences', '001')
    code, text, _ = run(*words, '--max-frames', 2)
    assert code == 0 and text.endswith('viper.json: written\n')
    data = json.loads((viper / 'panoptic_gt_val_viper.json').read_text())
    assert [i['id'] for i in data['images']] == ['001_00000', '001_00001']
    assert 'nothing to do' in run(*words, '--max-frames', 2)[1]
    assert run(*words, '--workers', 2)[1].endswith('viper.json: written\n')
    code, _, error = run('viper', viper)
    assert code == 1 and 'train/cls: no labels of sequences' in error
    code, _, error = run('viper', viper, '--sequences', '001')
    assert code == 1 and '--sequences needs --splits with one' in error


def test_vipseg(run, vipseg):
    code, text, _ = run('vipseg', vipseg, '--height', 32, '--workers', 2)
    assert code == 0 and text.count(': written') == 2
    out = vipseg / 'VIPSeg_720P'
    data = json.loads((out / 'panoptic_gt_VIPSeg_train.json').read_text())
    assert data['videos'][0]['images'][0]['width'] == 48
    code, text, _ = run('vipseg', vipseg, '--height', 32, '--out', out)
    assert code == 0 and text.count('already there, nothing to do') == 2
    code, _, error = run('vipseg', vipseg, '--splits', 'test')
    assert code == 1 and error.count('\n') == 1
    assert f'{vipseg}/test.txt: no such file' in error


@pytest.mark.parametrize('name, words', [
    ('cityscapes_vps', ('--workers', 0)),
    ('viper', ('--max-frames', -1)),
    ('vipseg', ('--height', 0)),
])
def test_options_out_of_range(run, tmp_path, name, words):
    code, _, error = run(name, tmp_path, *words)
    assert code == 1
    assert error == f'error: {words[0]} {words[1]}: expected at least 1\n'
