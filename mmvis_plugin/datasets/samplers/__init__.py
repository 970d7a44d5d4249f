"""Samplers of videos."""
from .video_window_sampler import VideoWindowSampler

__all__ = ['VideoWindowSampler']
