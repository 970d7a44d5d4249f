"""Convert a checkpoint of the official PanopticFCN code (Detectron2)."""
import argparse
import os.path as osp
from typing import List, Optional, Sequence

from mmvis_plugin.datasets.class_tables import table_categories
from mmvis_plugin.models.panoptic_fcn.official_weights import (
    convert_official, order_semantic_rows)
from mmvis_plugin.utils.cli import one_line_errors, read_config
from mmvis_plugin.utils.convert_weights import (Conversion, add_recipe_options,
                                                compare_weights,
                                                converter_parser,
                                                empty_weights, save_weights)
from mmvis_plugin.utils.detectron2_weights import read_detectron2

# layers whose shapes a key of the head sets
KEYS = [
    ('position_head.out_', 'num_things, num_stuff and semantic_mode'),
    ('feature_encoder.', 'encode_channels and encode_deform'),
    ('_embed.', 'encode_channels'),
]
DEFAULT_CONFIG = osp.join(
    osp.dirname(__file__), '..', '..',
    'configs/hybrid_tracker/panoptic-fcn_r50_fpn_8xb2-90k_coco.py')
# what the published models saw: BGR, and the mean of RGB
MEAN = 'model.data_preprocessor.mean="[123.675,116.28,103.53]"'


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Return the options of the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = converter_parser(__doc__, 'official .pth or .pkl')
    add_recipe_options(parser, osp.relpath(DEFAULT_CONFIG),
                       'one serves all models for COCO but the star',
                       'model.panoptic_head.encode_channels=256')
    parser.add_argument(
        '--class-table',
        help='of weights whose semantic map has all classes in the order of '
        'their ids, as ports to Cityscapes have: cityscapes_vps; its rows '
        'are put in the order of labels, things first')
    return parser.parse_args(argv)


def refuse(args: argparse.Namespace, found: Conversion) -> None:
    """Raise what is wrong and how to go on.

    Args:
        args (argparse.Namespace): From :func:`parse_args`.
        found (Conversion): What does not fit.
    """
    misfits: List[str] = found.shapes + found.missing + found.extra
    keys = [
        key for layer, key in KEYS if any(layer in name for name in misfits)
    ]
    remedy = 'name its recipe with --config, or write what fits with ' \
        '--no-strict'
    if keys:
        remedy = f'name a recipe with --config whose {", ".join(keys)} of ' \
            'model.panoptic_head are those of the file'
    found.refuse(args.checkpoint, args.config, remedy)


def convert(args: argparse.Namespace) -> None:
    """Convert one file.

    Args:
        args (argparse.Namespace): From :func:`parse_args`.

    Raises:
        CheckpointError: If the weights do not fit the model.
    """
    found = convert_official(read_detectron2(args.checkpoint))
    if args.class_table:
        order_semantic_rows(found, table_categories(args.class_table))
    cfg = read_config(args.config, args.cfg_options)
    compare_weights(found, empty_weights(cfg))
    if found.problems() and args.strict:
        refuse(args, found)
    weights = found.fitting()
    save_weights(args.out, weights,
                 dict(converted_from='PanopticFCN (Detectron2)'))
    found.print_problems()
    print(f'if these are the published weights, use them with --cfg-options '
          f'{MEAN}')
    print(f'{args.out}: {len(weights)} tensors of {args.config}')


@one_line_errors
def main() -> None:
    """Convert the checkpoint that the options name."""
    convert(parse_args())


if __name__ == '__main__':
    main()
