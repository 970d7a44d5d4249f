"""Checkpoints that are handed out."""
import hashlib
import json
import os
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.logging import HistoryBuffer
from mmengine.model import ExponentialMovingAverage
from torch import nn

from mmvis_plugin.utils.checkpoint import load_weights, read_checkpoint

TOOL = Path(__file__).parents[2] / 'tools/misc/publish_model.py'
CFG = "a = '/data/me/videos/train.json'\nb = 'configs/x.py'\nc = '/'\n"


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Return a function that runs the tool and returns what it says."""
    monkeypatch.chdir(tmp_path)

    def run_tool(*words):
        monkeypatch.setattr(sys, 'argv', ['publish', *map(str, words)])
        code = 0
        try:
            runpy.run_path(str(TOOL), run_name='__main__')
        except SystemExit as stop:
            code = stop.code
        said = capsys.readouterr()
        return code, said.out.strip(), said.err.strip()

    return run_tool


def network():
    """Return a network with floats, counters and what says its stage."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    model.register_buffer('stage_record', torch.tensor([2]))
    return model


def save(path='run.pth', model=None, **more):
    """Write a checkpoint as training does."""
    model = model or network()
    content = dict(
        meta=dict(
            cfg=CFG,
            iter=500,
            dataset_meta=dict(classes=('disc', 'square')),
            hook_msgs=dict(last_ckpt='/data/me/run.pth')),
        message_hub=dict(loss=HistoryBuffer([1.], [1])),
        optimizer=dict(state=[torch.zeros(1000)]))
    content.update({'state_dict': model.state_dict(), **more})
    torch.save(content, path)
    return model


def published():
    return [name for name in os.listdir() if name.startswith('out')]


def test_what_is_kept_and_what_is_not(run):
    model = save()
    code, said, _ = run('run.pth', 'out.pth')
    (name, ) = published()
    digest = hashlib.sha256(Path(name).read_bytes()).hexdigest()
    assert code == 0 and name == f'out-{digest[:8]}.pth'
    assert f'SHA256: {digest}' in said and f'https://.../{name}' in said
    content = read_checkpoint(name)
    assert set(content) == {'meta', 'state_dict'}
    assert content['meta'] == dict(
        cfg="a = 'train.json'\nb = 'configs/x.py'\nc = '/'\n",
        iter=500,
        dataset_meta=dict(classes=('disc', 'square')))
    other = network()
    load_weights(other, name)
    for key, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)


def test_same_checkpoint_same_file(run):
    save()
    run('run.pth', 'out.pth')
    run('run.pth', 'out')
    assert len(published()) == 1


def test_views_bring_only_themselves(run):
    model = network()
    large = torch.arange(100000.).reshape(-1, 1)
    model.register_buffer('view', large[:3])
    save(model=model)
    run('run.pth', 'out.pth')
    (name, ) = published()
    assert Path(name).stat().st_size < 20000


def test_averaged_and_raw_weights(run):
    # what EMAHook itself writes
    hook, raw = EMAHook(), network()
    hook.ema_model = ExponentialMovingAverage(raw)
    with torch.no_grad():
        raw[0].weight += 1
    checkpoint = dict(state_dict=raw.state_dict())
    hook.before_save_checkpoint(None, checkpoint)
    save(**checkpoint)
    for ema in ('raw', 'averaged'):
        run('run.pth', f'out_{ema}.pth', '--ema', ema)
    found = {
        ema:
        read_checkpoint(next(n for n in published() if ema in n))['state_dict']
        for ema in ('raw', 'averaged')
    }
    assert torch.equal(found['raw']['0.weight'], raw[0].weight)
    assert torch.allclose(found['averaged']['0.weight'], raw[0].weight - 1)
    assert set(found['raw']) == set(raw.state_dict())


def test_raw_weights_need_the_hook(run):
    save()
    code, _, err = run('run.pth', 'out.pth', '--ema', 'raw')
    assert code == 1 and 'without EMAHook' in err and not published()


def test_half(run):
    model = save()
    assert run('run.pth', 'out.pth', '--half')[0] == 0
    other = network()
    load_weights(other, published()[0])
    assert other[0].weight.dtype == torch.float32
    assert torch.allclose(other[0].weight, model[0].weight, atol=1e-3)
    assert other.stage_record.tolist() == [2]


@pytest.mark.parametrize('value, options, text',
                         [(float('nan'), [], 'not finite'),
                          (1e6, ['--half'], '65504')])
def test_weights_that_are_no_good(run, value, options, text):
    model = network()
    with torch.no_grad():
        model[0].bias[1] = value
    save(model=model)
    code, _, err = run('run.pth', 'out.pth', *options)
    assert code == 1 and text in err and '0.bias' in err
    assert not published()


def test_log_goes_beside_it(run):
    save()
    Path('scalars.json').write_text('{"loss": 1.0}\n{"loss": 0.5}\n')
    run('run.pth', 'out.pth', '--log', 'scalars.json')
    log, weights = sorted(published())
    assert log == weights.replace('.pth', '.json')
    lines = Path(log).read_text().splitlines()
    assert [json.loads(line)['loss'] for line in lines] == [1., .5]
    Path('run.log').write_text('2026/01/01 - INFO\n')
    code, _, err = run('run.pth', 'other.pth', '--log', 'run.log')
    assert code == 1 and 'scalars.json' in err
    assert not list(Path().glob('other*'))


def test_keys_and_files_that_are_not_there(run):
    save()
    code, _, err = run('run.pth', 'out.pth', '--save-keys', 'meta', 'ema')
    assert code == 1 and 'has no ema' in err
    code, _, err = run('none.pth', 'out.pth')
    assert code == 1 and 'no such checkpoint' in err
    Path('broken.pth').write_bytes(Path('run.pth').read_bytes()[:500])
    assert run('broken.pth', 'out.pth')[0] == 1
    assert not published()
