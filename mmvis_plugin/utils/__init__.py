"""Helpers that know no model and no dataset.

Only what needs nothing but the standard library is imported here, because
``mmvis_plugin.utils.dependencies`` runs before torch is known to exist.
"""
from .dependencies import check_dependencies
from .errors import AnnotationError, CheckpointError

__all__ = ['AnnotationError', 'CheckpointError', 'check_dependencies']
