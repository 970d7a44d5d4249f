"""Hooks."""
from .memory_report_hook import MemoryReportHook
from .result_logger_hook import ResultLoggerHook
from .save_on_signal_hook import SaveOnSignalHook
from .video_visualization_hook import VideoVisualizationHook

__all__ = [
    'MemoryReportHook', 'ResultLoggerHook', 'SaveOnSignalHook',
    'VideoVisualizationHook'
]
