"""Compare two training processes with one, and count what they exchange.

`bytes` needs no measurement: the gradients that each step of the ResNet-50
recipes exchanges, from the trainable parameters of their models, and the
speed of a link between the machines that hides it. Rings are assumed: each
of n processes sends and receives 2 (n - 1) / n times the gradients. mmengine
exchanges them during the backward pass; two thirds of a step are taken for
it. What does not fit in there is waited for.

`run` times steps of models with random weights on fake clips in one run, in
blocks that take turns:

- one process alone, while the other one waits,
- both processes, each on a clip of its own, without exchanging gradients,
- both processes with the exchange.

The second says what two processes take from each other on one machine (its
cores and its memory), the third less the second what the exchange costs.
A step is the forward pass, the losses, the backward pass and the optimizer;
loading data is left out.
"""
import argparse
import logging
import os.path as osp
import time
from contextlib import nullcontext
from tempfile import TemporaryDirectory
from typing import Any, Dict, List, Tuple
from unittest.mock import patch

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import init_default_scope
from stopwatch import device_name, print_table, spread
from torch import Tensor, nn, optim
from torch.multiprocessing import get_context

from mmvis_plugin.registry import MODELS
from mmvis_plugin.testing import add_panoptic_maps, fake_clips
from mmvis_plugin.utils.cli import (UsageError, one_line_errors, read_config,
                                    require_positive)
from mmvis_plugin.utils.empty_model import build_empty

CONFIGS = osp.relpath(osp.join(osp.dirname(__file__), '..', '..', 'configs'))
# every stage that trains, by what it is called in the table
RECIPES = {
    'InsPro':
    'inspro/inspro_r50_fpn_8xb1-32k_youtubevis2019.py',
    'PCAN, boxes':
    'pcan/pcan-stage1-box_r50_fpn_4xb2-12e_bdd100k.py',
    'PCAN, masks':
    'pcan/pcan-stage2-mask_r50_fpn_4xb2-12e_bdd100k.py',
    'PCAN':
    'pcan/pcan_r50_fpn_4xb2-12e_bdd100k.py',
    'CAVIS, segmenter':
    'cavis/cavis-segmenter_r50_8xb1-40k_coco-ovis.py',
    'CAVIS, online':
    'cavis/cavis-online_r50_8xb1-160k_coco-ovis.py',
    'CAVIS, offline':
    'cavis/cavis-offline_r50_8xb1-160k_coco-ovis.py',
    'PanopticFCN':
    'hybrid_tracker/panoptic-fcn_r50_fpn_8xb4-65k_viper.py',
    'HybridTracker, instances':
    'hybrid_tracker/hybrid-tracker-stage2_r50_fpn_2xb8-10e_viper.py'
}
RUN = ['InsPro', 'PCAN, boxes', 'CAVIS, segmenter', 'PanopticFCN']
BACKWARD = 2 / 3  # of a step
MODES = ['1 process', '2, nothing exchanged', '2 processes']


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', choices=['bytes', 'run'])
    parser.add_argument(
        '--gpus', type=int, nargs='+', default=[8, 64], help='bytes (8 64)')
    parser.add_argument(
        '--step',
        type=float,
        default=0.5,
        help='bytes: seconds that a step takes without the exchange (0.5)')
    parser.add_argument(
        '--systems', nargs='+', choices=RUN, default=RUN, help='run')
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        default=(128, 192),
        metavar=('H', 'W'),
        help='run: of a frame, multiples of 32 (128 192)')
    parser.add_argument(
        '--threads', type=int, default=1, help='run: per process (1)')
    parser.add_argument(
        '--steps', type=int, default=2, help='run: per block (2)')
    parser.add_argument(
        '--repeats', type=int, default=5, help='run: blocks of a kind (5)')
    args = parser.parse_args()
    require_positive(args, 'threads', 'steps', 'repeats')
    if args.step <= 0 or min(args.gpus) < 2:
        raise UsageError(f'--step {args.step} --gpus {args.gpus}: expected '
                         'more than 0 seconds and at least 2 GPUs')
    return args


def load(system: str) -> Config:
    """Return the config of a system, without weights to start from."""
    cfg = read_config(osp.join(CONFIGS, RECIPES[system]))
    for part in (cfg.model, cfg.model.get('detector'),
                 cfg.model.get('segmentor')):
        if part is not None:
            part.init_cfg = None
            if 'backbone' in part:
                part.backbone.init_cfg = None
    return cfg


def gradient_bytes(model: nn.Module) -> int:
    """Return the size of the gradients of a model, in float32."""
    return 4 * sum(p.numel() for p in model.parameters() if p.requires_grad)


def sent_bytes(gradients: int, num: int) -> float:
    """Return what each of some processes sends in a ring.

    Args:
        gradients (int): Size of the gradients.
        num (int): Number of processes.
    """
    return 2 * (num - 1) / num * gradients


def report_bytes(args: argparse.Namespace) -> None:
    """Print what is exchanged, and over which link that is hidden.

    Args:
        args (argparse.Namespace): The options.
    """
    rows = {}
    for system in RECIPES:
        model = build_empty(load(system).model)
        size = gradient_bytes(model)
        rows[system] = [
            f'{sum(p.numel() for p in model.parameters()) / 1e6:.1f}',
            f'{size / 4e6:.1f}', f'{size / 1e6:.1f}'
        ]
        for num in args.gpus:
            sent = sent_bytes(size, num)
            rows[system] += [
                f'{sent / 1e6:.1f}',
                f'{8 * sent / (BACKWARD * args.step) / 1e9:.2f}'
            ]
    columns = ['parameters, M', 'trained, M', 'gradients, MB']
    for num in args.gpus:
        columns += [f'sent by each of {num}, MB', 'hidden from, Gbit/s']
    print_table('stage', columns, rows)
    print(f'\nhidden: within {BACKWARD:.0%} of a step of {args.step} s')


def num_frames(cfg: Config) -> int:
    """Return how many frames the training clips of a config have."""
    dataset = cfg.train_dataloader.dataset
    return dataset.get('datasets', [dataset])[0].pipeline[0].num_frames


def training_batch(cfg: Config, size: Tuple[int, int],
                   seed: int) -> Tuple[Tensor, List[Any]]:
    """Return a fake clip for the model of a config.

    Args:
        cfg (Config): The config.
        size (tuple[int, int]): Height and width.
        seed (int): Of the frames.

    Returns:
        tuple: Inputs and samples, as a preprocessor gives them.
    """
    clip = [[1, 2, 3]] * num_frames(cfg)
    model = cfg.model
    head = model.get('panoptic_head')
    num_things = head.num_things if head is not None else 3
    inputs, samples = fake_clips([clip], num_things, seed, size)
    if head is not None:
        add_panoptic_maps(samples, num_things)
    if model.type == 'PCAN':
        samples[0].set_metainfo(dict(key_frames_inds=[1], ref_frames_inds=[0]))
    return inputs, samples


class Trainer:
    """Steps of one process.

    Args:
        cfg (Config): Of the system.
        size (tuple[int, int]): Of a frame.
        rank (int): Number of the process.
        device (torch.device): Of the model.
    """

    def __init__(self, cfg: Config, size: Tuple[int, int], rank: int,
                 device: torch.device) -> None:
        torch.manual_seed(0)
        self.device = device
        self.model = MODELS.build(cfg.model).to(device).train()
        self.model.init_weights()
        self.several = MMDistributedDataParallel(
            self.model, device_ids=None, broadcast_buffers=False)
        self.optimizer = optim.SGD(self.model.parameters(), lr=0.)
        self.batches = []
        for seed in range(2):
            inputs, samples = training_batch(cfg, size, 2 * seed + rank)
            self.batches.append(
                (inputs.to(device), [sample.to(device) for sample in samples]))

    def step(self, index: int, mode: str) -> None:
        """Train on one clip.

        Args:
            index (int): Number of the step.
            mode (str): One of ``MODES``.
        """
        together = mode == MODES[2]
        network = self.several if together else self.model
        # losses share numbers of objects where there are other processes
        with nullcontext() if together else patch.object(
                dist, 'is_initialized', return_value=False):
            losses = network(*self.batches[index % 2], mode='loss')
            self.model.parse_losses(losses)[0].backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def time_block(self, mode: str, num: int, rank: int) -> float:
        """Return seconds per step; all processes have to call this.

        Args:
            mode (str): One of ``MODES``.
            num (int): Number of steps.
            rank (int): Number of the process.
        """
        dist.barrier()
        start = time.perf_counter()
        if rank == 0 or mode != MODES[0]:
            for index in range(num):
                self.step(index, mode)
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        # the slower process counts
        dist.barrier()
        return (time.perf_counter() - start) / num


def work(rank: int, folder: str, args: argparse.Namespace) -> None:
    """Time all systems as one of two processes; the first one prints.

    Args:
        rank (int): Number of the process.
        folder (str): Where the processes meet.
        args (argparse.Namespace): The options.
    """
    torch.set_num_threads(args.threads)
    logging.disable(logging.INFO)  # how each weight starts
    on_gpu = torch.cuda.device_count() > 1
    device = torch.device('cuda', rank) if on_gpu else torch.device('cpu')
    if on_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group(
        'nccl' if on_gpu else 'gloo',
        init_method=f'file://{folder}/meeting',
        rank=rank,
        world_size=2)
    init_default_scope('mmdet')
    rows = {}
    for system in args.systems:
        trainer = Trainer(load(system), tuple(args.size), rank, device)
        times: Dict[str, List[float]] = {mode: [] for mode in MODES}
        for repeat in range(args.repeats + 1):
            for mode in MODES:
                seconds = trainer.time_block(mode, args.steps, rank)
                if repeat:  # the first round warms up
                    times[mode].append(seconds)
        rows[system] = [f'{gradient_bytes(trainer.model) / 1e6:.1f}'
                        ] + speeds(times)
        del trainer
    if rank == 0:
        print(f'{device_name(device, args.threads)} per process, torch '
              f'{torch.__version__}, fp32; clips of {args.size[0]} x '
              f'{args.size[1]}; {args.repeats} blocks of {args.steps} steps\n')
        print_table('clips per second', ['gradients, MB', *MODES] +
                    ['2 / 1, nothing exchanged', '2 / 1', 'exchange, ms'],
                    rows)
    dist.destroy_process_group()


def speeds(times: Dict[str, List[float]]) -> List[str]:
    """Return the cells of a row from the seconds per step of each block.

    Args:
        times (dict[str, list[float]]): By mode; blocks of the same place
            followed each other, and only they are compared.
    """
    alone, apart, together = (times[mode] for mode in MODES)
    cells = [
        spread([num / t for t in seconds], '.2f')
        for num, seconds in zip((1, 2, 2), (alone, apart, together))
    ]
    for seconds in (apart, together):
        cells.append(
            spread([2 * one / two for one, two in zip(alone, seconds)], '.2f'))
    waits = [1e3 * (two - one) for one, two in zip(apart, together)]
    return [*cells, spread(waits)]


@one_line_errors
def main() -> None:
    """Print a table."""
    args = parse_args()
    init_default_scope('mmdet')
    if args.what == 'bytes':
        report_bytes(args)
        return
    with TemporaryDirectory() as folder:
        processes = [
            get_context('spawn').Process(
                target=work, args=(rank, folder, args), daemon=True)
            for rank in range(2)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit(1)


if __name__ == '__main__':
    main()
