"""Hooks."""
from .result_logger_hook import ResultLoggerHook
from .video_visualization_hook import VideoVisualizationHook

__all__ = ['ResultLoggerHook', 'VideoVisualizationHook']
