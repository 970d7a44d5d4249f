"""Transforms of clips and frames."""
from .clip_affine import ClipAffine
from .clip_sample import ClipSample
from .flow_pair import (LoadFlowPair, PackFlowPair, RandomCropFlowPair,
                        RandomFlipFlowPair)
from .load_frame_annotations import LoadFrameAnnotations
from .load_frame_panoptic import LoadFramePanoptic
from .load_synthetic_frames import LoadSyntheticFrames
from .load_video_frame import LoadVideoFrame
from .pack_clip_inputs import PackClipInputs
from .pseudo_motion import PseudoMotion
from .pseudo_rotation import PseudoRotation
from .skip_video_frame import SkipVideoFrame
from .thing_crop import ThingCrop

__all__ = [
    'ClipAffine', 'ClipSample', 'LoadFrameAnnotations', 'LoadFramePanoptic',
    'LoadFlowPair', 'LoadSyntheticFrames', 'LoadVideoFrame', 'PackClipInputs',
    'PackFlowPair', 'PseudoMotion', 'PseudoRotation', 'RandomCropFlowPair',
    'RandomFlipFlowPair', 'SkipVideoFrame', 'ThingCrop'
]
