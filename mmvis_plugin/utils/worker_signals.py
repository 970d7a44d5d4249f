"""Workers of data loaders that live as long as they are of use."""
import os
import signal
import sys
import threading
from functools import partial
from multiprocessing.queues import Queue
from typing import Any, Callable, Optional

from torch.utils.data import DataLoader

SPARED = (signal.SIGTERM, signal.SIGUSR1)


def spare_workers(loader: DataLoader) -> None:
    """Let the workers of a loader live on after SIGTERM and SIGUSR1.

    Batch systems send these to every process of a job before it ends. A
    training that wants to finish its iteration needs its workers for that.
    Only the process that they work for can still end them with a signal,
    which it does when it exits.

    A worker that cannot hand on a batch, most often because shared memory
    is full, ends and says why. By itself it would lose the batch, and the
    training would wait for it for ever.

    Args:
        loader (DataLoader): Changed in place, before its workers start.
    """
    loader.worker_init_fn = partial(_start_worker, loader.worker_init_fn)


def _start_worker(then: Optional[Callable[[int], None]], worker: int) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, SPARED)
    threading.Thread(target=_obey_the_parent, daemon=True).start()
    Queue._on_queue_feeder_error = staticmethod(_end_of_queue)
    if then is not None:
        then(worker)


def _obey_the_parent() -> None:
    # handlers are not told who sent a signal
    while signal.sigwaitinfo(SPARED).si_pid != os.getppid():
        pass
    os._exit(0)


def _end_of_queue(err: Exception, batch: Any) -> None:
    print(
        f'data worker {os.getpid()} cannot hand on a batch: {err}',
        file=sys.stderr,
        flush=True)
    os._exit(1)
