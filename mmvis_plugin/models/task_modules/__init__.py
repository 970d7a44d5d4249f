"""Matchers and what they read."""
from .padded_gt import PaddedGT
from .temporally_consistent_matcher import TemporallyConsistentMatcher

__all__ = ['PaddedGT', 'TemporallyConsistentMatcher']
