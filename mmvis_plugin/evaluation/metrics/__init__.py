"""Metrics for mmengine's evaluator."""
from .dump_track_results import DumpTrackResults
from .video_metric import OpenVideo, VideoMetric
from .vis_metric import VISMetric

__all__ = ['DumpTrackResults', 'OpenVideo', 'VISMetric', 'VideoMetric']
