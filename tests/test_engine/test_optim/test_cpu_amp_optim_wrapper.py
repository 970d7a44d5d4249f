"""Mixed precision on a CPU trains all systems."""
import copy
from pathlib import Path

import pytest
import torch
from mmengine.device import get_device
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from torch import nn

from mmvis_plugin.engine import CpuAmpOptimWrapper
from ...recipe_steps import build, fake_batch, small_model
from ...recipes import load
from ...toy_training import build_runner

RECIPES = [
    'configs/inspro/inspro_r50_fpn_8xb1-32k_youtubevis2019.py',
    'configs/pcan/pcan-stage1-box_r50_fpn_4xb2-12e_bdd100k.py',
    'configs/pcan/pcan_r50_fpn_4xb2-12e_bdd100k.py',
    'configs/pcan/pcan-condinst-stage1_r50_fpn_4xb2-12e_youtubevis2019.py',
    'configs/cavis/cavis-segmenter_r50_8xb1-40k_coco-ovis.py',
    'configs/cavis/cavis-online_r50_8xb1-160k_coco-ovis.py',
    'configs/hybrid_tracker/panoptic-fcn_r50_fpn_8xb4-65k_viper.py',
    'configs/hybrid_tracker/hybrid-tracker-stage2_r50_fpn_2xb8-10e_viper.py'
]


def wrapper(model, cfg, kind):
    """Return the optimizer of a recipe."""
    return build_optim_wrapper(model, dict(cfg.optim_wrapper, type=kind))


def total_loss(model, cfg, optim_wrapper):
    """Return the losses of a fake batch, and their sum."""
    torch.manual_seed(1)
    batch = fake_batch(cfg)
    with optim_wrapper.optim_context(model):
        losses = model.loss(*batch)
    return losses, model.parse_losses(losses)[0]


@pytest.mark.parametrize('name', RECIPES, ids=lambda n: Path(n).stem[:20])
def test_losses_are_near_those_in_float32(name):
    cfg = load(name)
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = build(small_model(cfg)).train()
        with torch.no_grad():
            _, wanted = total_loss(model, cfg,
                                   wrapper(model, cfg, 'OptimWrapper'))
        amp = wrapper(model, cfg, 'CpuAmpOptimWrapper')
        losses, total = total_loss(model, cfg, amp)
    for key, value in losses.items():
        levels = value if isinstance(value, list) else [value]
        assert all(level.isfinite().all() for level in levels), key
    # the instance tracker computes in float32 throughout
    assert (total.item() == wanted.item()) == ('stage2_r50' in name)
    assert total.item() == pytest.approx(wanted.item(), rel=0.05)
    amp.backward(total)
    grads = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
    assert all(grad.isfinite().all() for grad in grads.values())
    amp.step()
    assert all(p.isfinite().all() for p in model.parameters())
    assert {p.dtype for p in model.parameters()} == {torch.float32}


class SeePrecision(nn.Module):
    """A layer that notes the type that it computes in."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.seen = []

    def forward(self, x):
        """Compute."""
        out = self.fc(x)
        self.seen.append(out.dtype)
        return out


@pytest.mark.parametrize('dtype', [None, 'bfloat16', torch.bfloat16])
def test_layers_compute_in_bfloat16(dtype):
    model = SeePrecision()
    amp = CpuAmpOptimWrapper(
        optimizer=torch.optim.SGD(model.parameters(), 0.1), dtype=dtype)
    with amp.optim_context(model):
        model(torch.ones(1, 4))
    model(torch.ones(1, 4))
    assert model.seen == [torch.bfloat16, torch.float32]


def test_float16_is_refused():
    optimizer = torch.optim.SGD(SeePrecision().parameters(), 0.1)
    with pytest.raises(ValueError, match="dtype='float16', expected bfloat16"):
        CpuAmpOptimWrapper(optimizer=optimizer, dtype='float16')


def test_a_checkpoint_of_a_gpu_is_read():
    model = SeePrecision()
    amp = CpuAmpOptimWrapper(
        optimizer=torch.optim.SGD(model.parameters(), 0.1, momentum=0.9))
    amp.update_params(model(torch.ones(1, 4)).sum())
    state = copy.deepcopy(amp.state_dict())
    # what AmpOptimWrapper adds
    state['loss_scaler'] = dict(scale=65536.0, growth_factor=2.0)
    other = CpuAmpOptimWrapper(
        optimizer=torch.optim.SGD(model.parameters(), 0.1, momentum=0.9))
    other.load_state_dict(state)
    assert str(other.state_dict()) == str(amp.state_dict())


@pytest.mark.skipif(get_device() != 'cpu', reason='for machines without a GPU')
def test_the_runner_takes_it_for_the_wrapper_of_gpus(tmp_path):
    runner = build_runner(str(tmp_path), name='amp')
    runner.optim_wrapper['type'] = 'AmpOptimWrapper'
    runner.optim_wrapper['loss_scale'] = 'dynamic'
    runner.train()
    assert type(runner.optim_wrapper) is CpuAmpOptimWrapper
    assert 'bfloat16' in open(runner.logger.log_file).read()
