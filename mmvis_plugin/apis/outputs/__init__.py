"""Outputs of inference: overlays, pictures, JSON and text."""
from .id_pictures import IdPictures
from .output_kinds import OUTPUT_KINDS, OutputPlace, check_kinds, usual_kinds
from .overlay_strip import OverlayStrip
from .overlay_window import OverlayWindow
from .overlay_writer import OverlayWriter
from .panoptic_pictures import PanopticPictures
from .result_writer import FrameView, ResultWriter, result_kind
from .track_text import MOTSText, MOTText
from .youtube_vis_file import YouTubeVISFile

__all__ = [
    'FrameView', 'IdPictures', 'MOTSText', 'MOTText', 'OUTPUT_KINDS',
    'OutputPlace', 'OverlayStrip', 'OverlayWindow', 'OverlayWriter',
    'PanopticPictures', 'ResultWriter', 'YouTubeVISFile', 'check_kinds',
    'result_kind', 'usual_kinds'
]
