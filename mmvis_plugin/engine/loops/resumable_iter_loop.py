"""Iteration-based training that resumes to the same numbers."""
from multiprocessing.connection import wait
from typing import Dict, Iterator, Optional, Sequence, Union

from mmengine.dist import get_rank
from mmengine.runner import IterBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from mmvis_plugin.datasets.seeded_draws import seeded_loader
from mmvis_plugin.registry import LOOPS
from mmvis_plugin.utils.errors import DataWorkerError
from mmvis_plugin.utils.explain_fault import (dead_workers,
                                              explain_dead_worker,
                                              find_dead_worker)
from mmvis_plugin.utils.seeding import derive_seed, seed_process

_STEP_STREAM = 1


@LOOPS.register_module()
class ResumableIterLoop(IterBasedTrainLoop):
    """Train by iterations; a resumed run equals an uninterrupted one.

    ``IterBasedTrainLoop`` of mmengine restores weights, optimizer and
    schedule, but random numbers go on from wherever a fresh process has
    them. Here they depend on the seed and the position alone: every sample
    is loaded under a seed of its draw, every training step runs under a
    seed of its iteration. Nothing about random states is stored, the number
    of workers has no influence, and validation in between changes nothing.
    On resume the sampler is advanced without loading data.

    Equality to the last bit also needs a fixed ``randomness.seed``, the same
    number of processes, and deterministic kernels
    (``randomness.deterministic`` on a GPU). With gradient accumulation,
    checkpoints have to fall on optimizer steps.

    Args:
        runner (Runner): The runner.
        dataloader (DataLoader or dict): Training data; any map-style
            dataset and any sampler. One that ends is started again.
        *args: Passed to ``IterBasedTrainLoop``: ``max_iters``,
            ``val_begin``, ``val_interval``, ``dynamic_intervals``.
        **kwargs: The same by name.
    """

    def __init__(self, runner: Runner, dataloader: Union[DataLoader, Dict],
                 *args, **kwargs) -> None:
        if isinstance(dataloader, dict):
            dataloader = runner.build_dataloader(
                dataloader,
                seed=runner.seed,
                diff_rank_seed=self._has_rank_seeds(runner))
        loader = seeded_loader(dataloader, runner.seed, get_rank())
        super().__init__(runner, loader, *args, **kwargs)

    @staticmethod
    def _has_rank_seeds(runner: Runner) -> bool:
        return runner._randomness_cfg.get('diff_rank_seed', False)

    def run(self) -> None:
        """Train from the current iteration to ``max_iters``.

        Returns:
            nn.Module: The trained model.

        Raises:
            DataWorkerError: A worker of the loader died; says what it was
                loading and what to do.
        """
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        self.dataloader_iterator = self._draw_from(self._iter)
        try:
            while self._iter < self._max_iters and not self.stop_training:
                self.runner.model.train()
                self.run_iter(next(self.dataloader_iterator))
                self._decide_current_val_interval()
                if self._is_time_to_validate():
                    self.runner.val_loop.run()
        except Exception as err:
            text = find_dead_worker(err) or self._find_lost_worker(err)
            if text is None:
                raise
            raise DataWorkerError(self._explain(text)) from err
        finally:
            # Stops the workers now; left to the garbage collector they are
            # waited for at some later time, for seconds.
            self.dataloader_iterator = None
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_iter(self, data_batch: Sequence[dict]) -> None:
        """Run one step under the seed of the iteration.

        Args:
            data_batch (Sequence[dict]): A batch from the loader.
        """
        seed_process(
            derive_seed(self.runner.seed, get_rank(), _STEP_STREAM,
                        self._iter))
        super().run_iter(data_batch)

    def _find_lost_worker(self, err: Exception) -> Optional[str]:
        """Name the worker behind a lost connection; torch is later."""
        if (not isinstance(err, (EOFError, OSError))
                or str(err).startswith('Caught ')):
            return None
        workers = getattr(self.dataloader_iterator, '_workers', [])
        try:
            ended = wait([worker.sentinel for worker in workers], timeout=2)
        except RuntimeError as death:  # now it has noticed
            return find_dead_worker(death)
        if not ended:
            return None
        pids = ', '.join(str(w.pid) for w in workers if w.sentinel in ended)
        return f'DataLoader worker (pid(s) {pids}) exited unexpectedly'

    def _explain(self, text: str) -> str:
        samples = map(self.dataloader.dataset.loaded_by, dead_workers(text))
        return explain_dead_worker(text, ', '.join(filter(None, samples)))

    def _draw_from(self, start: int) -> Iterator:
        batches = self.dataloader.batch_sampler
        batches.start = start
        if batches.seed != self.runner.seed:
            # The resumed checkpoint brought the seed of its run.
            batches.seed = self.runner.seed
            if not self._has_rank_seeds(self.runner):
                batches.sampler.seed = self.runner.seed
        return iter(self.dataloader)

    def _is_time_to_validate(self) -> bool:
        if self.runner.val_loop is None or self._iter < self.val_begin:
            return False
        return (self._iter % self.val_interval == 0
                or self._iter == self._max_iters)
