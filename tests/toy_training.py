"""A model and a dataset small enough to train in a test."""
import random
import time
from typing import Dict, List, Optional

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, HOOKS, METRICS, MODELS
from torch import nn
from torch.utils.data import Dataset

from mmvis_plugin.engine import VideoRunner


@DATASETS.register_module(force=True)
class NoisyNumbers(Dataset):
    """Numbers with noise from all three generators."""

    METAINFO = dict(classes=('number', ))
    metainfo = METAINFO

    def __init__(self, size: int = 11) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> torch.Tensor:
        noise = random.random() + np.random.rand() + torch.rand(4)
        return noise + index


@DATASETS.register_module(force=True)
class NamedNumbers(NoisyNumbers):
    """Numbers in a dict, as models in several processes want them."""

    def __getitem__(self, index: int) -> Dict[str, torch.Tensor]:
        return dict(inputs=super().__getitem__(index))


@MODELS.register_module(force=True)
class NoisyModel(BaseModel):
    """A layer, statistics of the batch and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.fc = nn.Linear(4, 4)

    def forward(self, inputs, data_samples=None, mode: str = 'tensor'):
        """Return losses in training, nothing of interest otherwise."""
        x = torch.stack(inputs) if isinstance(inputs, list) else inputs
        out = nn.functional.dropout(self.fc(self.norm(x)), 0.5)
        return dict(loss=out.square().mean()) if mode == 'loss' else [out]

    def train_step(self, data, optim_wrapper) -> dict:
        """Take one step on a list of vectors."""
        loss, log = self.parse_losses(self(data, mode='loss'))
        optim_wrapper.update_params(loss)
        return log

    def val_step(self, data) -> list:
        """Run the model on a list of vectors."""
        return self(data, mode='predict')


@METRICS.register_module(force=True)
class CountBatches(BaseMetric):
    """A metric that also draws random numbers, as evaluation may."""

    def process(self, data_batch, data_samples) -> None:
        """Count a batch."""
        self.results.append(torch.rand(1).item())

    def compute_metrics(self, results: list) -> dict:
        """Return the count."""
        return dict(count=len(results))


@HOOKS.register_module(force=True)
class RecordLosses(Hook):
    """Keep the loss of every iteration; stop hard after ``die_after``."""

    priority = 'LOWEST'

    def __init__(self,
                 die_after: Optional[int] = None,
                 pause: float = 0.) -> None:
        self.die_after = die_after
        self.pause = pause
        self.losses: Dict[int, float] = {}

    def after_train_iter(self,
                         runner,
                         batch_idx,
                         data_batch=None,
                         outputs=None) -> None:
        """Note the loss."""
        self.losses[runner.iter] = float(outputs['loss'])
        time.sleep(self.pause)
        if self.die_after == runner.iter + 1:
            raise KeyboardInterrupt


def build_runner(work_dir: str,
                 num_workers: int = 0,
                 die_after: Optional[int] = None,
                 pause: float = 0.,
                 sampler: str = 'InfiniteSampler',
                 seed: Optional[int] = 3,
                 name: str = 'toy',
                 **kwargs) -> VideoRunner:
    """Return a runner of 9 iterations with a checkpoint after each 4."""
    loader = dict(
        batch_size=3,
        num_workers=num_workers,
        dataset=dict(type='NoisyNumbers'),
        sampler=dict(type=sampler, shuffle=True),
        collate_fn=dict(type='pseudo_collate'))
    val_loader = dict(loader, sampler=dict(type='DefaultSampler'))
    return VideoRunner(
        model=dict(type='NoisyModel'),
        work_dir=work_dir,
        train_dataloader=loader,
        train_cfg=dict(type='ResumableIterLoop', max_iters=9, val_interval=4),
        val_dataloader=val_loader,
        val_cfg=dict(),
        val_evaluator=dict(type='CountBatches'),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=0.05)),
        param_scheduler=dict(
            type='OneCycleLR', eta_max=0.05, total_steps=9, by_epoch=False),
        default_hooks=dict(
            checkpoint=dict(
                type='CheckpointHook',
                by_epoch=False,
                interval=4,
                max_keep_ckpts=3),
            logger=dict(type='LoggerHook', interval=4)),
        custom_hooks=[
            dict(type='RecordLosses', die_after=die_after, pause=pause)
        ],
        log_processor=dict(by_epoch=False),
        randomness=dict(seed=seed),
        default_scope='mmdet',
        experiment_name=name,
        **kwargs)


def losses_of(runner: VideoRunner) -> List[float]:
    """Return the losses that the runner's :class:`RecordLosses` kept."""
    hook = next(h for h in runner.hooks if isinstance(h, RecordLosses))
    return hook.losses
