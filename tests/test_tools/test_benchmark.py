import importlib.util
import json
import sys
from pathlib import Path

import cv2
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmvis_plugin.registry import MODELS
from ..spot_tracker import SpotTracker, spot_config, spot_frame

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools/analysis_tools'
TINY = dict(
    InsPro='inspro/inspro_r18_fpn_movingshapes-tiny.py',
    PCAN='pcan/pcan_r18_fpn_movingshapes-tiny.py',
    CAVIS='cavis/cavis-online_r18_movingshapes-tiny.py',
    HybridTracker='hybrid_tracker/'
    'hybrid-tracker-stage2_r18_fpn_movingshapes-vps-tiny.py')


@pytest.fixture()
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    spec = importlib.util.spec_from_file_location('benchmark',
                                                  TOOLS / 'benchmark.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    num_threads = torch.get_num_threads()
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield module
    torch.set_num_threads(num_threads)


@pytest.fixture()
def run(tool, monkeypatch, capsys, tmp_path):
    """Return a function that runs the tool; it returns JSON and text."""

    def call(config, *words):
        monkeypatch.setattr(sys, 'argv', [
            'benchmark.py',
            str(config), '--device', 'cpu', '--threads', '1', '--work-dir',
            str(tmp_path), *map(str, words)
        ])
        tool.main()
        return (json.loads((tmp_path / 'benchmark.json').read_text()),
                capsys.readouterr().out)

    return call


@pytest.fixture()
def spots(tmp_path):
    """Write a data set of two videos of the spot tracker, and its config."""
    cfg = spot_config()
    videos = []
    for number, length in ((1, 3), (2, 4)):
        names = [f'{number}/{t}.png' for t in range(length)]
        (tmp_path / str(number)).mkdir()
        for t, name in enumerate(names):
            cv2.imwrite(str(tmp_path / name), spot_frame(t))
        videos.append(
            dict(
                id=number,
                width=80,
                height=60,
                length=length,
                file_names=names))
    (tmp_path / 'spots.json').write_text(
        json.dumps(
            dict(
                videos=videos,
                categories=[dict(id=1, name='even'),
                            dict(id=2, name='odd')],
                annotations=None)))
    cfg.test_dataloader.dataset.update(
        data_root=str(tmp_path), ann_file='spots.json')
    cfg.test_dataloader.update(
        batch_size=1,
        num_workers=0,
        sampler=dict(type='VideoWindowSampler', window=2),
        collate_fn=dict(type='pseudo_collate'))
    path = tmp_path / 'spots.py'
    path.write_text(cfg.pretty_text)
    return path


@pytest.mark.parametrize('kind', TINY)
def test_methods_of_all_parts_are_there(tool, kind):
    cfg = Config.fromfile(ROOT / 'configs' / TINY[kind]).model
    model = MODELS.build(cfg)
    parts = tool.parts_of(model)
    assert list(parts)[0] == tool.INPUT and list(parts)[-1] == tool.RESULTS
    assert set(tool.NETWORK) < set(parts)
    # names of a part that this config leaves out
    optional = {'frame_pcam.fuse', 'segmentor.extract_feat'}
    for path in sum(parts.values(), []):
        found = sys.modules['stopwatch'].get_part(model, path)
        assert callable(found) or path in optional, path


def test_parts_of_a_frame_add_up(run):
    found, out = run(ROOT / 'configs' / TINY['InsPro'], '--shape', 60, 90,
                     '--max-iter', 4, '--num-warmup', 1, '--repeat-num', 2,
                     '--log-interval', 2, '--cfg-options',
                     'model.roi_head.num_stages=1')
    rows = {
        cells[1].strip(): cells[2:-1]
        for cells in (line.split('|') for line in out.splitlines()
                      if line.startswith('| '))
    }
    names = ['input', 'backbone', 'head', 'association', 'results', 'rest']
    assert list(rows)[2:] == [*names, 'frame']
    assert list(found['parts_ms']) == names
    assert min(found['parts_ms'].values()) > 0
    shares = [float(rows[name][1].strip(' %')) for name in names]
    assert abs(sum(shares) - 100) < 0.5
    assert out.count('frame 2: ') == 2
    speed = float(out.split('frames per second: ')[1].split(';')[0])
    assert speed == pytest.approx(1e3 / found['ms_per_frame'], abs=0.01)
    network = float(out.split('network alone ')[1].split()[0])
    assert network > speed
    assert found['memory']['resident'] > 2**27


def test_frames_of_a_data_set_and_of_files(run, spots, tmp_path, monkeypatch):
    seen = []
    plain = SpotTracker.advance

    def advance(self, feats, metainfo, state):
        seen.append((metainfo['frame_id'], metainfo.get('img_path')))
        return plain(self, feats, metainfo, state)

    monkeypatch.setattr(SpotTracker, 'advance', advance)
    found, _ = run(spots, '--num-warmup', 0)
    assert [t for t, _ in seen] == [0, 1, 2, 0, 1, 2, 3]
    assert seen[1][1] == str(tmp_path / '1/1.png')
    # nothing is known of the parts of this model
    assert set(found['parts_ms']) == {'input', 'results', 'rest'}
    seen.clear()
    run(spots, '--num-warmup', 2, '--max-iter', 5)
    assert [t for t, _ in seen] == [0, 1, 0, 1, 2, 0, 1]
    seen.clear()
    run(spots, '--num-warmup', 0, '--input', tmp_path / '2')
    assert [t for t, _ in seen] == [0, 1, 2, 3]


def test_speed_of_data(run, spots):
    found, out = run(spots, '--task', 'dataset', '--max-iter', 4,
                     '--num-warmup', 1)
    assert 'samples per second: ' in out
    # whole videos of 3 and 4 frames in turn; the first is the warm-up and
    # the second starts the clock: 3 + 4 + 3 frames of 3 samples remain
    ratio = found['frames'] / found['samples']
    assert ratio == pytest.approx(10 / 3)
    found, out = run(spots, '--task', 'dataloader', '--num-warmup', 0)
    # windows of 2, 1, 2 and 2 frames, the first starts the clock
    assert found['frames'] / found['batches'] == pytest.approx(5 / 3)


def test_errors_are_one_line(run, spots, capsys):
    for words, message in (
        (('--dataset-type', 'train'), 'no train_dataloader; choose another'),
        (('--task', 'dataloader', '--num-warmup', '9'), '4 batches are too'),
        (('--repeat-num', '0'), '--repeat-num 0: expected at least 1'),
    ):
        with pytest.raises(SystemExit):
            run(spots, *words)
        # log lines may come before
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert error.startswith('error: ') and message in error
