"""Networks, and what they are made of."""
from . import data_preprocessors, inspro, layers, losses, task_modules
from .online_video_model import FrameOutput, OnlineVideoModel

__all__ = [
    'FrameOutput', 'OnlineVideoModel', 'data_preprocessors', 'inspro',
    'layers', 'losses', 'task_modules'
]
