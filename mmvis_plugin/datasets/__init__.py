"""Datasets, their transforms and samplers."""
from . import samplers, transforms
from .bdd100k_mots import BDD100KMOTS
from .imagenet_det import ImageNetDET
from .imagenet_vid import ImageNetVID
from .joint_video_dataset import JointVideoDataset
from .ovis import OVIS
from .pseudo_video import CocoPseudoVideoDataset
from .synthetic.synthetic_video_dataset import SyntheticVideoDataset
from .video_seg_dataset import VideoSegDataset
from .video_source import VideoSource
from .youtube_vis import YouTubeVIS

__all__ = [
    'BDD100KMOTS', 'CocoPseudoVideoDataset', 'ImageNetDET', 'ImageNetVID',
    'JointVideoDataset', 'OVIS', 'SyntheticVideoDataset', 'VideoSegDataset',
    'VideoSource', 'YouTubeVIS', 'samplers', 'transforms'
]
