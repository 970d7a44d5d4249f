"""Hooks."""
from .video_visualization_hook import VideoVisualizationHook

__all__ = ['VideoVisualizationHook']
