"""From what a user calls a model to its config and weights."""
import ast
import copy
import os.path as osp
from pathlib import Path
from typing import NamedTuple, Optional, Union

from mmengine.config import Config
from mmengine.logging import print_log

from mmvis_plugin.utils.checkpoint import read_checkpoint
from mmvis_plugin.utils.download import fetch_weights
from mmvis_plugin.utils.errors import CheckpointError
from mmvis_plugin.utils.model_names import find_model

Model = Union[str, Path, dict, Config]
# comes with the package, so that it is there without any download
DEFAULT_MODEL = 'inspro-tiny'

_SUFFIXES = ('.py', '.yaml', '.yml', '.json')
# all that a config consists of once it is printed
_PLAIN = (ast.Module, ast.Assign, ast.Name, ast.Load, ast.Store, ast.Call,
          ast.keyword, ast.Dict, ast.List, ast.Tuple, ast.Set, ast.Constant,
          ast.UnaryOp, ast.USub)


class ModelSource(NamedTuple):
    """What a model is built from.

    Attributes:
        config (Config): A copy, free to be changed.
        weights (str, optional): A checkpoint; None for random weights.
    """
    config: Config
    weights: Optional[str]


def model_source(model: Optional[Model],
                 weights: Optional[Union[str, Path]] = None) -> ModelSource:
    """Return config and weights of a model.

    Args:
        model (str | Path | dict | Config, optional): Config file, config, or
            name of a model of the zoo, which brings its weights. None takes
            the config that training has put into the weights, and without
            weights the small model ``DEFAULT_MODEL`` of the package.
        weights (str | Path, optional): Checkpoint; goes before that of the
            zoo. Defaults to None.

    Returns:
        ModelSource: The two.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If a config is to come from a checkpoint without
            one.
        DownloadError: If weights of the zoo cannot be fetched.
        ValueError: If the zoo has no such model.
    """
    weights = None if weights is None else str(weights)
    if model is None:
        if weights is None:
            print_log(
                f'no model named: {DEFAULT_MODEL} of the package, which knows '
                'the forms of MovingShapes', 'current')
            return _from_zoo(DEFAULT_MODEL, None)
        return ModelSource(_config_of(weights), weights)
    if isinstance(model, (Config, dict)):
        model = copy.deepcopy(model)
        return ModelSource(
            Config(model) if isinstance(model, dict) else model, weights)
    path = str(model)
    if not osp.isfile(path) and not path.endswith(_SUFFIXES):
        return _from_zoo(path, weights)
    if not osp.isfile(path):
        raise FileNotFoundError(
            f'{path}: no such config; the recipes are below configs/')
    if not path.endswith(_SUFFIXES):
        raise ValueError(f'{path}: a config ends in .py, .yml or .json; '
                         'give a checkpoint as the weights')
    return ModelSource(Config.fromfile(path), weights)


def _from_zoo(name: str, weights: Optional[str]) -> ModelSource:
    entry = find_model(name)
    weights = weights or fetch_weights(entry)
    if weights is None:
        print_log(
            f'{entry.name}: not yet trained, the zoo has no weights of it; '
            'they are random unless a checkpoint is given', 'current')
    return ModelSource(Config.fromfile(entry.config), weights)


def _config_of(path: str) -> Config:
    """Return the config in a checkpoint, without running code of it."""
    content = read_checkpoint(path)
    text = (content.get('meta') or {}).get('cfg')
    if not isinstance(text, str):
        raise CheckpointError(
            f"{path}: no config in its meta['cfg'], expected that of its "
            'training; give the config or the name of the model')
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except SyntaxError:
        raise CheckpointError(f"{path}: meta['cfg'] is no config; give the "
                              'config or the name of the model') from None
    for node in nodes:
        is_call = isinstance(node, ast.Call)
        if not isinstance(node, _PLAIN) or (is_call and getattr(
                node.func, 'id', None) != 'dict'):
            raise CheckpointError(
                f"{path}: line {getattr(node, 'lineno', 0)} of meta['cfg'] "
                f'is {type(node).__name__} code, expected plain values; give '
                'the config where you trust the file')
    return Config.fromstring(text, '.py')
