"""How a runner sets up optimization."""
from copy import deepcopy
from typing import Dict, List, Optional, Union

from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch.optim import Optimizer
from torch.utils.data import DataLoader


class OptimRunner(Runner):
    """``Runner`` whose options on precision and batch hold in any config.

    Args of the constructor are those of ``mmengine.runner.Runner``.
    """

    def build_optim_wrapper(
            self, optim_wrapper: Union[Optimizer, OptimWrapper,
                                       Dict]) -> OptimWrapper:
        """Build the optimizer; mixed precision works on a CPU, too.

        Args:
            optim_wrapper (dict): As ``Runner.build_optim_wrapper``.

        Returns:
            OptimWrapper: The wrapper.
        """
        if isinstance(optim_wrapper, dict) and get_device(
        ) == 'cpu' and optim_wrapper.get('type') == 'AmpOptimWrapper':
            self.logger.info('mixed precision on a CPU: bfloat16')
            optim_wrapper = optim_wrapper.copy()
            optim_wrapper['type'] = 'CpuAmpOptimWrapper'
        return super().build_optim_wrapper(optim_wrapper)

    def scale_lr(self,
                 optim_wrapper: OptimWrapper,
                 auto_scale_lr: Optional[Dict] = None) -> None:
        """Scale the learning rate, also where a schedule sets it.

        ``OneCycleLR`` overwrites the learning rate of the optimizer by parts
        of its own ``eta_max``. mmengine scales the former alone.

        Args:
            optim_wrapper (OptimWrapper): As ``Runner.scale_lr``.
            auto_scale_lr (dict, optional): As ``Runner.scale_lr``.
        """
        super().scale_lr(optim_wrapper, auto_scale_lr)
        if not (auto_scale_lr or {}).get('enable', False):
            return
        loader = self._train_dataloader
        batch = loader.batch_size if isinstance(
            loader, DataLoader) else loader['batch_size']
        batch *= self.world_size
        base = auto_scale_lr['base_batch_size']
        self.param_schedulers = with_scaled_peaks(self.param_schedulers,
                                                  batch / base)
        times = getattr(optim_wrapper, '_accumulative_counts', 1)
        if times > 1:
            self.logger.warning(
                f'auto_scale_lr takes {batch} clips per step instead of '
                f'{base} and does not count '
                f'optim_wrapper.accumulative_counts={times}: use one of them')


def with_scaled_peaks(schedules: Union[Dict, List, None],
                      ratio: float) -> Union[Dict, List, None]:
    """Return schedules whose ``OneCycleLR`` have another peak.

    Args:
        schedules (dict or list, optional): Configs, not changed; a dict of
            the schedules of several optimizers is possible.
        ratio (float): What ``eta_max`` is multiplied by.
    """
    if isinstance(schedules, (list, tuple)):
        return [with_scaled_peaks(one, ratio) for one in schedules]
    if not isinstance(schedules, dict):
        return schedules
    if 'type' not in schedules:
        return {k: with_scaled_peaks(v, ratio) for k, v in schedules.items()}
    kind = getattr(schedules['type'], '__name__', schedules['type'])
    if kind.split('.')[-1] != 'OneCycleLR':
        return schedules
    scaled = deepcopy(schedules)
    scaled['eta_max'] = schedules['eta_max'] * ratio
    return scaled
