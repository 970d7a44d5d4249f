"""Metrics as pure functions of plain arrays and run-length codes."""
from .track_ap import (CategoryRecord, accumulate, average_area, match_tracks,
                       top_detections)
from .tube_ap import video_instance_ap, video_records
from .tube_overlap import tube_areas, tube_iou

__all__ = [
    'CategoryRecord', 'accumulate', 'average_area', 'match_tracks',
    'top_detections', 'tube_areas', 'tube_iou', 'video_instance_ap',
    'video_records'
]
