"""Configs in the style of mmtrack train and test all four systems."""
import importlib.util
import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

import mmvis_plugin.compat.mmtrack_scope as scope
from mmvis_plugin.apis import inference_frame, init_video_model
from mmvis_plugin.models.online_video_model import OnlineVideoModel
from mmvis_plugin.utils.empty_model import build_empty
from ..test_configs_types import KINDS
from .mmtrack_runs import (CONFIGS, ROOT, small_config, train_and_test,
                           write_data)

# loss terms, results
WANTED = dict(
    cavis=({'loss_cls', 'loss_mask', 'loss_dice'}, 'youtube_vis/'
           'youtube_vis_ap_mAP_50'),
    hybrid=({'loss_match'}, 'vpq/VPQ_2'),
    inspro=({'loss_cls', 'loss_bbox', 'loss_dice'}, 'youtube_vis/'
            'youtube_vis_ap_mAP'),
    pcan=({'loss_rpn_cls', 'loss_track', 'loss_mask'}, 'mots/mMOTSA'))
# what importing mmtrack 1.0.0rc1 beside mmcv 2.x does
REFUSES = "raise AssertionError('MMCV is used but incompatible')\n"


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    """Write the videos."""
    folder = tmp_path_factory.mktemp('mmtrack')
    write_data(folder)
    return folder


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem.split('_')[0])
def test_one_training_and_one_test_step(path, videos):
    cfg = small_config(path, videos)
    assert cfg.default_scope == 'mmtrack' and 'runner_type' not in cfg
    losses, results = train_and_test(cfg)
    terms, result = WANTED[re.match('[a-z]+', path.stem)[0]]
    assert all(math.isfinite(value) for value in losses.values())
    assert terms <= {key.split('.')[-1] for key in losses}
    assert result in results


def test_there_is_a_config_per_system():
    assert sorted(re.match('[a-z]+', p.stem)[0]
                  for p in CONFIGS) == sorted(WANTED)


def test_inference_without_a_dataset():
    path = next(p for p in CONFIGS if p.stem.startswith('inspro'))
    model = init_video_model(str(path), device='cpu')
    assert model.dataset_meta['classes'] == ('disc', 'square', 'triangle',
                                             'star5')
    frame = inference_frame(model, np.zeros((60, 100, 3), np.uint8), 0)
    # the pipeline resizes to a height of 96
    assert frame.ori_shape == (60, 100) and frame.img_shape == (96, 160)
    assert 'pred_track_instances' in frame


def run_python(*words, path):
    """Run Python where ``mmtrack`` is the package in a folder."""
    env = dict(os.environ, OMP_NUM_THREADS='1')
    env['PYTHONPATH'] = os.pathsep.join([str(path)] * bool(path) +
                                        [env.get('PYTHONPATH', '')])
    return subprocess.run([sys.executable, *words],
                          cwd=ROOT,
                          env=env,
                          capture_output=True,
                          text=True)


def test_same_with_mmtrack_installed_beside(videos, tmp_path):
    path = None  # the real one
    if importlib.util.find_spec('mmtrack') is None:
        path = tmp_path
        (path / 'mmtrack').mkdir()
        (path / 'mmtrack/__init__.py').write_text(REFUSES)
        (path / 'mmtrack/registry.py').write_text('raise SystemExit\n')
    run = run_python('-c', 'import mmtrack', path=path)
    assert 'is used but incompatible' in run.stderr
    run = run_python(
        '-m', 'tests.test_compat.mmtrack_runs', str(videos), path=path)
    assert run.returncode == 0, run.stderr[-2000:]
    done = re.findall('^DONE (.*)$', run.stdout, re.MULTILINE)
    assert done == [config.stem for config in CONFIGS]


def examples():
    """Return the worked examples of the page on migration."""
    page = ROOT / 'docs/en/migration_from_mmtracking.md'
    blocks = re.findall(r'```python\n(.*?)```', page.read_text('utf-8'),
                        re.DOTALL)
    return [block for block in blocks if 'default_scope' in block]


def unknown_types(value, kind, path):
    """List what the scope does not know below a config value."""
    if isinstance(value, (list, tuple)):
        return sum((unknown_types(v, kind, path) for v in value), [])
    if not isinstance(value, dict):
        return []
    unknown = []
    if kind is not None and isinstance(value.get('type'), str):
        if getattr(scope, kind).get(value['type']) is None:
            unknown.append(f'{path}: {value["type"]}')
    for key, item in value.items():
        below = KINDS.get(key, kind if key == 'datasets' else None)
        unknown += unknown_types(item, below, f'{path}.{key}')
    return unknown


@pytest.mark.parametrize('number', range(3))
def test_examples_of_the_page_build(number, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    file = tmp_path / 'example.py'
    # relative bases of the page are seen from the root
    file.write_text(examples()[number].replace("'configs/",
                                               f"'{ROOT}/configs/"))
    cfg = Config.fromfile(file)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        for key, value in cfg.items():
            if key not in ('model', 'default_hooks'):  # built by the runner
                assert not unknown_types(value, KINDS.get(key), key)
        for split in ('train', 'val'):
            dataset = cfg[f'{split}_dataloader'].dataset
            for part in dataset.get('datasets', [dataset]):
                scope.DATASETS.build({**part, 'lazy_init': True})
        assert isinstance(build_empty(cfg.model), OnlineVideoModel)
