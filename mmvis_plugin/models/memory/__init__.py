"""What is remembered of objects and frames."""
from .track_memory import TrackMemory

__all__ = ['TrackMemory']
