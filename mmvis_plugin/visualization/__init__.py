"""Overlays of tracks and panoptic maps, video files and strips."""
from .error_overlay import ErrorOverlay
from .error_page import ErrorPage
from .frame_folder import FrameFolder, check_image_name, write_image
from .frame_strip import FrameStrip
from .ground_truth import ground_truth, panoptic_truth
from .palette import TRACK_PALETTE, track_colors
from .panoptic_overlay import PanopticPanel
from .video_sink import VideoSink
from .video_visualizer import VideoVisualizer

__all__ = [
    'ErrorOverlay', 'ErrorPage', 'FrameFolder', 'FrameStrip', 'PanopticPanel',
    'TRACK_PALETTE', 'VideoSink', 'VideoVisualizer', 'check_image_name',
    'ground_truth', 'panoptic_truth', 'track_colors', 'write_image'
]
