"""Read pickles of arrays, the form of Detectron2's model zoo."""
import codecs
import pickle
from collections import OrderedDict
from typing import Any, Dict

import numpy as np

from .errors import CheckpointError


def _names(value: Any) -> Dict[tuple, Any]:
    """Return the names under which NumPy 1 and 2 pickle a function."""
    module = value.__module__.replace('numpy._core', 'numpy.core')
    return {
        (prefix, value.__name__): value
        for prefix in (module, module.replace('numpy.core', 'numpy._core'))
    }


_ALLOWED = {
    ('numpy', 'ndarray'): np.ndarray,
    ('numpy', 'dtype'): np.dtype,
    ('collections', 'OrderedDict'): OrderedDict,
    # how protocol 2 writes bytes
    ('_codecs', 'encode'): codecs.encode,
    **_names(np.zeros(0).__reduce__()[0]),
    **_names(np.zeros(0).__reduce_ex__(5)[0]),
    **_names(np.float64(0).__reduce__()[0]),
}


class _ArrayUnpickler(pickle.Unpickler):
    """Knows arrays, scalars and plain values; runs nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f'it holds {module}.{name}')
        return _ALLOWED[module, name]


def read_numpy_pickle(path: str) -> Any:
    """Read a pickle of arrays and plain values, and run no code of it.

    Args:
        path (str): File of any pickle protocol, also of Python 2.

    Returns:
        Any: Its content.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: The file is damaged or holds something else.
    """
    try:
        with open(path, 'rb') as file:
            return _ArrayUnpickler(file, encoding='latin1').load()
    except FileNotFoundError as err:
        raise FileNotFoundError(f'{path}: no such file; give the path of a '
                                '.pkl file') from err
    except Exception as err:
        # a damaged pickle raises anything
        reason = (str(err).splitlines() or [type(err).__name__])[0]
        raise CheckpointError(
            f'{path}: cannot be read ({reason}), expected a pickle of arrays '
            'and plain values; copy the file again') from err
