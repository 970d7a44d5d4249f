"""The benchmark of two processes counts and compares rightly."""
import argparse
import sys
from pathlib import Path
from unittest import mock

import pytest
import torch
import torch.distributed as dist
from mmengine.registry import DefaultScope

from ..recipe_steps import build, small_model

TOOLS = Path(__file__).parents[2] / 'tools/analysis_tools'


@pytest.fixture(scope='module')
def tool():
    """Import the tool."""
    with mock.patch.object(sys, 'path', [str(TOOLS), *sys.path]):
        import benchmark_distributed
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield benchmark_distributed


def test_gradients_are_those_of_trained_parameters(tool):
    model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Linear(5, 2))
    assert tool.gradient_bytes(model) == 4 * (15 + 5 + 10 + 2)
    model[0].requires_grad_(False)
    assert tool.gradient_bytes(model) == 4 * 12
    assert tool.sent_bytes(100, 2) == 100 and tool.sent_bytes(100, 8) == 175


def test_table_of_bytes(tool, monkeypatch, capsys):
    stages = {
        name: tool.RECIPES[name]
        for name in ('PCAN', 'HybridTracker, instances')
    }
    monkeypatch.setattr(tool, 'RECIPES', stages)
    tool.report_bytes(argparse.Namespace(gpus=[2, 8], step=0.3))
    rows = [
        line.strip('| ').split(' | ')
        for line in capsys.readouterr().out.splitlines()
        if line.startswith(tuple(f'| {name}' for name in stages))
    ]
    for name, _, trained, size, two, hidden, eight, _ in rows:
        assert name in stages
        assert float(size) == pytest.approx(4 * float(trained), abs=.3)
        assert two == size
        assert float(eight) == pytest.approx(1.75 * float(size), abs=.2)
        # megabytes in 0.2 s
        assert float(hidden) == pytest.approx(8 * float(two) / 200, abs=.02)


def test_ratios_are_of_neighbouring_blocks(tool):
    alone, apart, together = [1., 2.], [1., 4.], [2., 4.5]
    cells = tool.speeds(dict(zip(tool.MODES, (alone, apart, together))))
    assert cells[0] == '0.75 (0.50 to 1.00)'
    assert cells[2] == '0.72 (0.44 to 1.00)'
    assert cells[3] == '1.50 (1.00 to 2.00)'
    assert cells[4] == '0.94 (0.89 to 1.00)'
    assert cells[5] == '750.0 (500.0 to 1000.0)'


def small(tool, system):
    """Return the config of a system with a small model."""
    cfg = tool.load(system)
    assert cfg.model.get('init_cfg') is None
    cfg.model = small_model(cfg)
    return cfg


def test_clips_train_every_system(tool):
    for system in tool.RUN:
        cfg = small(tool, system)
        model = build(cfg.model).train()
        inputs, samples = tool.training_batch(cfg, (64, 96), 0)
        assert inputs.shape[0] == len(samples) == 1
        losses = model.loss(inputs, samples)
        assert model.parse_losses(losses)[0].isfinite(), system


def test_steps_of_all_modes(tool, tmp_path):
    dist.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/meeting', rank=0, world_size=1)
    try:
        trainer = tool.Trainer(
            small(tool, 'InsPro'), (64, 96), 0, torch.device('cpu'))
        before = [p.detach().clone() for p in trainer.model.parameters()]
        told = mock.patch.object(dist, 'all_reduce', wraps=dist.all_reduce)
        with mock.patch.object(trainer, 'step', wraps=trainer.step) as step:
            for mode in tool.MODES:
                with told as reduce:
                    assert 0 < trainer.time_block(mode, 1, 0) < 60
                # a process would wait for one that does not train
                assert reduce.called == (mode == tool.MODES[2]), mode
            # the other process waits while one is alone
            trainer.time_block(tool.MODES[0], 1, 1)
        assert [call.args[1] for call in step.call_args_list] == tool.MODES
        for old, new in zip(before, trainer.model.parameters()):
            assert torch.equal(old, new)
    finally:
        dist.destroy_process_group()


@pytest.mark.parametrize('words, text', [
    (['bytes', '--step', '0'], '--step 0.0 --gpus'),
    (['bytes', '--gpus', '1'], 'at least 2 GPUs'),
    (['run', '--repeats', '0'], '--repeats 0: expected at least 1'),
])
def test_wrong_options(tool, words, text):
    with mock.patch.object(sys, 'argv', ['benchmark', *words]):
        with pytest.raises(ValueError, match=text):
            tool.parse_args()
