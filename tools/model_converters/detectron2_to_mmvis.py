"""Convert official weights of CAVIS, DVIS or Mask2Former (Detectron2).

Takes .pth files, and the .pkl files of Detectron2's model zoo, with ResNet,
Swin or ViT-Adapter backbones; and files of a DINOv2 ViT alone.
"""
import argparse
from typing import Dict, List, Optional, Sequence

from mmengine.config import Config
from torch import Tensor

from mmvis_plugin.models.cavis.official_weights import (VIT, convert_official,
                                                        inspect_columns)
from mmvis_plugin.models.cavis.stage_record import IMAGE, STAGES, stage_code
from mmvis_plugin.models.cavis.weight_names import STAGE_PARTS, stage_of
from mmvis_plugin.utils.cli import UsageError, one_line_errors, read_config
from mmvis_plugin.utils.convert_weights import (Conversion, add_recipe_options,
                                                compare_weights,
                                                converter_parser,
                                                empty_weights, save_weights)
from mmvis_plugin.utils.detectron2_weights import read_detectron2

RECORD = 'stage_record.code'
CLASS_ROWS = ('segment_head.cls_embed.', 'tracker.class_embed.',
              'refiner.class_embed.')
FUSION = 'segment_head.reid_embed.layers.0.weight'


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Return the options of the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = converter_parser(__doc__, 'official .pth or .pkl')
    add_recipe_options(parser, None, 'without it, names are checked alone',
                       'model.segment_head.num_queries=200')
    parser.add_argument(
        '--stage',
        choices=(IMAGE, *STAGES),
        help='take the weights up to this stage; by default up to that of '
        'the file. image: Mask2Former, without what CAVIS adds')
    parser.add_argument(
        '--skip-classes',
        action='store_true',
        help='leave the class layers out, for training on other classes')
    return parser.parse_args(argv)


def take_stage(found: Conversion, wanted: Optional[str]) -> str:
    """Leave out the weights of later stages; return the stage of the rest.

    Args:
        found (Conversion): Of the whole file; changed.
        wanted (str, optional): Last stage to be taken; None for all.

    Raises:
        UsageError: If the file does not reach the stage.
    """
    stage = stage_of(found.weights)
    if wanted is None:
        return stage
    order = (IMAGE, *STAGES)
    if order.index(wanted) > order.index(stage):
        raise UsageError(f'--stage {wanted}: the file holds weights of stage '
                         f'{stage!r}, expected that or an earlier one')
    later = tuple(STAGE_PARTS[name].split('.')[0] if name !=
                  'segmenter' else STAGE_PARTS[name]
                  for name in order[order.index(wanted) + 1:])
    found.weights = {
        name: value
        for name, value in found.weights.items() if not name.startswith(later)
    }
    return wanted


def compare(found: Conversion, cfg: Config, stage: str) -> None:
    """Note in a conversion where it does not fit the model of a recipe.

    Args:
        found (Conversion): Converted weights; changed.
        cfg (Config): The recipe.
        stage (str): Of the weights.
    """
    model = empty_weights(cfg)
    model.pop(RECORD)
    optional = [STAGE_PARTS['segmenter']] if stage == IMAGE else []
    if all(name.startswith(VIT) for name in found.weights):
        optional = [name for name in model if not name.startswith(VIT)]
    compare_weights(found, model, optional)


def refuse(args: argparse.Namespace, found: Conversion, stage: str,
           cfg: Optional[Config]) -> None:
    """Raise what is wrong and how to go on.

    Args:
        args (argparse.Namespace): From :func:`parse_args`.
        found (Conversion): What does not fit.
        stage (str): Of the weights.
        cfg (Config, optional): The recipe.
    """
    remedy = 'write what fits with --no-strict'
    trained_for = STAGES[0] if stage == IMAGE else stage
    if cfg is not None and cfg.model.stage != trained_for:
        remedy = f'the weights are those of stage {stage!r}: name a ' \
            f'recipe of stage {trained_for!r} with --config'
    elif cfg is not None:
        remedy = f'name their recipe with --config, or {remedy}'
    rows = [name for name in found.shapes if name.startswith(CLASS_ROWS)]
    if rows:
        remedy = 'the classes differ: add --skip-classes, or name the ' \
            'recipe of the same data with --config'
    found.refuse(args.checkpoint, args.config or 'CAVIS', remedy)


def official_options(weights: Dict[str, Tensor],
                     cfg: Optional[Config]) -> List[str]:
    """Say which options the weights were trained with.

    Args:
        weights (dict[str, Tensor]): Converted.
        cfg (Config, optional): The recipe; what it has need not be added.

    Returns:
        list[str]: Lines.
    """
    lines, needed = [], {}
    if FUSION in weights:
        seen = inspect_columns(weights[FUSION])
        verdict = seen.ctx_filter and f'trained with {seen.ctx_filter!r}'
        lines.append(
            f'context columns: deviation {seen.std:.4f} (drawn: '
            f'{seen.drawn_std:.4f}), kurtosis {seen.kurtosis:.2f} (drawn: '
            f'1.80): {verdict or "unclear, evaluate with both filters"}')
        if seen.ctx_filter:
            needed['segment_head.ctx_filter'] = seen.ctx_filter
    if any(name.startswith('tracker.') for name in weights):
        needed['tracker.match_mode'] = 'legacy'
    model = Config(dict(model=cfg.model if cfg else {}))
    options = []
    for key, value in needed.items():
        part, name = key.split('.')
        default = dict(ctx_filter='avg', match_mode='fixed')[name]
        if model.model.get(part, {}).get(name, default) != value:
            options.append(f'model.{key}={value}')
    if options:
        lines.append(f'use them with --cfg-options {" ".join(options)}')
    return lines


def is_whole(found: Conversion, stage: str, skipped: bool) -> bool:
    """Tell whether a model has all it needs to be of a stage.

    Args:
        found (Conversion): Compared with the model.
        stage (str): What the names of the weights tell.
        skipped (bool): Whether class layers were left out.
    """
    return stage != IMAGE and not (skipped or found.missing or found.shapes)


def convert(args: argparse.Namespace) -> None:
    """Convert one file.

    Args:
        args (argparse.Namespace): From :func:`parse_args`.

    Raises:
        CheckpointError: If the weights do not fit the model.
    """
    cfg = read_config(args.config, args.cfg_options) if args.config else None
    found = convert_official(read_detectron2(args.checkpoint))
    stage = take_stage(found, args.stage)
    skipped = [k for k in found.weights if k.startswith(CLASS_ROWS)]
    if not args.skip_classes:
        skipped = []
    if cfg is not None:
        compare(found, cfg, stage)
    fitting = found.fitting()
    found.shapes = [x for x in found.shapes if x.split()[0] not in skipped]
    if found.problems() and args.strict:
        refuse(args, found, stage, cfg)
    weights = {k: v for k, v in fitting.items() if k not in skipped}
    if not is_whole(found, stage, bool(skipped)):
        stage = IMAGE
    record = {RECORD: stage_code(stage)}
    save_weights(args.out, {
        **weights,
        **record
    }, dict(converted_from='Detectron2'))
    found.print_problems()
    if skipped:
        print(f'classes left out, drawn when a model is built: {skipped}')
    for line in official_options(weights, cfg):
        print(line)
    print(f'{args.out}: {len(weights)} tensors, stage {stage!r}')


@one_line_errors
def main() -> None:
    """Convert the checkpoint that the options name."""
    convert(parse_args())


if __name__ == '__main__':
    main()
