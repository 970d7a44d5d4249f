"""Stop a training in time, with a checkpoint."""
import math
import os
import signal
import threading
from types import FrameType
from typing import Any, Dict, Optional, Sequence

import torch
from mmengine.dist import all_reduce, barrier, get_world_size, is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner

from mmvis_plugin.registry import HOOKS

_AMONG_SEVERAL = 10  # iterations


@HOOKS.register_module()
class SaveOnSignalHook(Hook):
    """Save a checkpoint and exit when a signal asks for it.

    Batch systems announce the end of a job with a signal: the time limit
    comes closer, or a more urgent job wants the machines. The training then
    finishes its iteration, saves a checkpoint through the run's
    ``CheckpointHook``, and exits with a code that says "start me again with
    ``--resume``"; ``tools/slurm_train.sh`` does so. A signal that one
    process gets stops all of them after the same iteration. The last
    iteration is not stopped: the training is about to end anyway.

    Batch systems send signals to every process of a job, also to those
    that load data: let :class:`~mmvis_plugin.engine.VideoRunner` build the
    loaders, whose workers ignore SIGTERM and SIGUSR1.

    With an ``EpochBasedTrainLoop`` the checkpoint keeps the weights, but the
    resumed run begins its epoch again.

    Args:
        signals (Sequence[str]): Names of the signals. Defaults to SIGTERM
            and SIGUSR1.
        exit_code (int): Defaults to ``EX_TEMPFAIL``, which is 75.
        interval (int, optional): Look for a signal every n-th iteration; a
            signal waits for that long, and with gradient accumulation until
            the optimizer has stepped, too. One process looks in every
            iteration by default, which costs nothing. Several have to ask
            each other, for which the host waits until the device is done
            with the iteration: they look in every 10th by default. Choose
            less where 10 iterations take longer than the signal comes ahead
            of the end. Defaults to None.

    Raises:
        ValueError: A signal has no such name, or the interval is below 1.
    """

    # after the checkpoint of the iteration and everything it contains
    priority = 'LOWEST'

    def __init__(self,
                 signals: Sequence[str] = ('SIGTERM', 'SIGUSR1'),
                 exit_code: int = os.EX_TEMPFAIL,
                 interval: Optional[int] = None) -> None:
        unknown = [n for n in signals if not hasattr(signal.Signals, n)]
        if unknown:
            raise ValueError(f'SaveOnSignalHook.signals: {unknown} are no '
                             "signals; expected names such as 'SIGUSR1'")
        if interval is not None and interval < 1:
            raise ValueError(f'SaveOnSignalHook.interval: {interval}, '
                             'expected at least 1, or None')
        self.signals = [signal.Signals[name] for name in signals]
        self.exit_code = exit_code
        self.interval = interval
        self._received: Optional[signal.Signals] = None
        self._previous: Dict[signal.Signals, Any] = {}

    def before_train(self, runner: Runner) -> None:
        """Begin to listen.

        Args:
            runner (Runner): The runner.
        """
        if threading.current_thread() is not threading.main_thread():
            runner.logger.warning('SaveOnSignalHook: signals reach the main '
                                  'thread only, this training is in another')
            return
        self._received = None
        for number in self.signals:
            self._previous[number] = signal.signal(number, self._note)

    def _note(self, number: int, frame: Optional[FrameType]) -> None:
        self._received = signal.Signals(number)

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Any = None,
                         outputs: Optional[dict] = None) -> None:
        """Save and exit if any process got a signal.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Number of the batch in the loop.
            data_batch (Any): Not used. Defaults to None.
            outputs (dict, optional): Not used. Defaults to None.

        Raises:
            SystemExit: With ``exit_code``, in all processes.
        """
        if self.is_last_train_iter(runner) or not self.every_n_train_iters(
                runner, self._period(runner)) or not self._is_asked():
            return
        name = self._received.name if self._received else 'another process'
        runner.logger.warning(
            f'stopped by {name} after iteration {runner.iter + 1}: saving a '
            f'checkpoint, then exit with code {self.exit_code}')
        self._save(runner, batch_idx)
        # nobody leaves before the file is there
        barrier()
        raise SystemExit(self.exit_code)

    def _period(self, runner: Runner) -> int:
        interval = self.interval
        if interval is None:
            interval = 1 if get_world_size() == 1 else _AMONG_SEVERAL
        # gradients of a step that is not complete are in no checkpoint
        steps = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
        return math.lcm(interval, steps)

    def _is_asked(self) -> bool:
        if get_world_size() == 1:
            return self._received is not None
        asked = torch.tensor(float(self._received is not None))
        all_reduce(asked, 'max')
        return bool(asked)

    def after_train(self, runner: Runner) -> None:
        """Leave the signals to whom they belonged.

        Args:
            runner (Runner): The runner.
        """
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _save(self, runner: Runner, batch_idx: int) -> None:
        saver = next(
            (h for h in runner.hooks if isinstance(h, CheckpointHook)), None)
        if saver is not None and not saver.by_epoch:
            if not self.every_n_train_iters(runner, saver.interval,
                                            saver.save_begin):
                # its own way to save keeps count of the files
                saver.interval, saver.save_begin = 1, 0
                saver.after_train_iter(runner, batch_idx)
            return
        folder = runner.work_dir if saver is None else saver.out_dir
        name = f'iter_{runner.iter + 1}.pth'
        start = runner.epoch * len(runner.train_dataloader)
        runner.save_checkpoint(
            folder,
            name,
            meta=dict(epoch=runner.epoch, iter=start),
            by_epoch=False)
        if is_main_process():
            note = os.path.join(runner.work_dir, 'last_checkpoint')
            with open(note, 'w', encoding='utf-8') as file:
                file.write(os.path.join(folder, name))
