"""The scope ``mmtrack``: configs of mmtrack 1.0 train and test our models.

Importing this module, in a config by ::

    default_scope = 'mmtrack'
    custom_imports = dict(imports=['mmvis_plugin.compat.mmtrack_scope'])

makes bare names and names with the prefix ``mmtrack.`` resolve to the
classes of this package, to those of mmdet, and for the vocabulary of mmtrack
1.0.0rc1 to adapters that take its arguments. mmtrack itself is not needed.
Where it is installed and cannot be imported, as its last release beside mmcv
2.x, it is left alone; where it can be, its classes stay in reach under the
names that are neither adapters nor ours.
"""
import importlib
import sys

from mmdet.evaluation import MOTChallengeMetric

from mmvis_plugin import registry
from mmvis_plugin.datasets.joint_video_dataset import JointVideoDataset
from mmvis_plugin.visualization import VideoVisualizer
from .mmtrack_absent import ABSENT
from .mmtrack_datasets import (BaseVideoDataset, ImagenetVIDDataset,
                               YouTubeVISDataset)
from .mmtrack_hooks import TrackVisualizationHook
from .mmtrack_metrics import CocoVideoMetric, YouTubeVISMetric
from .mmtrack_samplers import EntireVideoBatchSampler, VideoSampler
from .mmtrack_transforms import LoadTrackAnnotations, PackTrackInputs
from .scope_alias import DatasetScopeAlias, ScopeAlias

SCOPE = 'mmtrack'
_REGISTRY = f'{SCOPE}.registry'

try:
    importlib.import_module(_REGISTRY)
except Exception:  # absent, or it refuses the installed mmcv and mmdet
    # where mmengine looks for the registries of a scope
    sys.modules[_REGISTRY] = sys.modules[__name__]


def _alias(host: registry.PluginRegistry,
           kind: type = ScopeAlias,
           **names: type) -> ScopeAlias:
    node = kind(host, SCOPE, __name__, ABSENT)
    for name, cls in names.items():
        node.register_module(name=name, module=cls)
    return node


# data
DATASETS = _alias(
    registry.DATASETS,
    DatasetScopeAlias,
    BaseVideoDataset=BaseVideoDataset,
    ConcatDataset=JointVideoDataset,
    ImagenetVIDDataset=ImagenetVIDDataset,
    YouTubeVISDataset=YouTubeVISDataset)
DATA_SAMPLERS = _alias(
    registry.DATA_SAMPLERS,
    EntireVideoBatchSampler=EntireVideoBatchSampler,
    VideoSampler=VideoSampler)
TRANSFORMS = _alias(
    registry.TRANSFORMS,
    LoadTrackAnnotations=LoadTrackAnnotations,
    PackTrackInputs=PackTrackInputs)

# networks and what they are made of
MODELS = _alias(
    registry.MODELS,
    TrackDataPreprocessor=registry.MODELS.get('VideoDataPreprocessor'))
MODEL_WRAPPERS = _alias(registry.MODEL_WRAPPERS)
WEIGHT_INITIALIZERS = _alias(registry.WEIGHT_INITIALIZERS)
TASK_UTILS = _alias(registry.TASK_UTILS)

# optimisation
OPTIMIZERS = _alias(registry.OPTIMIZERS)
OPTIM_WRAPPERS = _alias(registry.OPTIM_WRAPPERS)
OPTIM_WRAPPER_CONSTRUCTORS = _alias(registry.OPTIM_WRAPPER_CONSTRUCTORS)
PARAM_SCHEDULERS = _alias(registry.PARAM_SCHEDULERS)

# running
RUNNERS = _alias(registry.RUNNERS)
RUNNER_CONSTRUCTORS = _alias(registry.RUNNER_CONSTRUCTORS)
LOOPS = _alias(registry.LOOPS)
HOOKS = _alias(registry.HOOKS, TrackVisualizationHook=TrackVisualizationHook)
LOG_PROCESSORS = _alias(registry.LOG_PROCESSORS)

# evaluation and display
METRICS = _alias(
    registry.METRICS,
    CocoVideoMetric=CocoVideoMetric,
    MOTChallengeMetrics=MOTChallengeMetric,
    YouTubeVISMetric=YouTubeVISMetric)
EVALUATOR = _alias(registry.EVALUATOR)
VISUALIZERS = _alias(
    registry.VISUALIZERS, TrackLocalVisualizer=VideoVisualizer)
VISBACKENDS = _alias(registry.VISBACKENDS)
