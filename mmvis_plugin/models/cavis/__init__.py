"""CAVIS: context-aware video instance and panoptic segmentation."""
from .context_aware_tracker import (ContextAwareTracker, TrackedClip,
                                    TrackedFrame, TrackerState)
from .context_embed import ContextEmbed
from .match_queries import match_queries, reorder_slots
from .slot_masks import slot_masks
from .surrounding_features import inner_boundary, surrounding_features
from .temporal_refiner import TemporalRefiner

__all__ = [
    'ContextAwareTracker', 'ContextEmbed', 'TemporalRefiner', 'TrackedClip',
    'TrackedFrame', 'TrackerState', 'inner_boundary', 'match_queries',
    'reorder_slots', 'slot_masks', 'surrounding_features'
]
