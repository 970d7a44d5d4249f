"""Inference on many videos."""
from .bulk_inference import BulkInference
from .bulk_records import FAILURES, SUMMARY, BulkRecords
from .bulk_report import BulkReport
from .model_identity import model_identity
from .shard import Shard, find_shard, local_device, wait_for_ranks
from .stop_signal import StopSignal
from .video_job import BulkOptions, run_video
from .video_list import ListedVideo, list_videos

__all__ = [
    'BulkInference', 'BulkOptions', 'BulkRecords', 'BulkReport', 'FAILURES',
    'ListedVideo', 'SUMMARY', 'Shard', 'StopSignal', 'find_shard',
    'list_videos', 'local_device', 'model_identity', 'run_video',
    'wait_for_ranks'
]
