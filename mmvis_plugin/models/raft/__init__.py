"""RAFT: optical flow."""
from .raft import RAFT, RAFTFeatures
from .sequence_loss import end_point_error, sequence_loss
from .upsampling import upsample_flow

__all__ = [
    'RAFT', 'RAFTFeatures', 'end_point_error', 'sequence_loss', 'upsample_flow'
]
