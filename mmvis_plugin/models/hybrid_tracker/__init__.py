"""HybridTracker: instance and pixel tracker, fused."""
from .instance_track_head import InstanceTrackHead
from .local_instances import LocalInstances, local_instances
from .mask_rois import mask_boxes, mask_rois
from .similarity_fusion import SimilarityFusion

__all__ = [
    'InstanceTrackHead', 'LocalInstances', 'SimilarityFusion',
    'local_instances', 'mask_boxes', 'mask_rois'
]
