import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn

from mmvis_plugin.registry import MODELS
from mmvis_plugin.testing import fake_metainfo

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools/deployment'
INSPRO = ROOT / 'configs/inspro/inspro_r18_fpn_movingshapes-tiny.py'
CAVIS = ROOT / 'configs/cavis/cavis-online_r18_movingshapes-tiny.py'
PCAN = ROOT / 'configs/pcan/pcan_r18_fpn_movingshapes-tiny.py'
SIZE, PADDED = (60, 90), (64, 96)


@pytest.fixture()
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    spec = importlib.util.spec_from_file_location('export_onnx',
                                                  TOOLS / 'export_onnx.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield module


@pytest.fixture()
def export(tool, monkeypatch, tmp_path, capsys):
    """Return a function that runs the tool and returns exit code and text."""

    def call(config, *words):
        pytest.importorskip('onnx', reason='onnx is not installed')
        pytest.importorskip(
            'onnxruntime', reason='onnxruntime is not installed')
        monkeypatch.setattr(sys, 'argv', [
            'export_onnx.py',
            str(config), '--out',
            str(tmp_path / 'net.onnx'), '--shape', *map(str, SIZE), *words
        ])
        torch.manual_seed(0)
        try:
            tool.main()
        except SystemExit as stop:
            return stop.code, capsys.readouterr()
        return 0, capsys.readouterr()

    return call


def session_of(path):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(path), options, providers=['CPUExecutionProvider'])
    names = [output.name for output in session.get_outputs()]

    def run(feed):
        return dict(zip(names, session.run(None, feed)))

    return run


def seeded_model(config, **options):
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(options)
    torch.manual_seed(0)
    return MODELS.build(cfg.model).eval()


def close(found, expected, atol=1e-3):
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-3, atol=atol)


@torch.no_grad()
def test_files_of_inspro_lite_follow_a_video(export, tmp_path):
    options = {
        'model.roi_head.num_stages': 2,
        'model.roi_head.bank_size': 2,
        'model.roi_head.lite_head': True,
        'model.roi_head.key_interval': 2
    }
    code, out = export(INSPRO, '--check', '--cfg-options',
                       *(f'{k}={v}' for k, v in options.items()))
    assert code == 0
    assert out.out.count('mask_logits: differs by') == 2
    runs = [
        session_of(tmp_path / name) for name in ('net.onnx', 'net-lite.onnx')
    ]
    carried = dict(np.load(tmp_path / 'net-state.npz'))
    model = seeded_model(INSPRO, **options)
    meta = fake_metainfo(0, 6, size=SIZE)
    state = model.init_state(meta)
    for frame in range(6):
        image = torch.randn(1, 3, *PADDED)
        output, state = model.step(image, meta, state)
        names = ['query', 'boxes', 'bank',
                 'bank_valid'][:2 if frame % 2 else 4]
        found = runs[frame % 2](
            dict({name: carried[name]
                  for name in names}, image=image.numpy()))
        carried.update({name: found[f'next_{name}'] for name in names})
        masks = model.roi_head.mask_head(output.mask_feats[None],
                                         output.mask_params[None],
                                         output.boxes[None])
        close(found['logits'][0], output.logits)
        close(found['pred_boxes'][0], output.boxes, 0.05)
        close(found['mask_logits'], masks, 0.02)
        close(carried['query'], state.query)
    assert carried['bank_valid'].tolist() == [True, True]
    close(carried['bank'], state.bank)


@torch.no_grad()
def test_segmenter_of_cavis(export, tmp_path):
    code, _ = export(CAVIS, '--cfg-options',
                     'model.segment_head.transformer_decoder.num_layers=2')
    assert code == 0 and not (tmp_path / 'net-state.npz').exists()
    run = session_of(tmp_path / 'net.onnx')
    model = seeded_model(
        CAVIS, **{'model.segment_head.transformer_decoder.num_layers': 2})
    image = torch.randn(1, 3, *PADDED)
    expected, found = model.encode(image), run(dict(image=image.numpy()))
    assert list(found) == list(expected._fields)
    for name, value in found.items():
        close(value, getattr(expected, name))
    # all sizes are fixed
    with pytest.raises(Exception, match='invalid dimensions'):
        run(dict(image=np.zeros((1, 3, 128, 96), np.float32)))


class Counter(nn.Module):
    """Adds its images up; a network with a state that is checked fast."""
    first_state = dict(total=torch.ones(2))
    output_names = ['mean', 'next_total']

    def forward(self, image, total):
        return image.mean(), total + image.mean() + 1


def test_a_state_that_goes_astray_is_found(tool, monkeypatch):
    runtime = pytest.importorskip(
        'onnxruntime', reason='onnxruntime is not installed')
    network = Counter()

    class Session:

        def __init__(self, *args, **kwargs):
            self.frames = 0

        def run(self, names, feed):
            self.frames += 1
            mean = feed['image'].mean()
            lost = 0.3 * (self.frames == 2)
            return [mean, feed['total'] + mean + 1 - lost]

    monkeypatch.setattr(runtime, 'InferenceSession', Session)
    assert tool.differences(network, '', (4, 4), 1)['next_total'] < 1e-6
    found = tool.differences(network, '', (4, 4), 4)
    assert found['mean'] < 1e-6 and 0.05 < found['next_total'] < 0.3


def test_differences_are_relative_to_the_largest_value(tool):
    ones = np.ones((2, 3), np.float32)
    assert tool.relative_difference(ones * 4, ones * 3) == 0.25
    assert tool.relative_difference(ones > 0, ones > 2) == 1
    assert tool.relative_difference(ones, ones[:1]) == float('inf')
    assert tool.relative_difference(ones, ones * np.nan) == float('inf')


def test_check_fails_beyond_the_tolerance(tool, export, monkeypatch):
    monkeypatch.setattr(tool, 'export', lambda *args: None)
    monkeypatch.setattr(tool, 'differences', lambda *args: dict(logits=2e-3))
    code, out = export(INSPRO, '--check')
    assert code == 1 and 'onnxruntime gives something else' in out.out
    assert export(INSPRO, '--check', '--tolerance', '0.01')[0] == 0


def test_what_cannot_be_exported_ends_in_one_line(tool, export, monkeypatch):
    code, out = export(PCAN)
    assert code == 1
    assert 'PCAN has no network per frame' in out.err
    assert '--opset-version 13: ' in export(INSPRO, '--opset-version',
                                            '13')[1].err
    monkeypatch.setattr(tool, 'find_spec', lambda name: None)
    assert 'pip install onnx onnxruntime' in export(INSPRO, '--check')[1].err
