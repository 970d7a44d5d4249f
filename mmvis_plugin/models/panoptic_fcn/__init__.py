"""PanopticFCN: panoptic segmentation by kernels."""
from .candidates import (Candidates, fuse_stuff_kernels, fuse_thing_kernels,
                         rescore, stuff_candidates, thing_candidates)
from .image_targets import image_targets, tight_boxes
from .inference_options import InferenceOptions
from .panoptic_fcn import PanopticFCN
from .panoptic_fcn_head import PanopticFCNHead
from .panoptic_fcn_inference import segment_image
from .panoptic_fcn_loss import panoptic_fcn_losses
from .panoptic_fcn_outputs import PanopticFCNOutputs
from .panoptic_fcn_targets import (ImageTargets, PanopticFCNTargets,
                                   build_targets)
from .panoptic_merge import (PanopticSegments, drop_small_things,
                             merge_panoptic, to_panoptic_map)
from .semantic_classes import SemanticClasses
from .weight_names import plugin_name

__all__ = [
    'Candidates', 'ImageTargets', 'InferenceOptions', 'PanopticFCN',
    'PanopticFCNHead', 'PanopticFCNOutputs', 'PanopticFCNTargets',
    'PanopticSegments', 'SemanticClasses', 'build_targets',
    'drop_small_things', 'fuse_stuff_kernels', 'fuse_thing_kernels',
    'image_targets', 'merge_panoptic', 'panoptic_fcn_losses', 'plugin_name',
    'rescore', 'segment_image', 'stuff_candidates', 'thing_candidates',
    'tight_boxes', 'to_panoptic_map'
]
