"""What a machine does to a run becomes one line, other errors stay."""
import errno

import pytest

from mmvis_plugin.utils.explain_fault import (dead_workers,
                                              explain_dead_worker,
                                              explain_fault, find_dead_worker)

KILLED = 'DataLoader worker (pid 71) is killed by signal: Killed. '
ENDED = ('DataLoader worker (pid 71) exited unexpectedly with exit code 1. '
         'Details are lost due to multiprocessing.')
SEVERAL = 'DataLoader worker (pid(s) 71, 8) exited unexpectedly'


@pytest.mark.parametrize('text, pids', [(KILLED, [71]), (ENDED, [71]),
                                        (SEVERAL, [71, 8]),
                                        ('CUDA out of memory (pid 3)', [])])
def test_dead_workers(text, pids):
    assert dead_workers(text) == pids
    line = explain_fault(RuntimeError(text))
    if not pids:
        assert line is None
        return
    assert '\n' not in line
    assert line.startswith(f'a data worker (process {str(pids)[1:-1]}) ')
    for word in ('num_workers', '/dev/shm', '--shm-size', '--resume'):
        assert word in line


def test_dead_worker_behind_another_error():
    try:
        try:
            raise RuntimeError(KILLED)
        except RuntimeError:
            raise SyntaxError('failed to format')
    except SyntaxError as err:
        assert find_dead_worker(err) == KILLED
        assert find_dead_worker(ValueError(str(err))) is None
    assert find_dead_worker(RuntimeError(KILLED)) == KILLED


def test_what_the_worker_was_loading():
    line = explain_dead_worker(KILLED, 'sample 3 (video cat)')
    assert 'killed by signal: Killed while it loaded sample 3 (video cat); ' \
        in line


@pytest.mark.parametrize('number', ['ENOSPC', 'EDQUOT', 'EFBIG'])
def test_full_disk(tmp_path, number):
    number = getattr(errno, number)
    path = str(tmp_path / 'iter_8.pth')
    line = explain_fault(OSError(number, 'x', path))
    assert line.startswith(f'{path}: ') and 'MB free)' in line
    assert 'make room' in line and '--resume' in line
    # writing to an open file gives an error without its name
    assert explain_fault(OSError(number, 'x')).startswith('a file of the run')


@pytest.mark.parametrize('text, reason', [
    ('[/build/third_party/gloo/gloo/transport/tcp/pair.cc:537] Read error '
     '[127.0.0.1]:21906: Connection reset by peer. This is typically caused '
     'by a remote worker hanging or bugs in the application.',
     'Read error [127.0.0.1]:21906: Connection reset by peer'),
    ('[gloo/transport/tcp/unbound_buffer.cc:81] Timed out waiting 1800000ms '
     'for recv operation to complete',
     'Timed out waiting 1800000ms for recv operation to complete'),
    ('NCCL communicator was aborted on rank 0.\nmore',
     'NCCL communicator was aborted on rank 0.'),
    ('[Rank 0] Watchdog caught collective operation timeout: WorkNCCL(Seq=3',
     '[Rank 0] Watchdog caught collective operation timeout: WorkNCCL(Seq=3'),
])
def test_lost_processes(text, reason):
    line = explain_fault(RuntimeError(text))
    assert line.startswith(f'process 0 of 1 lost another one ({reason}); ')
    assert '\n' not in line and '--resume' in line


@pytest.mark.parametrize('error', [
    OSError(errno.EACCES, 'x', 'a.pth'),
    RuntimeError('CUDA out of memory'),
    RuntimeError('sizes do not match'),
    RuntimeError('gloo: unsupported type'),
    RuntimeError('HTTP connection reset'),
    ValueError(KILLED),
])
def test_other_errors(error):
    assert explain_fault(error) is None
