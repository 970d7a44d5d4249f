"""Let checkpoints of mmengine pass the safe unpickler of torch."""
from typing import Any, Callable, List

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import OneCycleParamScheduler

from .dependencies import version_tuple

# Types of the scalars and arrays that a message hub keeps.
_DTYPES = ('bool', 'int32', 'int64', 'uint8', 'uint32', 'float32', 'float64')


def checkpoint_classes() -> List[Any]:
    """Return the classes a training checkpoint holds besides tensors.

    The message hub stores log histories as ``HistoryBuffer`` of NumPy
    arrays, plus NumPy scalars; the one-cycle schedule stores its annealing
    function. Methods of these classes are pickled through ``getattr``.

    Returns:
        list: Classes and functions for
        ``torch.serialization.add_safe_globals``, two of them also with the
        name that they have in checkpoints of the other NumPy, 1 or 2.
    """
    functions = [
        np.zeros(0).__reduce__()[0],
        np.float64(0).__reduce__()[0],
    ]
    classes = [
        HistoryBuffer, OneCycleParamScheduler, getattr, np.ndarray, np.dtype,
        *functions
    ]
    classes += [type(np.dtype(name)) for name in _DTYPES]
    # torch takes a name of its own for a function since 2.7. With 2.6 a
    # training is resumed with the NumPy, 1 or 2, that wrote its checkpoint.
    if version_tuple(torch.__version__) >= (2, 7, 0):
        classes += [(function, other_numpy_name(function))
                    for function in functions]
    return classes


def other_numpy_name(function: Callable) -> str:
    """Return the path under which the other NumPy, 1 or 2, pickles it.

    Args:
        function (Callable): Of NumPy, or anything else, which keeps its path.
    """
    old, new = 'numpy.core.', 'numpy._core.'
    path = f'{function.__module__}.{function.__name__}'
    return path.replace(new, old) if new in path else path.replace(old, new)


def allow_checkpoint_classes() -> None:
    """Register :func:`checkpoint_classes` with torch >= 2.6.

    ``torch.load`` then reads a checkpoint with ``weights_only=True``, its
    default since 2.6. What older versions read with is
    :mod:`~mmvis_plugin.utils.checked_pickle`.
    Loading through mmengine may take the classes off the list again, so this
    is called before every load, not only at import.
    """
    add = getattr(torch.serialization, 'add_safe_globals', None)
    if add is not None:
        add(checkpoint_classes())
