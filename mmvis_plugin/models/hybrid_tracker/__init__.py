"""HybridTracker: instance and pixel tracker, fused."""
from .instance_track_head import InstanceTrackHead
from .mask_rois import mask_boxes, mask_rois
from .similarity_fusion import SimilarityFusion

__all__ = ['InstanceTrackHead', 'SimilarityFusion', 'mask_boxes', 'mask_rois']
