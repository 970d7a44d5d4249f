"""What the scripts for several processes start, and that it runs."""
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mmvis_plugin.utils.checkpoint import read_checkpoint

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
ECHO = '#!/bin/sh\nprintf "%s\\n" "PYTHONPATH=$PYTHONPATH" "$@"\n'
CONFIG = """
custom_imports = dict(imports=['mmvis_plugin', 'tests.toy_training'])
default_scope = 'mmdet'
model = dict(type='NoisyModel')
train_dataloader = dict(
    batch_size=3, num_workers=0, dataset=dict(type='NamedNumbers'),
    sampler=dict(type='InfiniteSampler', shuffle=True))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=0.05))
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2))
log_processor = dict(by_epoch=False)
"""
VARIABLES = ('NNODES', 'NODE_RANK', 'PORT', 'MASTER_ADDR', 'GPUS',
             'GPUS_PER_NODE', 'CPUS_PER_TASK', 'GRES', 'SRUN_ARGS',
             'PYTHONPATH', 'SLURM_JOB_ID', 'SLURM_RESTART_COUNT')


def words_of(folder, script, *words, **variables):
    """Return PYTHONPATH and the words that a script gives to a launcher."""
    for name in ('python', 'srun'):
        (folder / name).write_text(ECHO)
        (folder / name).chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if k not in VARIABLES}
    environment['PATH'] = f'{folder}:{os.environ["PATH"]}'
    path, *rest = subprocess.run(['bash', TOOLS / script, *words],
                                 env=dict(environment, **variables),
                                 cwd=folder,
                                 check=True,
                                 capture_output=True,
                                 text=True).stdout.splitlines()
    return path, rest


@pytest.mark.parametrize('script, words, tool', [
    ('dist_train.sh', ['c.py', '2'], ['train.py', 'c.py']),
    ('dist_test.sh', ['c.py', 'w.pth', '2'], ['test.py', 'c.py', 'w.pth']),
    ('dist_test.sh', ['c.py', '2'], ['test.py', 'c.py']),
])
def test_words_for_torchrun(tmp_path, script, words, tool):
    name, *rest = tool
    end = [str(TOOLS / name), *rest, '--launcher', 'pytorch']
    path, found = words_of(tmp_path, script, *words)
    assert found == [
        '-m', 'torch.distributed.run', '--nnodes=1', '--node_rank=0',
        '--master_addr=127.0.0.1', '--master_port=29500', '--nproc_per_node=2',
        *end
    ]
    assert os.path.samefile(path.removeprefix('PYTHONPATH='), TOOLS.parent)
    path, found = words_of(
        tmp_path,
        script,
        *words,
        '--cfg-options',
        'a=two words',
        NNODES='4',
        NODE_RANK='3',
        PORT='1234',
        MASTER_ADDR='node-0',
        PYTHONPATH='/mine')
    assert found[2:] == [
        '--nnodes=4', '--node_rank=3', '--master_addr=node-0',
        '--master_port=1234', '--nproc_per_node=2', *end, '--cfg-options',
        'a=two words'
    ]
    assert path.endswith(':/mine')


@pytest.mark.parametrize('kind, fourth', [
    ('train', ['c.py', '--work-dir', 'x']),
    ('test', ['c.py', 'x']),
])
def test_words_for_srun(tmp_path, kind, fourth):
    script = f'slurm_{kind}.sh'
    given = ['part', 'job', 'c.py', 'x']
    end = ['python', '-u', str(TOOLS / f'{kind}.py'), *fourth]
    end += ['--launcher', 'slurm']
    _, found = words_of(tmp_path, script, *given)
    assert found[:7] == [
        '-p', 'part', '--job-name=job', '--gres=gpu:8', '--ntasks=8',
        '--ntasks-per-node=8', '--cpus-per-task=5'
    ]
    assert found[-len(end):] == end
    _, found = words_of(
        tmp_path,
        script,
        *given,
        '--cfg-options',
        'a=two words',
        GPUS='2',
        CPUS_PER_TASK='3',
        GRES='',
        SRUN_ARGS='--quotatype=spot --exclusive')
    assert found[:6] == [
        '-p', 'part', '--job-name=job', '--ntasks=2', '--ntasks-per-node=2',
        '--cpus-per-task=3'
    ]
    end = [
        '--quotatype=spot', '--exclusive', *end, '--cfg-options', 'a=two words'
    ]
    assert found[-len(end):] == end


@pytest.mark.parametrize('script, words', [
    ('dist_train.sh', 'c.py'),
    ('dist_test.sh', 'c.py w.pth'),
    ('slurm_train.sh', 'part job c.py'),
    ('slurm_test.sh', 'part job c.py'),
])
def test_too_few_words(script, words):
    done = subprocess.run(['bash', TOOLS / script, *words.split()],
                          capture_output=True,
                          text=True)
    assert done.returncode == 2 and not done.stdout
    assert re.fullmatch(r'usage: \S+ [A-Z_\[\] ]+ \[options[a-z. ]*\]\n',
                        done.stderr)


def test_a_training_of_two_machines_without_gpus(tmp_path):
    # two launchers stand for two machines; the config names no runner
    (tmp_path / 'toy.py').write_text(CONFIG)
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        port = str(server.getsockname()[1])
    environment = dict(
        os.environ,
        NNODES='2',
        PORT=port,
        CUDA_VISIBLE_DEVICES='',
        PATH=os.path.dirname(sys.executable) + ':' + os.environ['PATH'])
    with open(tmp_path / 'log.txt', 'w') as log:
        nodes = [
            subprocess.Popen(['bash', TOOLS / 'dist_train.sh', 'toy.py', '1'],
                             env=dict(environment, NODE_RANK=rank),
                             cwd=tmp_path,
                             stdout=log,
                             stderr=log) for rank in '01'
        ]
        codes = [node.wait(600) for node in nodes]
    assert codes == [0, 0], (tmp_path / 'log.txt').read_text()
    text, = (path.read_text() for path in tmp_path.rglob('2*/*.log'))
    assert 'GPU number: 2' in text and "'backend': 'gloo'" not in text
    saved = read_checkpoint(str(tmp_path / 'work_dirs/toy/iter_2.pth'))
    assert saved['meta']['iter'] == 2
