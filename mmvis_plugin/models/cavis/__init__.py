"""CAVIS: context-aware video instance and panoptic segmentation."""
from .cavis import CAVIS, CAVISFrameOutput, CAVISState
from .cavis_head import CAVISHead, SegmentedFrames
from .cavis_image_segmenter import CAVISImageSegmenter
from .cavis_results import ResultOptions, frame_result, video_results
from .clip_targets import (ClipTargets, instance_clip_targets,
                           panoptic_clip_targets)
from .context_aware_tracker import (ContextAwareTracker, TrackedClip,
                                    TrackedFrame, TrackerState)
from .context_embed import ContextEmbed
from .first_appearance_matcher import FirstAppearanceMatcher
from .match_queries import match_queries, reorder_slots
from .panoptic_tubes import PanopticTubes, tube_panoptic_postprocess
from .slot_criterion import SlotCriterion
from .slot_masks import slot_masks
from .slot_scores import (SlotPicks, pick_instances, pick_segments,
                          slot_class_probs)
from .stage_losses import refiner_losses, segmenter_losses, tracker_losses
from .stage_record import StageRecord
from .surrounding_features import inner_boundary, surrounding_features
from .temporal_refiner import TemporalRefiner
from .video_instances import frame_instances, original_masks, video_instances

__all__ = [
    'CAVIS', 'CAVISFrameOutput', 'CAVISHead', 'CAVISImageSegmenter',
    'CAVISState', 'ClipTargets', 'ContextAwareTracker', 'ContextEmbed',
    'FirstAppearanceMatcher', 'PanopticTubes', 'ResultOptions',
    'SegmentedFrames', 'SlotCriterion', 'SlotPicks', 'StageRecord',
    'TemporalRefiner', 'TrackedClip', 'TrackedFrame', 'TrackerState',
    'frame_instances', 'frame_result', 'inner_boundary',
    'instance_clip_targets', 'match_queries', 'original_masks',
    'panoptic_clip_targets', 'pick_instances', 'pick_segments',
    'refiner_losses', 'reorder_slots', 'segmenter_losses', 'slot_class_probs',
    'slot_masks', 'surrounding_features', 'tracker_losses',
    'tube_panoptic_postprocess', 'video_instances', 'video_results'
]
