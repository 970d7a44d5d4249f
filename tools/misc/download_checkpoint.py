"""Fetch the weights of a model of the zoo, or a checkpoint from a URL.

What has arrived is kept in <file>.part, and the same command goes on with it.
The file gets its name when all of it is there and has the right sha256: that
of the model zoo, and the digits at the end of its name (...-0123abcd.pth).
"""
import argparse
import os.path as osp
import shutil
from typing import List, Optional, Sequence, Tuple

from mmvis_plugin.utils.cli import (UsageError, one_line_errors,
                                    require_positive)
from mmvis_plugin.utils.download import (download, hash_in_name, name_of,
                                         sha256_of)
from mmvis_plugin.utils.errors import DownloadError
from mmvis_plugin.utils.model_names import find_model, list_models
from mmvis_plugin.utils.whole_file import whole_file


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'model',
        nargs='?',
        metavar='NAME or URL',
        help='model of the zoo, or an address of http or https')
    parser.add_argument(
        '--dest',
        default='checkpoints',
        help='folder, or file if it ends in .pth (default %(default)s)')
    parser.add_argument(
        '--mirror',
        action='append',
        default=[],
        metavar='URL',
        help='another address of the same file, tried when those before it '
        'fail; may be given several times')
    parser.add_argument('--sha256', help='of the file; 8 digits or more')
    parser.add_argument(
        '--retries',
        type=int,
        default=4,
        help='failures in a row that each address is forgiven '
        '(default %(default)s)')
    parser.add_argument(
        '--timeout',
        type=float,
        default=30.,
        help='seconds without any data that count as failure '
        '(default %(default)s)')
    parser.add_argument(
        '--list', action='store_true', help='list the models with weights')
    return parser.parse_args(argv)


def find_source(args: argparse.Namespace) -> Tuple[List[str], Optional[str]]:
    """Return where the file is and its hash.

    Args:
        args (argparse.Namespace): The options.

    Returns:
        tuple[list[str], str | None]: Addresses, or the path of a file that
        comes with the package; whole or partial sha256.

    Raises:
        UsageError: The model has no weights.
    """
    if '://' in args.model:
        return [args.model, *args.mirror], args.sha256
    entry = find_model(args.model)
    if entry.weights is None and not args.mirror:
        raise UsageError(
            f'{entry.name}: not yet trained, there are no weights; --list '
            f'shows the models that have some; its config is {entry.config}')
    known = [] if entry.weights is None else [entry.weights, *entry.mirrors]
    return [*known, *args.mirror], args.sha256 or entry.sha256


def copy(source: str, path: str, sha256: Optional[str]) -> None:
    """Copy a file that comes with the package.

    Args:
        source (str): The file.
        path (str): The copy; appears when it is complete.
        sha256 (str, optional): Hash of the file.

    Raises:
        DownloadError: The file is damaged.
    """
    found = sha256_of(source)
    for expected in (sha256, hash_in_name(source)):
        if not found.startswith(expected or ''):
            raise DownloadError(f'{source}: has sha256 {found}, expected '
                                f'{expected}; install the package again')
    with whole_file(path) as unfinished:
        shutil.copyfile(source, unfinished)


@one_line_errors
def main() -> None:
    """Fetch the file that the command line names."""
    args = parse_args()
    if args.list:
        for entry in list_models():
            if entry.weights:
                print(entry.name, *entry.aliases)
        return
    if args.model is None:
        raise UsageError('expected the name of a model or a URL; --list '
                         'shows the models')
    require_positive(args, 'timeout')
    sources, sha256 = find_source(args)
    path = args.dest
    if not path.endswith('.pth'):
        path = osp.join(path, name_of(sources[0]))
    if '://' in sources[0]:
        download(
            sources,
            path,
            sha256,
            args.retries,
            args.timeout,
            show_progress=True)
    else:
        copy(sources[0], path, sha256)
    print(path)


if __name__ == '__main__':
    main()
