"""Online video segmentation for OpenMMLab."""
from .utils.dependencies import check_dependencies, import_host_quietly

# Everything below imports mmdet; a missing part has to be named before.
check_dependencies()
import_host_quietly()

from mmengine.config.utils import MODULE2PACKAGE  # noqa: E402

from . import datasets, engine, evaluation, models, visualization  # noqa: E402
from .utils.safe_globals import allow_checkpoint_classes  # noqa: E402
from .version import __version__  # noqa: E402

# Inferencers of mmengine accept only scopes that are keys of this table.
MODULE2PACKAGE.setdefault('mmvis_plugin', 'mmvis_plugin')
allow_checkpoint_classes()

__all__ = [
    '__version__', 'datasets', 'engine', 'evaluation', 'models',
    'visualization'
]
