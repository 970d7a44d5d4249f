"""What tells a model from others."""
import hashlib
import json
import os.path as osp
from typing import Any, Dict

from mmvis_plugin.utils.download import sha256_of
from ..model_config import ModelSource

_DIGITS = 16


def model_identity(source: ModelSource) -> Dict[str, Any]:
    """Return what the results of a model depend on.

    Args:
        source (ModelSource): Config, with all options merged, and weights.

    Returns:
        dict: Names of config and weights for people, and hashes of the
        weights and of the parts of the config that inference uses.

    Raises:
        ValueError: If there are no weights: random ones would be others in
            each process.
    """
    config, weights = source
    if weights is None:
        raise ValueError(
            f'{config.filename or "config"}: no weights, expected those that '
            'all processes are to use; give a checkpoint')
    if not osp.isfile(weights):
        raise FileNotFoundError(f'{weights}: no such checkpoint')
    dataset = (config.get('test_dataloader') or {}).get('dataset') or {}
    used = [
        config.get('model'),
        dataset.get('type'),
        dataset.get('metainfo'),
        dataset.get('pipeline')
    ]
    text = json.dumps(used, default=_named)
    return dict(
        config=osp.basename(config.filename or ''),
        config_hash=hashlib.sha256(text.encode()).hexdigest()[:_DIGITS],
        weights=osp.basename(weights),
        weights_hash=sha256_of(weights)[:_DIGITS])


def _named(value: Any) -> str:
    """Return a name without the address of an object."""
    return getattr(value, '__qualname__', None) or type(value).__qualname__
