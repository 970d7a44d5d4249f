"""Helpers that know no model and no dataset."""
from .errors import AnnotationError, CheckpointError

__all__ = ['AnnotationError', 'CheckpointError']
