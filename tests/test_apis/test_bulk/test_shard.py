import socket

import pytest
import torch
from torch.multiprocessing import get_context

from mmvis_plugin.apis.bulk import find_shard, local_device, wait_for_ranks

ARRAY = dict(
    SLURM_ARRAY_TASK_ID='5',
    SLURM_ARRAY_TASK_MIN='1',
    SLURM_ARRAY_TASK_MAX='7',
    SLURM_ARRAY_TASK_STEP='2',
    SLURM_ARRAY_TASK_COUNT='4')
TORCHRUN = dict(RANK='1', WORLD_SIZE='3')
SRUN = dict(SLURM_PROCID='1', SLURM_NTASKS='2', SLURM_STEP_NUM_TASKS='2')


@pytest.mark.parametrize(
    'environment, wanted',
    [
        ({}, (0, 1)),
        (TORCHRUN, (1, 3)),
        (ARRAY, (2, 4)),
        (SRUN, (1, 2)),
        (dict(SRUN, **TORCHRUN), (1, 3)),
        (dict(ARRAY, **TORCHRUN), (2 * 3 + 1, 12)),
        (dict(
            SLURM_ARRAY_TASK_ID='3',
            SLURM_ARRAY_TASK_COUNT='1',
            SLURM_ARRAY_TASK_MIN='3',
            SLURM_ARRAY_TASK_MAX='3'), (0, 1)),
        # a batch script outside of srun does all the work of its task
        (dict(SLURM_PROCID='0', SLURM_NTASKS='4'), (0, 1)),
        (dict(SRUN, SLURM_STEP_NUM_TASKS='1'), (0, 1)),
    ])
def test_launchers(environment, wanted):
    shard = find_shard(None, environment)
    assert (shard.index, shard.count) == wanted
    assert find_shard('6/9', environment).index == 6


def test_every_item_is_in_one_part():
    items = list('abcdefgh')
    parts = [find_shard(f'{i}/3', {}).of(items) for i in range(3)]
    assert parts == [list('adg'), list('beh'), list('cf')]


@pytest.mark.parametrize('text', ['3/3', '1', 'a/b', '-1/3', '0/0', ''])
def test_no_part(text):
    with pytest.raises(ValueError, match='expected I/N with I from 0'):
        find_shard(text, {})


def test_an_array_with_gaps():
    values = dict(ARRAY, SLURM_ARRAY_TASK_COUNT='3')
    with pytest.raises(ValueError, match='expected one without gaps'):
        find_shard(None, values)


@pytest.mark.parametrize('variable', ['LOCAL_RANK', 'SLURM_LOCALID'])
def test_each_rank_has_its_gpu(monkeypatch, variable):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 4)
    assert local_device() is None
    monkeypatch.setenv(variable, '6')
    assert local_device() == 'cuda:2'
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 0)
    assert local_device() is None


def test_ranks_wait_for_one_another(monkeypatch):
    wait_for_ranks()  # alone
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        port = str(server.getsockname()[1])
    monkeypatch.setenv('WORLD_SIZE', '2')
    monkeypatch.setenv('MASTER_ADDR', '127.0.0.1')
    monkeypatch.setenv('MASTER_PORT', port)
    context = get_context('fork')
    ranks = []
    for rank in '01':
        monkeypatch.setenv('RANK', rank)
        ranks.append(context.Process(target=wait_for_ranks))
        ranks[-1].start()
        if rank == '0':
            ranks[0].join(0.5)
            assert ranks[0].is_alive()
    for process in ranks:
        process.join(60)
    assert [process.exitcode for process in ranks] == [0, 0]
