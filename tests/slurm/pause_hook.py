"""Hold a training of a Slurm job until its signal is there."""
import os.path as osp
import signal
import time

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

LIMIT = 600  # seconds


@HOOKS.register_module()
class PauseHook(Hook):
    """Wait in an iteration until a signal has come.

    Args:
        iteration (int): The iteration, from 1.
        folder (str): Gets ``paused<rank>`` when the wait begins.
    """

    def __init__(self, iteration: int, folder: str) -> None:
        self.iteration = iteration
        self.folder = folder
        self.came = False

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Wait; the signal also gets to whom it was to get before."""
        if runner.iter + 1 != self.iteration:
            return
        for number in (signal.SIGTERM, signal.SIGUSR1):
            self._listen(number)
        open(osp.join(self.folder, f'paused{runner.rank}'), 'w').close()
        end = time.monotonic() + LIMIT
        while not self.came:
            if time.monotonic() > end:
                raise TimeoutError(f'no signal in {LIMIT} seconds')
            time.sleep(0.1)

    def _listen(self, number) -> None:
        before = signal.getsignal(number)

        def note(number, frame):
            before(number, frame)
            self.came = True

        signal.signal(number, note)
