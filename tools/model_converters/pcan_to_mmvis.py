"""Convert a checkpoint of the official PCAN or QDTrack code (mmdet 2)."""
import argparse
import sys
from typing import Optional, Sequence

from mmengine.registry import init_default_scope

from mmvis_plugin.registry import MODELS
from mmvis_plugin.utils.checkpoint import read_checkpoint
from mmvis_plugin.utils.cli import one_line_errors, read_config
from mmvis_plugin.utils.convert_weights import (compare_weights,
                                                rename_weights, save_weights)
from mmvis_plugin.utils.errors import CheckpointError

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
DEFAULT_CONFIG = 'configs/pcan/pcan_r50_fpn_4xb2-12e_bdd100k.py'


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Return the options of the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='official checkpoint')
    parser.add_argument('out', help='converted checkpoint')
    parser.add_argument(
        '--config',
        default=DEFAULT_CONFIG,
        help='recipe of the model that the result must fit; for weights of '
        'stage 1 or 2 the recipe of that stage')
    parser.add_argument(
        '--no-strict',
        dest='strict',
        action='store_false',
        help='write what fits, and say what does not')
    return parser.parse_args(argv)


def convert(args: argparse.Namespace) -> None:
    """Convert one file.

    Args:
        args (argparse.Namespace): From :func:`parse_args`.

    Raises:
        CheckpointError: If the weights do not fit the model.
    """
    cfg = read_config(args.config)
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    model = MODELS.build(cfg.model)
    found = rename_weights(
        read_checkpoint(args.checkpoint)['state_dict'], RULES)
    compare_weights(found, model.state_dict(), OPTIONAL)
    problems = found.problems()
    lost = [name for name in found.unknown if 'refine_head' in name]
    if lost or (problems and args.strict):
        raise CheckpointError(
            f'{args.checkpoint}: {"; ".join(problems)}; expected the weights '
            f'of {args.config}: name its recipe with --config, or write what '
            'fits with --no-strict')
    bad = {name.split()[0] for name in found.shapes} | set(found.extra)
    weights = {k: v for k, v in found.weights.items() if k not in bad}
    save_weights(args.out, weights, dict(converted_from='PCAN (mmdet 2)'))
    for problem in problems:
        print(f'left out or missing: {problem}', file=sys.stderr)
    print(f'{args.out}: {len(weights)} tensors of {args.config}')


@one_line_errors
def main() -> None:
    """Convert the checkpoint that the options name."""
    convert(parse_args())


if __name__ == '__main__':
    main()
