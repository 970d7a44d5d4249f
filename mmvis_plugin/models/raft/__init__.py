"""RAFT: optical flow."""
from .flow_estimator import FlowEstimator
from .raft import RAFT, RAFTFeatures
from .sequence_loss import end_point_error, sequence_loss
from .upsampling import upsample_flow
from .weight_names import official_raft_weights

__all__ = [
    'FlowEstimator', 'RAFT', 'RAFTFeatures', 'end_point_error',
    'official_raft_weights', 'sequence_loss', 'upsample_flow'
]
