"""HybridTracker: instance and pixel tracker, fused."""
from .exact_flow import ExactFlow
from .flow_source import FlowSource, ZeroFlow
from .hybrid_state import FrameRecord, HybridFrameOutput, HybridState
from .hybrid_tracker import HybridTracker
from .instance_track_head import InstanceTrackHead
from .local_instances import LocalInstances, local_instances
from .mask_rois import mask_boxes, mask_rois
from .segmented_frame import ClassCounts, class_counts, segmented_frame
from .similarity_fusion import SimilarityFusion
from .track_options import TrackOptions

__all__ = [
    'ClassCounts', 'ExactFlow', 'FlowSource', 'FrameRecord',
    'HybridFrameOutput', 'HybridState', 'HybridTracker', 'InstanceTrackHead',
    'LocalInstances', 'SimilarityFusion', 'TrackOptions', 'ZeroFlow',
    'class_counts', 'local_instances', 'mask_boxes', 'mask_rois',
    'segmented_frame'
]
