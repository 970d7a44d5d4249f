"""Find the compiled operators, if there are any."""
import os
import warnings
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Optional, Tuple

_EXT = 'mmvis_plugin.ops._ext'
_FUNCTIONS = ('devices', 'em_cluster')
BUILD_COMMAND = 'MMVIS_WITH_OPS=1 pip install --no-build-isolation -e .'


@lru_cache(maxsize=None)
def load_ext() -> Optional[ModuleType]:
    """Import the compiled operators.

    A build that cannot be used (for another torch, or older than the Python
    code) is named in a warning, once; the operators then run in plain torch.

    Returns:
        ModuleType | None: None if they are not compiled, not usable, or
        switched off by ``MMVIS_WITH_OPS=0`` in the environment.
    """
    if os.environ.get('MMVIS_WITH_OPS') == '0' or find_spec(_EXT) is None:
        return None
    try:
        ext = import_module(_EXT)
    except ImportError as err:
        reason = str(err).splitlines()[0]
    else:
        missing = [name for name in _FUNCTIONS if not hasattr(ext, name)]
        if not missing:
            return ext
        reason = f'no function {missing[0]}'
    warnings.warn(
        f'the compiled operators do not fit ({reason}) and are not used, '
        f'which is slower; compile them again: {BUILD_COMMAND}',
        stacklevel=2)
    return None


def ext_devices() -> Tuple[str, ...]:
    """Return the device types that the operators are compiled for.

    Returns:
        tuple[str]: Such as ``('cpu', 'cuda')``; empty without a usable
        build.
    """
    ext = load_ext()
    return tuple(ext.devices()) if ext is not None else ()
