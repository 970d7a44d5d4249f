"""Convert published weights of RAFT: of the official code or of torchvision.

The result holds the weights of FlowEstimator, under the names of the flow
network of HybridTracker as well: give it to --cfg-options load_from=..., or to
the network alone as init_cfg=dict(type='Pretrained', checkpoint=...,
prefix='flow.').
"""
import argparse
from typing import Dict, Optional, Sequence

from torch import Tensor

from mmvis_plugin.models.raft import official_raft_weights
from mmvis_plugin.utils.checkpoint import read_checkpoint
from mmvis_plugin.utils.cli import one_line_errors
from mmvis_plugin.utils.convert_weights import (Conversion, compare_weights,
                                                converter_parser, save_weights)
from mmvis_plugin.utils.empty_model import build_empty
from mmvis_plugin.utils.errors import CheckpointError

PREFIX = 'flow.'
# only the large network upsamples by learned weights
ONLY_LARGE = 'update_block.mask.'


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Return the options of the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = converter_parser(__doc__, 'official or torchvision file')
    parser.add_argument(
        '--size',
        choices=('large', 'small'),
        help='network that the weights must fit; by default the one whose '
        'parts the file has')
    return parser.parse_args(argv)


def size_of(weights: Dict[str, Tensor]) -> str:
    """Return the network that weights with our names belong to."""
    large = any(name.startswith(ONLY_LARGE) for name in weights)
    return 'large' if large else 'small'


def convert(args: argparse.Namespace) -> None:
    """Convert one file.

    Args:
        args (argparse.Namespace): From :func:`parse_args`.

    Raises:
        CheckpointError: If the weights do not fit the network.
    """
    found = Conversion(
        official_raft_weights(read_checkpoint(args.checkpoint)['state_dict']))
    size = args.size or size_of(found.weights)
    network = build_empty(dict(type='RAFT', small=size == 'small'))
    compare_weights(found, network.state_dict())
    if found.problems() and args.strict:
        found.refuse(
            args.checkpoint, f'RAFT ({size})', 'name the other one with '
            '--size, or write what fits with --no-strict')
    weights = {PREFIX + k: tensor for k, tensor in found.fitting().items()}
    if not weights:
        raise CheckpointError(f'{args.checkpoint}: nothing of it fits RAFT '
                              f'({size}); give a file of RAFT')
    save_weights(args.out, weights, dict(converted_from='RAFT', size=size))
    found.print_problems()
    print(f'{args.out}: {len(weights)} tensors of RAFT ({size})')


@one_line_errors
def main() -> None:
    """Convert the checkpoint that the options name."""
    convert(parse_args())


if __name__ == '__main__':
    main()
