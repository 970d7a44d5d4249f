"""Networks, and what they are made of."""
from . import (association, backbones, cavis, data_preprocessors,
               hybrid_tracker, inspro, layers, losses, memory, panoptic_fcn,
               pcan, raft, task_modules)
from .online_video_model import FrameOutput, OnlineVideoModel

__all__ = [
    'FrameOutput', 'OnlineVideoModel', 'association', 'backbones', 'cavis',
    'data_preprocessors', 'hybrid_tracker', 'inspro', 'layers', 'losses',
    'memory', 'panoptic_fcn', 'pcan', 'raft', 'task_modules'
]
