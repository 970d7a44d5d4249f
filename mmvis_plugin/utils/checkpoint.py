"""Read checkpoints, and refuse one that belongs to another model."""
import glob
import os.path as osp
import re
from pickle import UnpicklingError
from typing import Any, Dict, Mapping, Optional

import torch
from mmengine.runner import load_state_dict
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from . import checked_pickle
from .dependencies import version_tuple
from .errors import CheckpointError
from .safe_globals import allow_checkpoint_classes

# of torch and of the pickle module about what is no pickle at all
_NO_PICKLE = re.compile('Unsupported operand|invalid load key')
# Options of torch.load: its safe reader knows our classes since 2.6.
_SAFELY = dict(weights_only=True)
if version_tuple(torch.__version__) < (2, 6, 0):
    _SAFELY = dict(weights_only=False, pickle_module=checked_pickle)
# Layers whose width follows the number of classes: they may differ when a
# model is fine-tuned on other classes.
_CLASSIFIERS = ('cls', 'class', 'logit', 'label', 'out_inst', 'out_sem')


def read_checkpoint(path: str, map_location: str = 'cpu') -> Dict[str, Any]:
    """Read a checkpoint without running code that it may contain.

    Args:
        path (str): Local file or an address that mmengine knows.
        map_location (str): Device of the tensors. Defaults to 'cpu'.

    Returns:
        dict: Content with the key ``state_dict``.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: The file is damaged, holds more than tensors and
            plain values, or holds no weights.
    """
    allow_checkpoint_classes()
    if '://' in path:
        content = CheckpointLoader.load_checkpoint(path, map_location)
    else:
        content = _read_local(path, map_location)
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(
            f'{path}: holds a {type(content).__name__}, expected a dict with '
            "the key 'state_dict'; give a checkpoint written by training")
    return dict(content) if 'state_dict' in content else dict(
        state_dict=content)


def _read_local(path: str, map_location: str) -> Any:
    if not osp.isfile(path):
        raise FileNotFoundError(
            f'{path}: no such checkpoint; give the path of a .pth file')
    try:
        return torch.load(path, map_location=map_location, **_SAFELY)
    except UnpicklingError as err:
        if _NO_PICKLE.search(str(err)):
            raise CheckpointError(
                f'{path}: not a checkpoint, no torch.save wrote it; give the '
                'path of a .pth file or copy the file again') from err
        raise CheckpointError(
            f'{path}: cannot be read safely ({_unsafe_part(err)}); expected '
            'tensors and plain values: save its weights alone where you '
            'trust the file') from err
    except (RuntimeError, EOFError, OSError, ValueError) as err:
        reason = (str(err).strip().splitlines() or [type(err).__name__])[0]
        raise CheckpointError(
            f'{path}: not a whole checkpoint ({reason}); use an older one '
            'of the run or copy the file again') from err


def _unsafe_part(err: UnpicklingError) -> str:
    """Return the class that the safe reader refused, or its first line."""
    refused = re.search(r'GLOBAL (\S+)', str(err))
    if refused:
        return f'it holds {refused.group(1)}'
    return str(err).strip().splitlines()[0]


def check_compatible(model: nn.Module, state_dict: Mapping[str, Tensor],
                     path: str) -> None:
    """Refuse weights that were not made for a model.

    Fewer than half of the model's tensors found, or a tensor of another
    shape outside of the classifiers, means another model. Without this
    check mmengine loads what fits and goes on with random weights.

    Args:
        model (nn.Module): The model to be loaded, or a wrapper with it as
            its ``module``.
        state_dict (Mapping[str, Tensor]): The weights.
        path (str): Name of the file for the message.

    Raises:
        CheckpointError: With the counts and the remedy.
    """
    # wrappers of several processes and of test-time augmentation
    while isinstance(getattr(model, 'module', None), nn.Module):
        model = model.module
    wanted = model.state_dict()
    names = {_plain(key): key for key in state_dict}
    found = [name for name in wanted if name in names]
    remedy = 'give the config the checkpoint was trained with'
    if 2 * len(found) < len(wanted):
        raise CheckpointError(
            f'{path}: belongs to another model: {len(found)} of the '
            f'{len(wanted)} tensors of {type(model).__name__} are in it, '
            f'among its {len(names)}; {remedy}')
    for name in found:
        have = tuple(state_dict[names[name]].shape)
        need = tuple(wanted[name].shape)
        if have != need and not _follows_classes(name):
            raise CheckpointError(
                f'{path}: {name} has shape {have}, '
                f'{type(model).__name__} expects {need}; {remedy}')


def _plain(key: str) -> str:
    """Return a name without the prefix of a distributed wrapper."""
    return re.sub(r'^module\.', '', key)


def _follows_classes(name: str) -> bool:
    return any(word in name for word in _CLASSIFIERS)


def load_weights(model: nn.Module, path: str) -> Dict[str, Any]:
    """Load a checkpoint that must belong to a model.

    Args:
        model (nn.Module): The model.
        path (str): The checkpoint.

    Returns:
        dict: The whole content, for example for its ``meta``.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: See :func:`read_checkpoint` and
            :func:`check_compatible`.
    """
    content = read_checkpoint(path)
    weights = {_plain(key): v for key, v in content['state_dict'].items()}
    check_compatible(model, weights, path)
    load_state_dict(model, weights, strict=False)
    return content


def load_detector(model: nn.Module, path: str) -> None:
    """Load the part of a model that looks at single frames.

    Args:
        model (nn.Module): A model with a detector or segmentor of its own,
            or a wrapper with it as its ``module``.
        path (str): Weights of the part, or of a model that has it under the
            same name.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: The model has no such part, or the weights belong to
            another one.
    """
    while isinstance(getattr(model, 'module', None), nn.Module):
        model = model.module
    for name in ('detector', 'segmentor'):
        part = getattr(model, name, None)
        if isinstance(part, nn.Module):
            break
    else:
        raise CheckpointError(
            f'{path}: weights of a detector, but {type(model).__name__} has '
            'none of its own; give its weights as the checkpoint')
    weights = read_checkpoint(path)['state_dict']
    weights = {_plain(key): value for key, value in weights.items()}
    start = f'{name}.'
    inside = {
        key[len(start):]: value
        for key, value in weights.items() if key.startswith(start)
    } or weights
    check_compatible(part, inside, path)
    load_state_dict(part, inside, strict=False)


def latest_checkpoint(work_dir: str) -> Optional[str]:
    """Find the checkpoint that a run in ``work_dir`` goes on from.

    Args:
        work_dir (str): Folder of the run.

    Returns:
        str or None: What ``last_checkpoint`` names if that file exists,
        else the checkpoint of the highest iteration or epoch.
    """
    note = osp.join(work_dir, 'last_checkpoint')
    if osp.isfile(note):
        with open(note, encoding='utf-8') as file:
            named = file.read().strip()
        for path in (named, osp.join(work_dir, osp.basename(named))):
            if osp.isfile(path):
                return path
    numbered = numbered_checkpoints(work_dir)
    return numbered[max(numbered)] if numbered else None


def numbered_checkpoints(work_dir: str) -> Dict[int, str]:
    """List the checkpoints of a run by their iteration or epoch.

    Args:
        work_dir (str): Folder of the run.

    Returns:
        dict[int, str]: Paths; the best ones have names of another kind.
    """
    return {
        int(match.group(1)): path
        for path in glob.glob(osp.join(glob.escape(work_dir), '*.pth'))
        if (match := re.fullmatch(r'(?:iter|epoch)_(\d+)\.pth',
                                  osp.basename(path)))
    }
