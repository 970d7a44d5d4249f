"""Evaluation of videos."""
from .functional import stq, video_instance_ap, vpq
from .metrics import STQMetric, VideoMetric, VISMetric, VPQMetric

__all__ = [
    'STQMetric', 'VPQMetric', 'stq', 'vpq', 'VISMetric', 'VideoMetric',
    'video_instance_ap'
]
