"""Loops, hooks and the runner."""
from .hooks import VideoVisualizationHook
from .loops import ResumableIterLoop
from .runner import VideoRunner

__all__ = ['ResumableIterLoop', 'VideoRunner', 'VideoVisualizationHook']
