"""Metrics as pure functions of plain arrays and run-length codes."""
from .box_tube_ap import box_records, box_tube_ap, box_tube_iou
from .mots import MOTSVideo, mots, mots_results, warn_if_crowded
from .mots_frame import MOTSFrame, MOTSSegments, mots_frame, mots_overlaps
from .panoptic_frame_table import PanopticFrameTable, panoptic_tables
from .panoptic_tubes import PanopticTubes
from .stq import STQRecord, stq, stq_record, stq_results
from .track_ap import (CategoryRecord, accumulate, average_area, match_tracks,
                       top_detections)
from .track_confusion import TrackOverlaps, track_confusion
from .track_events import TrackEvent, TrackEvents, TrackRun, track_events
from .tube_ap import video_instance_ap, video_records
from .tube_overlap import tube_areas, tube_iou
from .vpq import vpq, vpq_counts, vpq_results

__all__ = [
    'MOTSFrame', 'MOTSSegments', 'MOTSVideo', 'mots', 'mots_frame',
    'mots_overlaps', 'mots_results', 'warn_if_crowded', 'box_records',
    'box_tube_ap', 'box_tube_iou', 'PanopticFrameTable', 'PanopticTubes',
    'STQRecord', 'panoptic_tables', 'stq', 'stq_record', 'stq_results', 'vpq',
    'vpq_counts', 'vpq_results', 'CategoryRecord', 'accumulate',
    'average_area', 'match_tracks', 'top_detections', 'TrackOverlaps',
    'track_confusion', 'TrackEvent', 'TrackEvents', 'TrackRun', 'track_events',
    'tube_areas', 'tube_iou', 'video_instance_ap', 'video_records'
]
