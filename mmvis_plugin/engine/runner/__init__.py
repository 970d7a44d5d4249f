"""Runners."""
from .sharded_runner import ShardedRunner
from .video_runner import VideoRunner

__all__ = ['ShardedRunner', 'VideoRunner']
