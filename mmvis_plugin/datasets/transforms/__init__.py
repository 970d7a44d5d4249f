"""Transforms of clips and frames."""
from .clip_affine import ClipAffine
from .clip_sample import ClipSample
from .load_frame_annotations import LoadFrameAnnotations
from .load_frame_panoptic import LoadFramePanoptic
from .load_synthetic_frames import LoadSyntheticFrames
from .load_video_frame import LoadVideoFrame
from .pack_clip_inputs import PackClipInputs
from .pseudo_motion import PseudoMotion
from .thing_crop import ThingCrop

__all__ = [
    'ClipAffine', 'ClipSample', 'LoadFrameAnnotations', 'LoadFramePanoptic',
    'LoadSyntheticFrames', 'LoadVideoFrame', 'PackClipInputs', 'PseudoMotion',
    'ThingCrop'
]
