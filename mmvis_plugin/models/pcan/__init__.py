"""PCAN: prototypical cross-attention networks."""
from .frame_pcam import FrameMemory, FramePCAM
from .pcan import PCAN
from .pcan_condinst import PCANCondInst
from .pcan_mask_rcnn import PCANMaskRCNN
from .pcan_roi_head import PCANRoIHead
from .pcan_track_head import PCANTrackHead
from .pcan_tracker import PCANTracker, TrackerState
from .prototype_refine_head import PrototypeRefineHead, Prototypes

__all__ = [
    'FrameMemory', 'FramePCAM', 'PCAN', 'PCANCondInst', 'PCANMaskRCNN',
    'PCANRoIHead', 'PCANTrackHead', 'PCANTracker', 'PrototypeRefineHead',
    'Prototypes', 'TrackerState'
]
