"""A resumed run gives the numbers of an uninterrupted one."""
import copy
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from mmvis_plugin.utils.checkpoint import latest_checkpoint
from ...toy_training import build_runner, losses_of

ROOT = Path(__file__).resolve().parents[3]


def train(work_dir, name, **kwargs):
    """Train until the end or the planned interruption."""
    runner = build_runner(str(work_dir), name=name, **kwargs)
    try:
        runner.train()
    except KeyboardInterrupt:
        pass
    return runner


@pytest.mark.parametrize('num_workers', [0, 2])
@pytest.mark.parametrize('sampler', ['InfiniteSampler', 'DefaultSampler'])
def test_resume_gives_the_same_losses(tmp_path, num_workers, sampler):
    setting = dict(num_workers=num_workers, sampler=sampler)
    tag = f'{num_workers}{sampler}'
    whole = train(tmp_path / 'a', f'whole{tag}', **setting)
    killed = train(tmp_path / 'b', f'kill{tag}', die_after=6, **setting)
    checkpoint = latest_checkpoint(str(tmp_path / 'b'))
    resumed = train(
        tmp_path / 'b',
        f'resume{tag}',
        load_from=checkpoint,
        resume=True,
        **setting)

    assert checkpoint.endswith('iter_4.pth')
    expected = losses_of(whole)
    assert len(set(expected.values())) == 9
    assert losses_of(killed) == {i: expected[i] for i in range(6)}
    assert losses_of(resumed) == {i: expected[i] for i in range(4, 9)}
    for one, other in zip(whole.model.state_dict().values(),
                          resumed.model.state_dict().values()):
        assert torch.equal(one, other)


def kill_at_a_random_moment(work_dir):
    """Train in another process and kill it after the first checkpoint."""
    code = ('from tests.toy_training import build_runner\n'
            f'build_runner({str(work_dir)!r}, name="victim", pause=0.1)'
            '.train()')
    process = subprocess.Popen([sys.executable, '-c', code],
                               cwd=ROOT,
                               stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    while process.poll() is None and not latest_checkpoint(str(work_dir)):
        time.sleep(0.02)
    time.sleep(random.SystemRandom().uniform(0, 0.6))
    process.kill()
    process.wait()


def test_a_killed_process_resumes_to_the_same_losses(tmp_path):
    kill_at_a_random_moment(tmp_path / 'b')
    checkpoint = latest_checkpoint(str(tmp_path / 'b'))
    resumed = train(
        tmp_path / 'b', 'survivor', load_from=checkpoint, resume=True)
    expected = losses_of(train(tmp_path / 'a', 'undisturbed'))
    start = int(re.search(r'iter_(\d)', checkpoint)[1])
    assert start >= 4
    assert losses_of(resumed) == {i: expected[i] for i in range(start, 9)}


def test_the_number_of_workers_has_no_influence(tmp_path):
    one = train(tmp_path / 'a', 'workers0', num_workers=0)
    two = train(tmp_path / 'b', 'workers2', num_workers=2)
    assert losses_of(one) == losses_of(two)


def test_a_run_without_seed_resumes_with_the_seed_of_its_checkpoint(tmp_path):
    whole = train(tmp_path, 'noseed', seed=None)
    resumed = train(
        tmp_path,
        'noseed-resumed',
        seed=None,
        load_from=str(tmp_path / 'iter_4.pth'),
        resume=True)
    expected = losses_of(whole)
    assert losses_of(resumed) == {i: expected[i] for i in range(4, 9)}


def test_seeds_differ_between_runs_samples_and_iterations(tmp_path):
    one = losses_of(train(tmp_path / 'a', 'seed3'))
    other = losses_of(train(tmp_path / 'b', 'seed4', seed=4))
    assert not set(one.values()) & set(other.values())


def test_history_optimizer_and_schedule_are_restored(tmp_path):
    whole = train(tmp_path, 'history')
    resumed = build_runner(
        str(tmp_path),
        name='history-resumed',
        load_from=str(tmp_path / 'iter_8.pth'),
        resume=True)
    seen = {}
    run = resumed.call_hook

    def spy(fn_name, **kwargs):
        if fn_name == 'before_train':
            scalars = resumed.message_hub.get_scalar
            seen['losses'] = copy.copy(scalars('train/loss').data[0])
            seen['lr'] = resumed.optim_wrapper.get_lr()['lr'][0]
            seen['steps'] = {
                int(state['step'])
                for state in resumed.optim_wrapper.optimizer.state.values()
            }
        run(fn_name, **kwargs)

    resumed.call_hook = spy
    resumed.train()
    assert len(seen['losses']) == 8
    assert seen['steps'] == {8}
    assert seen['lr'] == whole.message_hub.get_scalar('train/lr').data[0][8]
