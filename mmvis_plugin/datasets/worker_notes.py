"""What the workers of a loader are doing, known when they are dead."""
import os
from contextlib import contextmanager
from typing import Any, Iterator, Optional

import torch
from torch.utils.data import get_worker_info

_NOTHING = -1


class WorkerNotes:
    """One number per worker in memory that all processes see.

    Args:
        num_workers (int): Of the loader.
    """

    def __init__(self, num_workers: int) -> None:
        # process id, index
        rows = torch.full((max(num_workers, 1), 2), _NOTHING)
        self._rows = rows.share_memory_()

    @contextmanager
    def loading(self, index: Any) -> Iterator[None]:
        """Keep the index of a sample while it is loaded by a worker.

        Args:
            index (Any): Index of a dataset; of a tuple the first part.

        Yields:
            None: Nothing.
        """
        worker = get_worker_info()
        number = index[0] if isinstance(index, (tuple, list)) else index
        if worker is None or not isinstance(number, int):
            yield
            return
        row = self._rows[worker.id]
        row[0], row[1] = os.getpid(), number
        try:
            yield
        finally:
            row[1] = _NOTHING

    def index_of(self, pid: int) -> Optional[int]:
        """Return what a worker was loading when it was last seen.

        Args:
            pid (int): Its process.

        Returns:
            int or None: None if it was between two samples or is unknown.
        """
        found = self._rows[self._rows[:, 0] == pid, 1].tolist()
        return found[0] if found and found[0] != _NOTHING else None
