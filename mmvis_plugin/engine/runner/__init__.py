"""Runners."""
from .video_runner import VideoRunner

__all__ = ['VideoRunner']
