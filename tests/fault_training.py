"""Trainings that something goes wrong with, as processes of their own."""
import json
import os
import os.path as osp
import resource
import runpy
import shutil
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Dict, List, Tuple

import torch
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, FUNCTIONS, HOOKS, MODELS
from torch.multiprocessing import get_context

from . import toy_training

ROOT = Path(__file__).resolve().parents[1]
MAX_SIZE = 100 * 1024  # between a log and a checkpoint
LIMIT = 900  # seconds; half of what gloo waits for a silent process
CONFIG = """
custom_imports = dict(imports=['tests.fault_training'])
default_scope = 'mmdet'
runner_type = 'VideoRunner'
model = dict(type='NamedInputsModel')
train_dataloader = dict(
    batch_size=3, num_workers={workers}, dataset=dict(type='FatalNumbers'),
    sampler=dict(type='InfiniteSampler', shuffle=True),
    collate_fn=dict(type='as_inputs'))
train_cfg = dict(type='ResumableIterLoop', max_iters=9)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=0.05))
param_scheduler = dict(
    type='OneCycleLR', eta_max=0.05, total_steps=9, by_epoch=False)
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1),
    checkpoint=dict(
        type='CheckpointHook', by_epoch=False, interval=2, max_keep_ckpts=3),
    stop=dict(type='SaveOnSignalHook', interval=1))
custom_hooks = [dict(type='FaultHook', fault='')]
env_cfg = dict(dist_cfg=dict(backend='nccl'))
log_processor = dict(by_epoch=False, window_size=1)
visualizer = dict(
    type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
randomness = dict(seed=3)
"""


@FUNCTIONS.register_module(force=True)
def as_inputs(batch: list) -> dict:
    """Collate; the wrapper of several processes unpacks a list."""
    return dict(inputs=batch)


@MODELS.register_module(force=True)
class NamedInputsModel(toy_training.NoisyModel):
    """The model on such batches in one process, too; files of some size."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('ballast', torch.zeros(32, 1024))

    def train_step(self, data, optim_wrapper) -> dict:
        """Take one step on a batch."""
        return super().train_step(data['inputs'], optim_wrapper)


@DATASETS.register_module(force=True)
class FatalNumbers(toy_training.NoisyNumbers):
    """Numbers of which the n-th that a worker loads kills it."""

    def __init__(self, size: int = 11, fatal: int = -1) -> None:
        super().__init__(size)
        self.fatal = fatal
        self.loaded = 0

    def get_data_info(self, index: int) -> dict:
        """Return the record of a number."""
        return dict(video_name=f'number-{index}')

    def __getitem__(self, index: int) -> torch.Tensor:
        self.loaded += 1
        if self.loaded == self.fatal:
            print(f'fatal is {index}', file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


@HOOKS.register_module(force=True)
class FaultHook(Hook):
    """Let something happen in an iteration.

    Args:
        fault (str): ``kill`` or ``term`` sends that signal; ``write`` kills
            while a checkpoint is written; ``full`` makes checkpoints too
            large.
        iteration (int): In which, from 1.
        rank (int): In this process only; -1 is all.
    """

    def __init__(self, fault: str, iteration: int = 0, rank: int = -1) -> None:
        self.fault = fault
        self.iteration = iteration
        self.rank = rank

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Let it happen."""
        if runner.iter + 1 != self.iteration or self.rank not in (-1,
                                                                  runner.rank):
            return
        if self.fault == 'full':
            resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_SIZE, ) * 2)
        elif self.fault == 'write':
            os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        elif self.fault:
            number = dict(kill=signal.SIGKILL, term=signal.SIGTERM)
            os.kill(os.getpid(), number[self.fault])


def write_config(folder: Path, workers: int = 0) -> str:
    """Write the config of a training of 9 iterations."""
    path = folder / f'training{workers}.py'
    path.write_text(CONFIG.format(workers=workers))
    return str(path)


def options(fault: str, iteration: int, rank: int = -1) -> List[str]:
    """Return the words that make something go wrong."""
    values = dict(fault=fault, iteration=iteration, rank=rank)
    return [
        '--cfg-options',
        *(f'custom_hooks.0.{key}={value}' for key, value in values.items())
    ]


def free_port() -> str:
    """Return a port that nobody listens to."""
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return str(server.getsockname()[1])


def launch(config: str, work_dir, *words: str) -> Tuple[int, str]:
    """Train in two processes of the launcher.

    Returns:
        tuple[int, str]: Exit code and what was printed.

    Raises:
        subprocess.TimeoutExpired: It hangs.
    """
    path = [osp.dirname(sys.executable), os.environ['PATH']]
    environment = dict(
        os.environ,
        PATH=os.pathsep.join(path),
        PYTHONPATH=str(ROOT),
        PORT=free_port())
    script = str(ROOT / 'tools' / 'dist_train.sh')
    launcher = subprocess.Popen(
        ['bash', script, config, '2', '--work-dir',
         str(work_dir), *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True)
    try:
        text, _ = launcher.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(launcher.pid, signal.SIGKILL)
        raise
    return launcher.returncode, text


def train(config: str,
          work_dir,
          *words: str,
          ranks: int = 1) -> Tuple[int, str]:
    """Train in forked processes, which need not import everything again.

    Returns:
        tuple[int, str]: Exit code, of several the highest, and what was
        printed.
    """
    words = [config, '--work-dir', str(work_dir), *words]
    shared = {}
    if ranks > 1:
        words += ['--launcher', 'pytorch']
        shared = dict(
            WORLD_SIZE=str(ranks),
            MASTER_ADDR='127.0.0.1',
            MASTER_PORT=free_port())
    output = osp.join(osp.dirname(config), 'output.txt')
    with open(output, 'w', buffering=1) as file:
        processes = [
            get_context('fork').Process(
                target=_run,
                args=(words, file),
                kwargs=dict(shared, RANK=str(rank), LOCAL_RANK=str(rank)))
            for rank in range(ranks)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(LIMIT)
    codes = [process.exitcode for process in processes]
    assert None not in codes, 'it hangs'
    return max(codes, key=abs), Path(output).read_text()


def _run(words: List[str], output, **environment: str) -> None:
    os.environ.update(environment)
    for number in (1, 2):
        os.dup2(output.fileno(), number)
    sys.stdout = sys.stderr = output
    sys.argv = ['train.py', *words]
    runpy.run_path(str(ROOT / 'tools' / 'train.py'), run_name='__main__')


def losses(work_dir) -> Dict[int, List[float]]:
    """Return the losses that all runs in a folder logged, by iteration."""
    logged = defaultdict(list)
    for path in Path(work_dir).glob('*/vis_data/scalars.json'):
        for line in map(json.loads, path.read_text().splitlines()):
            logged[line['step']].append(line['loss'])
    return dict(logged)


def weights(work_dir) -> Dict[str, torch.Tensor]:
    """Return the weights at the end of a training."""
    return torch.load(osp.join(work_dir, 'iter_9.pth'))['state_dict']


def saved(work_dir) -> List[str]:
    """Return the names of all that looks like a checkpoint."""
    return sorted(
        path.name for path in Path(work_dir).iterdir()
        if path.suffix in ('.pth', '.tmp'))


def copy(source, target) -> None:
    """Copy a work directory; its note names files of the copy."""
    shutil.copytree(source, target)
    note = Path(target) / 'last_checkpoint'
    note.write_text(str(Path(target) / osp.basename(note.read_text())))
