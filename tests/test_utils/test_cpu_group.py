"""Processes of every launcher find each other without CUDA."""
import os
import stat
from datetime import timedelta
from unittest import mock

import pytest
import torch.distributed as dist

from mmvis_plugin.utils.cpu_group import init_cpu_group


@pytest.fixture
def environment():
    """Give an environment without variables of a launcher."""
    names = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT')
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in names and not key.startswith(('SLURM_', 'OMPI_'))
    }
    with mock.patch.dict(os.environ, kept, clear=True):
        yield os.environ


@pytest.fixture
def options():
    """Record the options that torch gets."""
    with mock.patch.object(dist, 'init_process_group') as init:
        yield init


def test_torchrun(environment, options):
    environment.update(RANK='1', WORLD_SIZE='2', MASTER_ADDR='host')
    init_cpu_group('pytorch', backend='nccl', timeout=90, port=1234)
    options.assert_called_once_with('gloo', timeout=timedelta(seconds=90))
    assert environment['MASTER_PORT'] == '1234'
    init_cpu_group('pytorch', backend='mpi')
    assert options.call_args == mock.call('mpi')
    assert environment['MASTER_PORT'] == '1234'


def test_slurm(environment, options, tmp_path):
    script = tmp_path / 'scontrol'
    script.write_text('#!/bin/sh\nprintf "%s\\nn2\\n" "$1-$2-$3"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    environment.update(
        PATH=f'{tmp_path}{os.pathsep}{environment["PATH"]}',
        SLURM_PROCID='3',
        SLURM_NTASKS='4',
        SLURM_LOCALID='1',
        SLURM_NODELIST='n[1-2]',
        LOCAL_RANK='0')
    init_cpu_group('slurm')
    options.assert_called_once_with('gloo')
    found = {key: environment[key] for key in ('RANK', 'WORLD_SIZE')}
    assert found == dict(RANK='3', WORLD_SIZE='4')
    assert environment['LOCAL_RANK'] == '1'
    assert environment['MASTER_ADDR'] == 'show-hostnames-n[1-2]'
    assert environment['MASTER_PORT'] == '29500'


def test_wrong_use(environment):
    with pytest.raises(ValueError, match="launcher='none', expected one of"):
        init_cpu_group('none')
    with pytest.raises(ValueError, match='RANK is not set, .*dist_'):
        init_cpu_group('pytorch')
    environment.update(
        OMPI_COMM_WORLD_RANK='0',
        OMPI_COMM_WORLD_SIZE='1',
        OMPI_COMM_WORLD_LOCAL_RANK='0')
    with pytest.raises(ValueError, match='MASTER_ADDR is not set'):
        init_cpu_group('mpi')
