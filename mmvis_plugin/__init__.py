"""Online video segmentation for OpenMMLab."""
from .version import __version__

from . import datasets, engine, evaluation, models, visualization  # noqa: F401, E402, I001, I003

__all__ = ['__version__']
