"""Samplers of videos."""
from .joint_video_sampler import JointVideoSampler
from .video_window_sampler import VideoWindowSampler

__all__ = ['JointVideoSampler', 'VideoWindowSampler']
