"""Datasets, their transforms and samplers."""
from . import samplers, transforms
from .bdd100k_images import BDD100KImages
from .bdd100k_mots import BDD100KMOTS
from .cityscapes_vps import CityscapesVPS
from .flow_pair_dataset import FlowPairDataset
from .imagenet_det import ImageNetDET
from .imagenet_vid import ImageNetVID
from .joint_video_dataset import JointVideoDataset
from .ovis import OVIS
from .panoptic_images import PanopticImages
from .panoptic_video_dataset import PanopticVideoDataset
from .pseudo_video import CocoPseudoVideoDataset
from .synthetic.synthetic_video_dataset import SyntheticVideoDataset
from .video_seg_dataset import VideoSegDataset
from .video_source import VideoSource
from .viper import VIPER
from .vipseg import VIPSeg
from .youtube_vis import YouTubeVIS

__all__ = [
    'BDD100KImages', 'BDD100KMOTS', 'CityscapesVPS', 'CocoPseudoVideoDataset',
    'FlowPairDataset', 'ImageNetDET', 'ImageNetVID', 'JointVideoDataset',
    'OVIS', 'PanopticImages', 'PanopticVideoDataset', 'SyntheticVideoDataset',
    'VIPER', 'VIPSeg', 'VideoSegDataset', 'VideoSource', 'YouTubeVIS',
    'samplers', 'transforms'
]
