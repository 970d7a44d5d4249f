"""Deciding which object of this frame is which object of the past."""
from .assign_ids import Assignment, SkipFrame, assign_ids, temporal_check
from .check_pair import check_pair
from .duplicate_removal import find_duplicates
from .match_scores import match_scores
from .mutual_check import best_row_check, mutual_check
from .serial_choice import serial_choice
from .similarity_fusion import (class_gate, fuse_similarities,
                                instance_similarity, match_logits)
from .warped_dice import WarpedDice, warped_dice

__all__ = [
    'Assignment', 'SkipFrame', 'WarpedDice', 'assign_ids', 'best_row_check',
    'check_pair', 'class_gate', 'find_duplicates', 'fuse_similarities',
    'instance_similarity', 'match_logits', 'match_scores', 'mutual_check',
    'serial_choice', 'temporal_check', 'warped_dice'
]
