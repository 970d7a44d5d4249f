"""A pickle module that imports only what checkpoints need.

The safe reader of torch before 2.6 knows few classes besides tensors, so it
reads no checkpoint of a training. Given to ``torch.load`` as
``pickle_module``, this reads them and refuses every other name before it is
imported.
"""
import _codecs
import pickle
from collections import OrderedDict
from functools import lru_cache
from typing import IO, Any, Callable, Dict

import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import OneCycleParamScheduler

from .safe_globals import checkpoint_classes, other_numpy_name

_REBUILD = ('_rebuild_tensor', '_rebuild_tensor_v2', '_rebuild_parameter',
            '_rebuild_sparse_tensor')
# Their methods compute. One of an array writes files.
_OWNERS = (HistoryBuffer, OneCycleParamScheduler)


def _method(owner: type, name: str) -> Callable:
    """Stand for ``getattr``: give a method of two classes."""
    if owner not in _OWNERS or name.startswith('__') or name not in vars(
            owner):
        raise pickle.UnpicklingError(f'GLOBAL {owner!r}.{name} is refused')
    return vars(owner)[name].__get__(None, owner)


@lru_cache(maxsize=None)
def _allowed() -> Dict[str, Any]:
    """Return what may be named, by ``module.name``."""
    parts = [
        OrderedDict, torch.nn.Parameter, torch.Size, torch.Tensor,
        torch.device, _codecs.encode, *(getattr(torch._utils, name)
                                        for name in _REBUILD),
        *(part for part in checkpoint_classes()
          if part is not getattr and not isinstance(part, tuple))
    ]
    found = {f'{part.__module__}.{part.__name__}': part for part in parts}
    found.update({other_numpy_name(part): part for part in parts})
    found.update({
        f'torch.{name}': value
        for name, value in vars(torch).items()
        if isinstance(value, torch.dtype)
    })
    # pickled under the names of Python 2
    found.update({'__builtin__.getattr': _method, '__builtin__.set': set})
    return found


class Unpickler(pickle.Unpickler):
    """Refuses names outside of the list."""

    def find_class(self, module: str, name: str) -> Any:
        """Return an allowed object.

        Args:
            module (str): Where it is defined.
            name (str): Its name there.

        Raises:
            pickle.UnpicklingError: If it is not on the list.
        """
        path = f'{module}.{name}'
        if path not in _allowed():
            raise pickle.UnpicklingError(f'GLOBAL {path} is refused')
        return _allowed()[path]


def load(file: IO[bytes], **kwargs) -> Any:
    """Read one object; torch calls this for files of its oldest format."""
    return Unpickler(file, **kwargs).load()
