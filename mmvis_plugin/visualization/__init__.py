"""Overlays of tracks, video files and strips."""
from .frame_folder import FrameFolder, check_image_name, write_image
from .frame_strip import FrameStrip
from .palette import TRACK_PALETTE, track_colors
from .video_sink import VideoSink
from .video_visualizer import VideoVisualizer

__all__ = [
    'FrameFolder', 'FrameStrip', 'TRACK_PALETTE', 'VideoSink',
    'VideoVisualizer', 'check_image_name', 'track_colors', 'write_image'
]
