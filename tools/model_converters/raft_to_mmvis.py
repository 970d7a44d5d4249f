"""Convert published weights of RAFT: of the official code or of torchvision.

The result holds the weights of FlowEstimator, under the names of the flow
network of HybridTracker as well: give it to --cfg-options load_from=..., or to
the network alone as init_cfg=dict(type='Pretrained', checkpoint=...,
prefix='flow.').
"""
import argparse
import sys
from typing import Dict, Optional, Sequence

import torch
from torch import Tensor

from mmvis_plugin.models.raft import RAFT, official_raft_weights
from mmvis_plugin.utils.checkpoint import read_checkpoint
from mmvis_plugin.utils.cli import one_line_errors
from mmvis_plugin.utils.convert_weights import (Conversion, compare_weights,
                                                save_weights)
from mmvis_plugin.utils.errors import CheckpointError

PREFIX = 'flow.'
# only the large network upsamples by learned weights
ONLY_LARGE = 'update_block.mask.'


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Return the options of the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', help='official or torchvision file')
    parser.add_argument('out', help='converted checkpoint')
    parser.add_argument(
        '--size',
        choices=('large', 'small'),
        help='network that the weights must fit; by default the one whose '
        'parts the file has')
    parser.add_argument(
        '--strict',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='every tensor must have its place (default), or write what '
        'fits and say what does not')
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
    with torch.device('meta'):  # names and shapes, no numbers
        network = RAFT(small=size == 'small').state_dict()
    compare_weights(found, network)
    problems = found.problems()
    if problems and args.strict:
        raise CheckpointError(
            f'{args.checkpoint}: {"; ".join(problems)}; expected the weights '
            f'of RAFT ({size}): name the other one with --size, or write '
            'what fits with --no-strict')
    bad = {name.split()[0] for name in found.shapes} | set(found.extra)
    weights = {
        PREFIX + name: tensor
        for name, tensor in found.weights.items() if name not in bad
    }
    if not weights:
        raise CheckpointError(f'{args.checkpoint}: nothing of it fits RAFT '
                              f'({size}); give a file of RAFT')
    save_weights(args.out, weights, dict(converted_from='RAFT', size=size))
    for problem in problems:
        print(f'left out or missing: {problem}', file=sys.stderr)
    print(f'{args.out}: {len(weights)} tensors of RAFT ({size})')


@one_line_errors
def main() -> None:
    """Convert the checkpoint that the options name."""
    convert(parse_args())


if __name__ == '__main__':
    main()
