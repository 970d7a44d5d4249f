"""Batches may be scaled or accumulated; both do what they say."""
import copy

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from mmvis_plugin.engine.runner.optim_runner import with_scaled_peaks
from mmvis_plugin.testing import fake_clips
from ...recipe_steps import build, small_model
from ...recipes import load, num_classes
from ...toy_training import build_runner

INSPRO = 'configs/inspro/inspro_r50_fpn_8xb1-32k_youtubevis2019.py'
STEP = dict(type='MultiStepLR', by_epoch=False, milestones=[3], gamma=0.1)
CYCLE = dict(type='OneCycleLR', eta_max=0.05, total_steps=9, by_epoch=False)


def rates_of(tmp_path, schedule, base=None, iters=9, **optim):
    """Return the runner and the learning rates of its optimizer steps."""
    runner = build_runner(
        str(tmp_path),
        name=tmp_path.name,
        auto_scale_lr=base and dict(enable=True, base_batch_size=base))
    runner.param_schedulers = copy.deepcopy(schedule)
    runner._train_loop['max_iters'] = iters
    rates = []

    class Watched(torch.optim.AdamW):
        """AdamW that notes its learning rate."""

        def step(self, *args, **kwargs):
            rates.append(self.param_groups[0]['lr'])
            return super().step(*args, **kwargs)

    runner.optim_wrapper.update(optim, optimizer=dict(type=Watched, lr=0.05))
    runner.train()
    return runner, rates


@pytest.mark.parametrize(
    'schedule', [STEP, CYCLE, [CYCLE]], ids=['steps', 'cycle', 'list'])
def test_scaled_learning_rates(tmp_path, schedule):
    _, plain = rates_of(tmp_path / 'plain', schedule)
    # 3 numbers per step instead of 12
    _, scaled = rates_of(tmp_path / 'scaled', schedule, base=12)
    assert len(set(plain)) > 1
    assert scaled == pytest.approx([rate / 4 for rate in plain])


def test_a_switch_that_is_off_scales_nothing(tmp_path):
    runner = build_runner(str(tmp_path), name='off')
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    for switch in (None, dict(base_batch_size=1),
                   dict(enable=False, base_batch_size=1)):
        runner.scale_lr(runner.optim_wrapper, switch)
    assert runner.optim_wrapper.get_lr()['lr'] == [0.05]
    assert runner.param_schedulers == CYCLE


def test_scaling_and_accumulating_at_once_is_warned_of(tmp_path):
    runner, _ = rates_of(tmp_path, STEP, base=12, accumulative_counts=4)
    with open(runner.logger.log_file, encoding='utf-8') as file:
        log = file.read()
    assert (
        'auto_scale_lr takes 3 clips per step instead of 12 and does not '
        'count optim_wrapper.accumulative_counts=4: use one of them') in log


def test_schedules_of_several_optimizers():
    given = dict(
        a=dict(CYCLE),
        b=[dict(STEP), dict(CYCLE, type='mmengine.'
                            'OneCycleLR')])
    scaled = with_scaled_peaks(given, 0.5)
    assert scaled['a']['eta_max'] == scaled['b'][1]['eta_max'] == 0.025
    assert scaled['b'][0] == STEP and given['a'] == CYCLE
    assert with_scaled_peaks(None, 2.) is None


def test_a_schedule_of_accumulated_batches_is_as_many_times_as_long(tmp_path):
    _, plain = rates_of(tmp_path / 'plain', STEP)
    longer = dict(STEP, milestones=[9])
    _, accumulated = rates_of(
        tmp_path / 'longer', longer, iters=27, accumulative_counts=3)
    assert accumulated == plain and len(plain) == 9
    # without that, mmengine takes fewer steps; the last one has one batch
    _, short = rates_of(
        tmp_path / 'short', STEP, iters=10, accumulative_counts=3)
    assert len(short) == 4


def optimizer_of(model, cfg, times):
    """Return a wrapper that clips as a recipe does."""
    return build_optim_wrapper(
        model,
        dict(
            optimizer=dict(type='SGD', lr=0.1),
            clip_grad=dict(cfg.optim_wrapper.clip_grad),
            accumulative_counts=times))


def test_two_accumulated_clips_are_a_batch_of_two():
    cfg = load(INSPRO)
    # as many objects in a frame of both: losses are divided by their number
    clips = [[[1, 2], [2, 3], [1]], [[2, 3], [3, 1], [2]]]
    inputs, samples = fake_clips(clips, num_classes(cfg))
    weights = []
    for batches in ([[0, 1]], [[0], [1]]):
        with DefaultScope.overwrite_default_scope('mmdet'):
            model = build(small_model(cfg)).train()
        params = dict(model.named_parameters())
        before = {key: p.detach().clone() for key, p in params.items()}
        wrapper = optimizer_of(model, cfg, len(batches))
        for i, chosen in enumerate(batches):
            losses = model.loss(inputs[chosen], [samples[c] for c in chosen])
            wrapper.update_params(model.parse_losses(losses)[0])
            moved = [k for k, p in params.items() if not p.equal(before[k])]
            assert bool(moved) == (i + 1 == len(batches))
        weights.append(params)
    errors = {
        key: (value - weights[1][key]).abs().max().item()
        for key, value in weights[0].items()
    }
    worst = max(errors, key=errors.get)
    assert errors[worst] < 1e-5, (worst, errors[worst])
    steps = [(p - before[k]).abs().max().item() for k, p in params.items()]
    assert max(steps) > 1e-3
