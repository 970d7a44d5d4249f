"""Workers of data loaders stay when the job is told to end."""
import os
import signal

import pytest
from torch.utils.data import DataLoader, Dataset

from mmvis_plugin.utils.worker_signals import spare_workers


class ProcessNumbers(Dataset):
    """Say which process loads a sample, and what it was started with."""

    started = None

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return os.getpid(), self.started


def note_start(worker):
    """Leave a mark in the worker."""
    ProcessNumbers.started = worker


def pids(spared, number):
    """Load samples around a signal to the worker; yield its numbers."""
    loader = DataLoader(
        ProcessNumbers(),
        batch_size=None,
        num_workers=1,
        prefetch_factor=1,
        multiprocessing_context='fork',
        worker_init_fn=note_start)
    if spared:
        spare_workers(loader)
    batches = iter(loader)
    first = next(batches)
    os.kill(first[0], number)
    yield first
    yield from batches


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1])
def test_signals(number):
    seen = list(pids(True, number))
    assert len(seen) == 8
    assert all(sample == seen[0] for sample in seen)
    assert seen[0][0] != os.getpid()
    assert seen[0][1] == 0
    with pytest.raises(RuntimeError, match='exited unexpectedly|killed by'):
        list(pids(False, number))
