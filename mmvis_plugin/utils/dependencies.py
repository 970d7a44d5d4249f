"""Say in one line what is missing from the OpenMMLab stack."""
import io
import re
import warnings
from contextlib import redirect_stdout
from importlib import import_module
from typing import NamedTuple, Tuple

_GUIDE = 'see docs/en/get_started.md'


class Requirement(NamedTuple):
    """One library this package stands on.

    Attributes:
        module (str): Import name.
        minimum (str): Oldest version that is supported. There is no upper
            bound: a newer release is tried, not refused.
        install (str): Command that installs it.
    """

    module: str
    minimum: str
    install: str


REQUIREMENTS = (
    Requirement('torch', '2.1', 'pip install torch'),
    Requirement('mmengine', '0.10', 'pip install onedl-mmengine'),
    Requirement('mmcv', '2.1.0',
                'pip install --no-build-isolation onedl-mmcv'),
    Requirement('mmdet', '3.3.0', 'pip install onedl-mmdetection'),
)


def version_tuple(version: str) -> Tuple[int, ...]:
    """Return the numeric release part of a version.

    Args:
        version (str): For example ``'2.13.0+cpu'`` or ``'3.5.1rc1'``.

    Returns:
        tuple[int]: For example ``(2, 13, 0)``; three numbers at least.
    """
    release = re.match(r'\d+(\.\d+)*', version)
    numbers = [int(n) for n in release.group().split('.')] if release else []
    return tuple(numbers + [0] * (3 - len(numbers)))


def check_dependencies() -> None:
    """Import what the package needs, oldest dependency first.

    Raises:
        ImportError: With one line that names the library, what was found
            and the command that installs it.
    """
    for required in REQUIREMENTS:
        _check(required)
    try:
        import_module('mmcv._ext')
    except ImportError as err:
        raise ImportError(
            'mmvis_plugin needs mmcv with compiled ops, but mmcv._ext cannot '
            f'be imported ({_first_line(err)}); build it against your torch '
            'with: pip install --no-build-isolation --no-cache-dir '
            f'--force-reinstall --no-deps onedl-mmcv ({_GUIDE})') from err


def import_host_quietly() -> None:
    """Import mmdet's datasets and metrics without their notes.

    The maintained distribution prints a line for every optional extra that
    is not installed. None of them is used here.
    """
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)
        import_module('mmdet.datasets')
        import_module('mmdet.evaluation')


def _check(required: Requirement) -> None:
    name, minimum, install = required
    try:
        module = import_module(name)
    except Exception as err:  # mmdet asserts on versions when imported
        raise ImportError(
            f'mmvis_plugin needs {name} >= {minimum}, which cannot be '
            f'imported ({_first_line(err)}); install it with: {install} '
            f'({_GUIDE})') from err
    found = str(getattr(module, '__version__', '0'))
    if version_tuple(found) < version_tuple(minimum):
        raise ImportError(
            f'mmvis_plugin needs {name} >= {minimum}, found {found}; update '
            f'it with: {install} --upgrade ({_GUIDE})')


def _first_line(err: Exception) -> str:
    lines = str(err).strip().splitlines()
    return lines[0] if lines else type(err).__name__
