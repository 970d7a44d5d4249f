"""Workers of data loaders stay when the job is told to end."""
import os
import re
import signal
import subprocess

import pytest
from torch.utils.data import DataLoader, Dataset

from mmvis_plugin.utils.worker_signals import spare_workers

both = pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1])


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


def loader_of(spared):
    """Return a loader with a worker."""
    loader = DataLoader(
        ProcessNumbers(),
        batch_size=None,
        num_workers=1,
        prefetch_factor=1,
        persistent_workers=True,
        multiprocessing_context='fork',
        worker_init_fn=note_start)
    if spared:
        spare_workers(loader)
    return loader


def samples(loader, number):
    """Load samples; another process sends a signal after the first."""
    batches = iter(loader)
    yield next(batches)
    pid = next(batches)[0]
    subprocess.run(['kill', f'-{int(number)}', str(pid)], check=True)
    yield from batches


@both
def test_signals_to_the_job(number):
    loader = loader_of(True)
    seen = list(samples(loader, number))
    assert len(seen) == 7
    assert all(sample == seen[0] for sample in seen)
    assert seen[0][0] != os.getpid()
    assert seen[0][1] == 0
    with pytest.raises(RuntimeError, match='killed by|exited unexpectedly'):
        list(samples(loader_of(False), number))


def test_the_parent_ends_them():
    loader = loader_of(True)
    next(iter(loader))
    worker, = loader._iterator._workers
    assert worker.is_alive()
    # what a process does at its exit
    worker.terminate()
    worker.join(20)
    assert worker.exitcode == 0


def lose(batch):
    """Collate to what no queue takes."""
    return lambda: batch


def test_a_batch_that_cannot_be_handed_on(capfd):
    loader = loader_of(True)
    loader.collate_fn = lose
    with pytest.raises(RuntimeError, match='exited unexpectedly'):
        next(iter(loader))
    # Python 3.13 gets what earlier ones pickle
    assert re.search(
        r'data worker \d+ cannot hand on a batch: '
        r"Can't (pickle|get) local object 'lose\b",
        capfd.readouterr().err)
