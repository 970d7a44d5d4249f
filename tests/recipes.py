"""The shipped configs; neither bases, nor of another scope, nor variants."""
import functools
from pathlib import Path

from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(
    path for path in (ROOT / 'configs').rglob('*.py')
    if not {'_base_', 'mmtrack', 'large'} & set(path.relative_to(ROOT).parts))
RECIPES = [path.relative_to(ROOT).as_posix() for path in FILES]
# networks for optical flow have neither classes nor clips
FLOW_RECIPES = [name for name in RECIPES if Path(name).stem.startswith('raft')]
SEGMENTERS = [name for name in RECIPES if name not in FLOW_RECIPES]


@functools.lru_cache(maxsize=None)
def load(name):
    """Return a parsed config; not to be changed."""
    return Config.fromfile(ROOT / name)


def recipes_of(system):
    """Return the names of the configs in one folder of ``configs``."""
    return [name for name in RECIPES if name.startswith(f'configs/{system}/')]


def inner_model(cfg):
    """Return the part of the model of a config that has the backbone."""
    return cfg.model.get('detector') or cfg.model.get('segmentor') or cfg.model


def num_classes(cfg):
    """Return the number of classes of the model of a config."""
    model = inner_model(cfg)
    if 'panoptic_head' in model:
        return model.panoptic_head.num_things + model.panoptic_head.num_stuff
    if 'segment_head' in model:
        head = model.segment_head
        return head.num_things_classes + head.num_stuff_classes
    return (model.get('roi_head') or model).bbox_head.num_classes
