"""Evaluation of videos."""
from .functional import box_tube_ap, mots, stq, video_instance_ap, vpq
from .metrics import (BoxTubeMetric, MOTSMetric, STQMetric, VideoMetric,
                      VISMetric, VPQMetric)

__all__ = [
    'MOTSMetric', 'BoxTubeMetric', 'box_tube_ap', 'mots', 'STQMetric',
    'VPQMetric', 'stq', 'vpq', 'VISMetric', 'VideoMetric', 'video_instance_ap'
]
