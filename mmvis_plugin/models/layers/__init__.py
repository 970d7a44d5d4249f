"""Blocks that two systems or more use."""
from .precision import at_least_fp32
from .static_roi_extractor import StaticRoIExtractor

__all__ = ['StaticRoIExtractor', 'at_least_fp32']
