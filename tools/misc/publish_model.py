"""Make a file that can be handed out of a checkpoint of a training.

Optimizer, schedules and logs are left out, and absolute paths in the config
that it holds are cut to their last part. The first 8 digits of the sha256 of
the file end its name; tools/misc/download_checkpoint.py checks them. Published
twice, the same checkpoint gives the same file.
"""
import argparse
import hashlib
import io
import json
import os
import os.path as osp
import re
from typing import Any, Dict, Optional, Sequence

import torch
from torch import Tensor

from mmvis_plugin.utils.checkpoint import read_checkpoint
from mmvis_plugin.utils.cli import UsageError, one_line_errors
from mmvis_plugin.utils.download import sha256_of
from mmvis_plugin.utils.errors import CheckpointError
from mmvis_plugin.utils.model_names import PACKAGE_SCHEME, package_path
from mmvis_plugin.utils.whole_file import write_whole

# of the run, not of the model
_RUN_META = ('hook_msgs', )
_ABSOLUTE = re.compile(r"""(['"])/(?:[^'"/\n]+/)+([^'"/\n]*)\1""")


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('in_file', help='checkpoint of a training')
    parser.add_argument(
        'out_file', help='<name>.pth; becomes <name>-<8 digits>.pth')
    parser.add_argument(
        '--save-keys',
        nargs='+',
        default=['meta', 'state_dict'],
        help='what is kept (default: meta state_dict)')
    parser.add_argument(
        '--ema',
        choices=['averaged', 'raw'],
        default='averaged',
        help='weights of a training with EMAHook: the average, which its '
        'validation used (default), or those of the last iteration')
    parser.add_argument(
        '--half',
        action='store_true',
        help='store numbers with 16 bits; half the size, and models read '
        'them as they are')
    parser.add_argument(
        '--log',
        metavar='SCALARS',
        help='vis_data/scalars.json of the run, which is put beside the file '
        'as <name>-<8 digits>.json')
    return parser.parse_args(argv)


def chosen_weights(content: Dict[str, Any], ema: str,
                   path: str) -> Dict[str, Tensor]:
    """Return the weights of a checkpoint under plain names.

    Args:
        content (dict): The checkpoint.
        ema (str): 'averaged' or 'raw'.
        path (str): Its file, for messages.

    Returns:
        dict[str, Tensor]: On the CPU, each with memory of its own.

    Raises:
        CheckpointError: There are no such weights, or they are not finite.
    """
    weights = {_plain(k): v for k, v in content['state_dict'].items()}
    if ema == 'raw':
        # EMAHook saves the average as state_dict and the rest swapped
        if 'ema_state_dict' not in content:
            raise CheckpointError(
                f'{path}: was trained without EMAHook, there is no '
                "'ema_state_dict'; leave --ema raw out")
        raw = {_plain(k): v for k, v in content['ema_state_dict'].items()}
        weights.update({k: v for k, v in raw.items() if k in weights})
    for name, tensor in weights.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise CheckpointError(f'{path}: {name} is not finite; take a '
                                  'checkpoint from before that')
    return {k: v.detach().cpu().clone() for k, v in weights.items()}


def _plain(key: str) -> str:
    """Return a name without the prefix of wrappers."""
    return re.sub(r'^module\.', '', key)


def halved(weights: Dict[str, Tensor], path: str) -> Dict[str, Tensor]:
    """Return weights with 16 bits per number.

    Args:
        weights (dict[str, Tensor]): The weights; whole numbers stay.
        path (str): Their file, for messages.

    Raises:
        CheckpointError: A number is too large for that.
    """
    small = {
        k: v.half() if v.is_floating_point() else v
        for k, v in weights.items()
    }
    for name, tensor in small.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise CheckpointError(
                f'{path}: {name} has values above 65504, which 16 bits do '
                'not hold; leave --half out')
    return small


def cleaned_meta(meta: Dict[str, Any]) -> Dict[str, Any]:
    """Return what is known of a model without traces of a machine.

    Args:
        meta (dict): ``meta`` of a checkpoint.
    """
    meta = {k: v for k, v in meta.items() if k not in _RUN_META}
    if isinstance(meta.get('cfg'), str):
        meta['cfg'] = _ABSOLUTE.sub(r'\1\2\1', meta['cfg'])
    return meta


def publish(content: Dict[str, Any], out_file: str) -> str:
    """Write a checkpoint whose name ends in its hash.

    Args:
        content (dict): The checkpoint.
        out_file (str): ``<name>.pth``.

    Returns:
        str: ``<name>-<8 digits>.pth``; it appears when it is complete.
    """
    stem = re.sub(r'\.pth$', '', out_file)
    # given a path, torch would write its name into the file
    buffer = io.BytesIO()
    torch.save(content, buffer)
    digest = hashlib.sha256(buffer.getbuffer()).hexdigest()
    final = f'{stem}-{digest[:8]}.pth'
    write_whole(final, buffer.getvalue())
    return final


def read_log(path: str) -> bytes:
    """Read the numbers that a run logged.

    Args:
        path (str): ``scalars.json``, one record per line.

    Raises:
        UsageError: It is something else.
    """
    with open(path, 'rb') as file:
        content = file.read()
    try:
        for line in content.splitlines():
            json.loads(line)
    except ValueError:
        raise UsageError(f'{path}: expected one JSON record per line, as in '
                         'vis_data/scalars.json of a run') from None
    return content


def metafile_lines(path: str) -> str:
    """Return what the metafile has to say about a published file.

    Args:
        path (str): The file.
    """
    package = osp.realpath(package_path(PACKAGE_SCHEME))
    inside = osp.relpath(osp.realpath(path), package)
    if inside.startswith(os.pardir):
        address = f'https://.../{osp.basename(path)}'
    else:
        address = PACKAGE_SCHEME + inside.replace(os.sep, '/')
    return f'    Weights: {address}\n    SHA256: {sha256_of(path)}'


@one_line_errors
def main() -> None:
    """Publish the checkpoint that the command line names."""
    args = parse_args()
    content = read_checkpoint(args.in_file)
    content['meta'] = cleaned_meta(content.get('meta') or {})
    missing = [key for key in args.save_keys if key not in content]
    if missing:
        raise UsageError(f'{args.in_file}: has no {", ".join(missing)}, '
                         f'--save-keys may name {", ".join(content)}')
    log = None if args.log is None else read_log(args.log)
    weights = chosen_weights(content, args.ema, args.in_file)
    content['state_dict'] = halved(weights, args.in_file) \
        if args.half else weights
    path = publish({key: content[key]
                    for key in args.save_keys}, args.out_file)
    if log is not None:
        write_whole(re.sub(r'\.pth$', '.json', path), log)
    print(f'{path}: {osp.getsize(path) / 1e6:.1f} MB; for the metafile:')
    print(metafile_lines(path))


if __name__ == '__main__':
    main()
