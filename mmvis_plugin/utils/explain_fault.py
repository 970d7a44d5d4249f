"""Turn what a machine does to a run into one line that says what to do."""
import errno
import os
import os.path as osp
import re
import shutil
from typing import List, Optional

from mmengine.dist import get_dist_info

from .errors import DataWorkerError

_DEAD_WORKER = re.compile(r'DataLoader worker \(pid(?:\(s\))? '
                          r'(?P<pids>[\d, ]+)\) (?P<how>[^.\n]+)')
# of gloo, NCCL, their store and the watchdog over them
_LOST_PEER = re.compile(
    r'(connection (closed|reset|refused)|timed out|timeout|broken pipe'
    r'|remote process exited|nccl (error|communicator)|socket)', re.I)
_SPEAKERS = re.compile(r'gloo|nccl|c10d|tcpstore|processgroup', re.I)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_AGAIN = 'then run the same command again, a training with --resume'


def explain_fault(err: BaseException) -> Optional[str]:
    """Explain in one line what ended a run that was right in itself.

    Known are a full disk, a dead worker of a data loader, and another
    process of a distributed run that is gone or stuck.

    Args:
        err (BaseException): What ended it.

    Returns:
        str or None: The line, or None for every other error.
    """
    if isinstance(err, DataWorkerError):
        return str(err)
    if isinstance(err, OSError) and err.errno in _FULL:
        return _explain_full_disk(err)
    text = find_dead_worker(err)
    if text is not None:
        return explain_dead_worker(text)
    if not isinstance(err, RuntimeError):
        return None
    text = str(err)
    if _LOST_PEER.search(text) and _SPEAKERS.search(text):
        return _explain_lost_peer(text)
    return None


def dead_workers(text: str) -> List[int]:
    """Return the ids of the processes that a loader found dead.

    Args:
        text (str): Message of torch's ``DataLoader``.

    Returns:
        list[int]: Empty if the message is about something else.
    """
    found = _DEAD_WORKER.search(text)
    return [int(p) for p in re.findall(r'\d+', found['pids'])] if found else []


def find_dead_worker(err: BaseException) -> Optional[str]:
    """Return what torch said of a dead worker, from behind later errors.

    torch raises wherever the main process happens to be, which may be code
    that makes another error of every error.

    Args:
        err (BaseException): What ended a loop.

    Returns:
        str or None: None if no worker is the reason.
    """
    while err is not None:
        if isinstance(err, RuntimeError) and dead_workers(str(err)):
            return str(err)
        err = err.__cause__ or err.__context__
    return None


def explain_dead_worker(text: str, loading: str = '') -> str:
    """Explain the death of a data worker in one line.

    Args:
        text (str): Message of torch's ``DataLoader``.
        loading (str): What the worker was loading, if that is known.

    Returns:
        str: The line.
    """
    how = _DEAD_WORKER.search(text)['how'].strip()
    pids = ', '.join(str(pid) for pid in dead_workers(text))
    return (f'a data worker (process {pids}) {how}'
            f'{f" while it loaded {loading}" if loading else ""}; usual '
            'reasons: no memory left (lower num_workers or batch_size of the '
            f'loader), {_shared_memory()} full (docker: --shm-size), or a '
            'file that crashes its decoder (num_workers=0 and '
            f'persistent_workers=False show where); {_AGAIN}')


def _shared_memory() -> str:
    folder = '/dev/shm'
    if not osp.isdir(folder):
        return 'shared memory'
    usage = shutil.disk_usage(folder)
    return f'{folder} ({usage.free >> 20} of {usage.total >> 20} MB free)'


def _explain_full_disk(err: OSError) -> str:
    where, free = err.filename or 'a file of the run', ''
    folder = osp.dirname(osp.abspath(where)) if err.filename else None
    if folder and osp.isdir(folder):
        free = f' ({shutil.disk_usage(folder).free >> 20} MB free)'
    return (f'{where}: {os.strerror(err.errno)}{free}; checkpoints that were '
            f'written before are whole; make room, {_AGAIN}')


def _explain_lost_peer(text: str) -> str:
    rank, size = get_dist_info()
    # without the place in the library and what it says in general
    reason = re.sub(r'^\[[^]]*/[^]]*] ?', '', text.strip().splitlines()[0])
    reason = reason.split('. ')[0][:200]
    return (f'process {rank} of {size} lost another one ({reason}); the first '
            f'error above, or the launcher, says why; {_AGAIN}')
