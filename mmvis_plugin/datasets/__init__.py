"""Datasets, their transforms and samplers."""
from . import samplers, transforms
from .ovis import OVIS
from .video_seg_dataset import VideoSegDataset
from .video_source import VideoSource
from .youtube_vis import YouTubeVIS

__all__ = [
    'OVIS', 'VideoSegDataset', 'VideoSource', 'YouTubeVIS', 'samplers',
    'transforms'
]
