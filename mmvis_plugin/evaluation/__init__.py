"""Evaluation of videos."""
from .functional import video_instance_ap
from .metrics import VideoMetric, VISMetric

__all__ = ['VISMetric', 'VideoMetric', 'video_instance_ap']
