"""Loops, hooks, runners and wrappers of optimizers."""
from .hooks import VideoVisualizationHook
from .loops import ResumableIterLoop
from .optim import CpuAmpOptimWrapper
from .runner import ShardedRunner, VideoRunner

__all__ = [
    'CpuAmpOptimWrapper', 'ResumableIterLoop', 'ShardedRunner', 'VideoRunner',
    'VideoVisualizationHook'
]
