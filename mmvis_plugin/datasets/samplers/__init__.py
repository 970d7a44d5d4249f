"""Samplers of videos."""
from .joint_video_sampler import JointVideoSampler
from .key_frame_sampler import KeyFrameSampler
from .video_window_sampler import VideoWindowSampler

__all__ = ['JointVideoSampler', 'KeyFrameSampler', 'VideoWindowSampler']
