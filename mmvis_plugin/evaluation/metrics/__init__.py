"""Metrics for mmengine's evaluator."""
from .box_tube_metric import BoxTubeMetric
from .dump_track_results import DumpTrackResults
from .flow_metric import FlowMetric
from .frame_coco_metric import FrameCocoMetric
from .mots_metric import MOTSMetric
from .panoptic_metric import PanopticMetric
from .stq_metric import STQMetric
from .video_metric import OpenVideo, VideoMetric
from .vis_metric import VISMetric
from .vpq_metric import VPQMetric

__all__ = [
    'FlowMetric', 'FrameCocoMetric', 'MOTSMetric', 'BoxTubeMetric',
    'PanopticMetric', 'STQMetric', 'VPQMetric', 'DumpTrackResults',
    'OpenVideo', 'VISMetric', 'VideoMetric'
]
