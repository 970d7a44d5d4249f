"""Hold a training of a Slurm job until its signal is sent."""
import os
import os.path as osp
import time

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class PauseHook(Hook):
    """Wait in an iteration until a file is there.

    Args:
        iteration (int): The iteration, from 1.
        folder (str): Gets ``paused<rank>`` when the wait begins; it ends
            with ``continue`` in it.
    """

    def __init__(self, iteration: int, folder: str) -> None:
        self.iteration = iteration
        self.folder = folder

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Wait, two minutes at most."""
        if runner.iter + 1 != self.iteration:
            return
        open(osp.join(self.folder, f'paused{runner.rank}'), 'w').close()
        for _ in range(1200):
            if osp.exists(osp.join(self.folder, 'continue')):
                return
            time.sleep(0.1)
        raise TimeoutError(f'nobody sent a signal to {os.getpid()}')
