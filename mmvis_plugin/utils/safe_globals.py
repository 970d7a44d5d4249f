"""Let checkpoints of mmengine pass the safe unpickler of torch."""
from typing import Any, List

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import OneCycleParamScheduler

# Types of the scalars and arrays that a message hub keeps.
_DTYPES = ('bool', 'int32', 'int64', 'uint8', 'uint32', 'float32', 'float64')


def checkpoint_classes() -> List[Any]:
    """Return the classes a training checkpoint holds besides tensors.

    The message hub stores log histories as ``HistoryBuffer`` of NumPy
    arrays, plus NumPy scalars; the one-cycle schedule stores its annealing
    function. Methods of these classes are pickled through ``getattr``.

    Returns:
        list: Classes and functions for
        ``torch.serialization.add_safe_globals``.
    """
    core = getattr(np, '_core', None) or np.core
    classes = [
        HistoryBuffer, OneCycleParamScheduler, getattr, np.ndarray, np.dtype,
        core.multiarray._reconstruct, core.multiarray.scalar
    ]
    return classes + [type(np.dtype(name)) for name in _DTYPES]


def allow_checkpoint_classes() -> None:
    """Register :func:`checkpoint_classes` with torch >= 2.6.

    ``torch.load`` then reads a checkpoint with ``weights_only=True``, its
    default since 2.6. Older versions have no such list and need none.
    Loading through mmengine may take the classes off the list again, so this
    is called before every load, not only at import.
    """
    add = getattr(torch.serialization, 'add_safe_globals', None)
    if add is not None:
        add(checkpoint_classes())
