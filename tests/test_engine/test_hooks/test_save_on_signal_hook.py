"""A signal ends a training with a checkpoint, and nothing is lost."""
import os
import signal
import socket
import threading

import pytest
from mmengine.hooks import Hook
from torch.multiprocessing import get_context

from mmvis_plugin.engine.hooks import SaveOnSignalHook, save_on_signal_hook
from mmvis_plugin.registry import HOOKS
from mmvis_plugin.utils.checkpoint import latest_checkpoint, read_checkpoint
from ...toy_training import build_runner, losses_of


@HOOKS.register_module(force=True)
class SignalAt(Hook):
    """Send a signal to this process in an iteration."""

    def __init__(self, iteration: int, number: int) -> None:
        self.iteration = iteration
        self.number = number

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Send it before the step."""
        if runner.iter + 1 == self.iteration:
            os.kill(os.getpid(), self.number)


@pytest.fixture(autouse=True)
def handlers():
    """Give the handlers back that the test run has."""
    kept = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGUSR1)}
    yield kept
    for number, handler in kept.items():
        signal.signal(number, handler)


def training(work_dir,
             at=None,
             number=signal.SIGUSR1,
             name='stop',
             interval=None,
             **kwargs):
    """Return the toy training with a signal in iteration ``at``."""
    runner = build_runner(str(work_dir), name=name, **kwargs)
    runner.register_hook(SaveOnSignalHook(interval=interval))
    if at is not None:
        runner.register_hook(SignalAt(at, number))
    return runner


def stop(runner):
    """Train until the signal; return the code of the exit."""
    with pytest.raises(SystemExit) as leaving:
        runner.train()
    return leaving.value.code


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1])
def test_stopped_and_resumed_is_as_not_stopped(tmp_path, number):
    whole = training(tmp_path / 'whole', name=f'whole{number}')
    whole.train()
    folder = tmp_path / 'parts'
    first = training(folder, 6, number, f'first{number}')
    assert stop(first) == 75
    assert latest_checkpoint(str(folder)).endswith('iter_6.pth')
    second = training(
        folder,
        name=f'second{number}',
        resume=True,
        load_from=str(folder / 'iter_6.pth'))
    second.train()
    assert {**losses_of(first), **losses_of(second)} == losses_of(whole)
    assert sorted(losses_of(second)) == [6, 7, 8]
    # the file of the stop counts among the three that are kept
    assert {path.name
            for path in folder.glob('*.pth')
            } == {'iter_6.pth', 'iter_8.pth', 'iter_9.pth'}


def test_where_a_checkpoint_is_due_it_is_not_written_twice(tmp_path):
    runner = training(tmp_path, 4, name='due')
    saver = next(h for h in runner.hooks if hasattr(h, 'last_ckpt'))
    assert stop(runner) == 75
    assert saver.interval == 4
    assert [path.name for path in tmp_path.glob('*.pth')] == ['iter_4.pth']


def test_the_last_iteration_ends_by_itself(tmp_path, handlers):
    training(tmp_path, 9, name='last').train()
    assert latest_checkpoint(str(tmp_path)).endswith('iter_9.pth')
    assert {n: signal.getsignal(n) for n in handlers} == handlers


def test_checkpoints_by_epoch(tmp_path):
    runner = training(tmp_path, 3, name='epochs')
    saver = next(h for h in runner.hooks if hasattr(h, 'last_ckpt'))
    saver.by_epoch = True
    assert stop(runner) == 75
    latest = latest_checkpoint(str(tmp_path))
    assert latest.endswith('iter_3.pth')
    meta = read_checkpoint(latest)['meta']
    assert (meta['epoch'], meta['iter']) == (0, 0)


def test_another_thread(tmp_path, handlers):
    runner = training(tmp_path, name='thread')
    thread = threading.Thread(target=runner.train)
    thread.start()
    thread.join()
    assert latest_checkpoint(str(tmp_path)).endswith('iter_9.pth')
    assert 'signals reach the main thread only' in (open(
        runner.logger.log_file).read())


@pytest.mark.parametrize('interval, steps, stop_after', [(4, 1, 8), (1, 2, 6),
                                                         (3, 2, 6)])
def test_where_it_looks(tmp_path, interval, steps, stop_after):
    runner = training(
        tmp_path, 5, name=f'every{interval}{steps}', interval=interval)
    # a checkpoint between two steps would lose gradients
    runner.optim_wrapper['accumulative_counts'] = steps
    assert stop(runner) == 75
    assert latest_checkpoint(str(tmp_path)).endswith(f'iter_{stop_after}.pth')


def test_several_processes_ask_each_other_rarely(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(save_on_signal_hook, 'get_world_size', lambda: 2)
    monkeypatch.setattr(save_on_signal_hook, 'all_reduce',
                        lambda *_: asked.append(runner.iter + 1))
    runner = training(tmp_path, name='rarely')
    runner.train_loop._max_iters = 25
    runner.param_schedulers['total_steps'] = 25
    runner.train()
    assert asked == [10, 20]


def test_wrong_interval():
    with pytest.raises(ValueError, match='interval: 0, expected at least 1'):
        SaveOnSignalHook(interval=0)


def test_wrong_names():
    with pytest.raises(ValueError, match="'SIGNONE'.* are no signals"):
        SaveOnSignalHook(signals=('SIGTERM', 'SIGNONE'))


def _as_inputs(batch):
    return dict(inputs=batch)


def _train_rank(rank, work_dir, port):
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE='2',
        MASTER_ADDR='127.0.0.1',
        MASTER_PORT=str(port))
    runner = training(
        work_dir,
        at=3 if rank == 1 else None,
        interval=1,
        launcher='pytorch',
        env_cfg=dict(dist_cfg=dict(backend='nccl')))
    # the wrapper of several processes unpacks a list
    runner._train_dataloader['collate_fn'] = dict(type=_as_inputs)
    runner.train()


def test_a_signal_to_one_process_stops_both(tmp_path):
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        port = server.getsockname()[1]
    context = get_context('fork')
    ranks = [
        context.Process(target=_train_rank, args=(rank, tmp_path, port))
        for rank in range(2)
    ]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(60)
    assert [process.exitcode for process in ranks] == [75, 75]
    assert [path.name for path in tmp_path.glob('*.pth')] == ['iter_3.pth']
