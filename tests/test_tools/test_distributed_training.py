"""Two processes train what one process with twice the clips trains."""
import re

import pytest
import torch
from mmengine.registry import DefaultScope

from ..shared_training import (NUM_STEPS, SAVED_AT, SYSTEMS, store_clips,
                               train_in_processes)
from .test_distributed import free_port


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    """Load the clips, which the processes inherit."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        store_clips(str(tmp_path_factory.mktemp('clips')))


def kept(work_dir, world_size):
    """Return what the processes kept."""
    return [
        torch.load(work_dir / f'kept{rank}.pth') for rank in range(world_size)
    ]


def losses_of(work_dir, world_size):
    """Return the losses of every step, means over the processes."""
    parts = [part['losses'] for part in kept(work_dir, world_size)]
    return {
        (step, name): sum(part[step][name] for part in parts) / world_size
        for step in parts[0]
        for name in parts[0][step]
    }


def assert_losses(found, expected):
    """Compare losses, name those that differ."""
    assert found.keys() == expected.keys()
    wrong = {
        key: (value, expected[key])
        for key, value in found.items()
        if abs(value - expected[key]) > 1e-4 * max(1, abs(expected[key]))
    }
    assert not wrong


def assert_learned_the_same(weights, alone):
    """Compare what has changed, not what weights have been before."""
    for name, value in weights.items():
        if not value.is_floating_point():
            continue
        start, end = (alone[when][name] for when in ('start', 'weights'))
        # of float32, in the weight itself
        rounding = 1e-7 * start.norm() + 1e-9
        change = (end - start).norm()
        assert (value - end).norm() <= 5e-2 * change + rounding, name
        # prototypes of PCAN
        if re.search(r'\.(pos_mu|neg_mu|mu\d)$', name):
            torch.testing.assert_close(value, end, rtol=0, atol=1e-4, msg=name)


@pytest.mark.parametrize('system', sorted(SYSTEMS))
def test_two_processes(clips, tmp_path, system):
    one, two, back, forth = (
        tmp_path / name for name in ('one', 'two', 'back', 'forth'))
    train_in_processes(1, free_port(), (system, str(one), None))
    train_in_processes(2, free_port(), (system, str(two), None),
                       (system, str(forth), str(one / f'iter_{SAVED_AT}.pth')))
    train_in_processes(1, free_port(),
                       (system, str(back), str(two / f'iter_{SAVED_AT}.pth')))

    first, second = (part['weights'] for part in kept(two, 2))
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    assert_learned_the_same(first, kept(one, 1)[0])

    expected = losses_of(one, 1)
    assert {step for step, _ in expected} == set(range(NUM_STEPS))
    assert_losses(losses_of(two, 2), expected)
    resumed = {key: v for key, v in expected.items() if key[0] >= SAVED_AT}
    assert_losses(losses_of(back, 1), resumed)
    assert_losses(losses_of(forth, 2), resumed)
