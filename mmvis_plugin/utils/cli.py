"""What the command line tools share."""
import argparse
import functools
import os
import os.path as osp
import sys
import traceback
from importlib import import_module
from typing import Callable, Optional

from mmengine.config import Config, DictAction

from .errors import AnnotationError, CheckpointError, DownloadError
from .explain import explain_error
from .explain_fault import explain_fault


class UsageError(ValueError):
    """The options of a tool and its config do not go together."""


_ONE_LINERS = (AnnotationError, CheckpointError, DownloadError, UsageError,
               FileNotFoundError, ImportError)
_PACKAGE = osp.dirname(osp.dirname(osp.realpath(__file__)))


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that training and testing have in common.

    Args:
        parser (argparse.ArgumentParser): Gets ``--work-dir``,
            ``--cfg-options``, ``--launcher`` and both spellings of
            ``--local-rank``.
    """
    parser.add_argument(
        '--work-dir', help='folder of logs, checkpoints and results')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override config values: key=value, key="[a,b]" or key=a,b; '
        'keys are dotted, no white space')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def read_config(path: str, options: Optional[dict] = None) -> Config:
    """Read a config and merge options into it.

    Configs with ``default_scope='mmtrack'`` find the classes of this package
    without a line of their own.

    Args:
        path (str): The config.
        options (dict, optional): Dotted keys and values. Defaults to None.

    Returns:
        Config: The merged config.

    Raises:
        FileNotFoundError: The config does not exist.
        UsageError: The config is not one.
    """
    if not osp.isfile(path):
        raise FileNotFoundError(f'{path}: no such config; the recipes are '
                                'below configs/')
    if not path.endswith(('.py', '.yaml', '.yml', '.json')):
        raise UsageError(f'{path}: a config ends in .py, .yml or .json; the '
                         'checkpoint comes after the config')
    cfg = Config.fromfile(path)
    if options is not None:
        cfg.merge_from_dict(options)
    if cfg.get('default_scope') == 'mmtrack':
        # configs of mmtrack itself do not name it in custom_imports
        import_module('mmvis_plugin.compat.mmtrack_scope')
    return cfg


def require_positive(args: argparse.Namespace, *names: str) -> None:
    """Raise unless options that are given are at least 1.

    Args:
        args (argparse.Namespace): The options.
        *names (str): Names of numbers in it; None is "not given".

    Raises:
        UsageError: Naming the option as the user wrote it.
    """
    for name in names:
        value = getattr(args, name)
        if value is not None and value < 1:
            raise UsageError(f'--{name.replace("_", "-")} {value}: expected '
                             'at least 1')


def print_state(path: str, written: bool) -> None:
    """Say what a converter has done about a file.

    Args:
        path (str): The file.
        written (bool): False if it was there.
    """
    state = 'written' if written else 'already there, nothing to do'
    print(f'{path}: {state}')


def load_config(args: argparse.Namespace) -> Config:
    """Read the config that the options name and merge the options into it.

    Args:
        args (argparse.Namespace): With ``config`` and the options of
            :func:`add_common_arguments`.

    Returns:
        Config: With ``launcher``, ``work_dir`` and ``runner_type`` set;
        without another choice the folder is ``work_dirs/<name of the
        config>`` and the runner
        :class:`~mmvis_plugin.engine.VideoRunner`.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    stem = osp.splitext(osp.basename(args.config))[0]
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or osp.join(
        'work_dirs', stem)
    cfg.setdefault('runner_type', 'VideoRunner')
    return cfg


def one_line_errors(main: Callable[[], None]) -> Callable[[], None]:
    """Make a tool end with one line instead of a traceback.

    Applies to errors whose message tells the user what to change: those
    this package raises on purpose, missing files, typos in a config, and
    what a machine does to a run (:func:`~.explain_fault.explain_fault`). With
    ``MMVIS_DEBUG=1`` they keep their traceback, as every other error does.

    Args:
        main (Callable): Entry point of the tool.

    Returns:
        Callable: The same, which exits with code 1 after such an error.
    """

    @functools.wraps(main)
    def wrapper() -> None:
        try:
            main()
        except Exception as err:
            line = _line_of(err)
            if line is None or os.environ.get('MMVIS_DEBUG', '0') != '0':
                raise
            print(f'error: {line}', file=sys.stderr)
            sys.exit(1)

    return wrapper


def _line_of(err: BaseException) -> Optional[str]:
    """Return the one-line message of an error meant for the user."""
    explained = explain_error(err) or explain_fault(err)
    if explained is not None:
        return explained
    if not isinstance(err, _ONE_LINERS) and not _is_deliberate(err):
        return None
    # KeyError quotes its message when turned into a string
    text = err.args[0] if isinstance(err, KeyError) else str(err)
    lines = str(text).strip().splitlines()
    if lines and lines[0].startswith('Caught '):
        # a worker of the data loader: the message ends its traceback
        return lines[-1].split('Error: ', 1)[-1]
    return lines[0] if lines else None


def _is_deliberate(err: BaseException) -> bool:
    """Tell whether a ``raise`` statement of this package made the error."""
    frames = traceback.extract_tb(err.__traceback__)
    if not frames or not isinstance(err, (ValueError, KeyError, TypeError)):
        return False
    last = frames[-1]
    inside = osp.realpath(last.filename).startswith(_PACKAGE + os.sep)
    return inside and (last.line or '').startswith('raise ')
