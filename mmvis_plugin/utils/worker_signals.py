"""Workers of data loaders that outlive signals to the whole job."""
import signal
from functools import partial
from typing import Callable, Optional

from torch.utils.data import DataLoader

SPARED = (signal.SIGTERM, signal.SIGUSR1)


def spare_workers(loader: DataLoader) -> None:
    """Let the workers of a loader ignore SIGTERM and SIGUSR1.

    Batch systems send these to every process of a job before it ends. A
    training that wants to finish its iteration needs its workers for that;
    they end with the loader, or soon after the process they work for.

    Args:
        loader (DataLoader): Changed in place, before its workers start.
    """
    loader.worker_init_fn = partial(_start_worker, loader.worker_init_fn)


def _start_worker(then: Optional[Callable[[int], None]], worker: int) -> None:
    # Not by inheritance: torch gives each worker a handler of SIGTERM.
    for number in SPARED:
        signal.signal(number, signal.SIG_IGN)
    if then is not None:
        then(worker)
