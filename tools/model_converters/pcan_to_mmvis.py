"""Convert a checkpoint of the official PCAN or QDTrack code (mmdet 2)."""
import argparse
import os.path as osp
import sys
from typing import List, Optional, Sequence

from mmvis_plugin.utils.checkpoint import read_checkpoint
from mmvis_plugin.utils.cli import one_line_errors, read_config
from mmvis_plugin.utils.convert_weights import (Conversion, add_recipe_options,
                                                by_prefix, compare_weights,
                                                converter_parser,
                                                empty_weights, rename_weights,
                                                save_weights)

# layers inside these have the same names in both
RULES = [
    ('roi_head.refine_head.', 'refine_head.'),
    ('roi_head.track_head.', 'track_head.embed_head.'),
    ('roi_head.bbox_head.', 'detector.roi_head.bbox_head.'),
    ('roi_head.mask_head.', 'detector.roi_head.mask_head.'),
    ('rpn_head.', 'detector.rpn_head.'),
    ('neck.', 'detector.neck.'),
    ('backbone.', 'detector.backbone.'),
    *[(f'mu{i}', f'frame_pcam.mu{i}') for i in range(5)],
]
# Checkpoints older than the frame level have no bases of it.
OPTIONAL = [f'frame_pcam.mu{i}' for i in range(5)]
# Their last dimension is a number of prototypes, which this key sets.
NUM_PROTOS = {
    'frame_pcam.mu': 'model.frame_pcam.num_protos',
    'refine_head.pos_mu': 'model.refine_head.pos_proto_num',
    'refine_head.neg_mu': 'model.refine_head.neg_proto_num',
}
DEFAULT_CONFIG = osp.join(
    osp.dirname(__file__), '..', '..',
    'configs/pcan/pcan_r50_fpn_4xb2-12e_bdd100k.py')


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Return the options of the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = converter_parser(__doc__, 'official checkpoint')
    add_recipe_options(parser, osp.relpath(DEFAULT_CONFIG),
                       'for weights of stage 1 or 2 the recipe of that stage',
                       'model.frame_pcam.num_protos=64')
    return parser.parse_args(argv)


def is_refining(name: str) -> bool:
    """Tell whether a weight belongs to a refine head."""
    return 'refine_head.' in name


def find_lost(found: Conversion, has_refine_head: bool) -> List[str]:
    """Return weights without which the refine head is worth nothing.

    Its convolutions were trained with its very bases: all of them have their
    place, or none is in the file.

    Args:
        found (Conversion): Compared with the model.
        has_refine_head (bool): Whether the model has one.
    """
    misfits = list(found.unknown)
    if has_refine_head and any(is_refining(name) for name in found.weights):
        misfits += found.extra + found.shapes + found.missing
    return [name for name in misfits if is_refining(name)]


def proto_options(found: Conversion) -> List[str]:
    """Return config options for other numbers of prototypes than the file's.

    Args:
        found (Conversion): Compared with the model.
    """
    options = [
        f'{key}={found.weights[name.split()[0]].size(-1)}'
        for prefix, key in NUM_PROTOS.items() for name in found.shapes
        if name.startswith(prefix)
    ]
    return list(dict.fromkeys(options))


def remedy_for(options: List[str]) -> str:
    """Return how to go on with weights that do not fit.

    Args:
        options (list[str]): Config options that would help.
    """
    if options:
        return f'add --cfg-options {" ".join(options)}'
    return 'name its recipe with --config, or write what fits with ' \
        '--no-strict'


def convert(args: argparse.Namespace) -> None:
    """Convert one file.

    Args:
        args (argparse.Namespace): From :func:`parse_args`.

    Raises:
        CheckpointError: If the weights do not fit the model.
    """
    cfg = read_config(args.config, args.cfg_options)
    model = empty_weights(cfg)
    found = rename_weights(
        read_checkpoint(args.checkpoint)['state_dict'], by_prefix(RULES))
    compare_weights(found, model, OPTIONAL)
    lost = find_lost(found, any(map(is_refining, model)))
    if lost or (found.problems() and args.strict):
        found.refuse(args.checkpoint, args.config,
                     remedy_for(proto_options(found)))
    weights = found.fitting()
    save_weights(args.out, weights, dict(converted_from='PCAN (mmdet 2)'))
    found.print_problems()
    absent = [k for k in model if k in OPTIONAL and k not in weights]
    if absent:
        print(
            f'not in the file, drawn when a model is built: {absent}',
            file=sys.stderr)
    print(f'{args.out}: {len(weights)} tensors of {args.config}')


@one_line_errors
def main() -> None:
    """Convert the checkpoint that the options name."""
    convert(parse_args())


if __name__ == '__main__':
    main()
