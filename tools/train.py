"""Train a model."""
import argparse
import os.path as osp
from typing import List

from mmengine.config import Config

from mmvis_plugin.registry import RUNNERS
from mmvis_plugin.utils.checkpoint import check_compatible, read_checkpoint
from mmvis_plugin.utils.cli import (UsageError, add_common_arguments,
                                    load_config, one_line_errors)
from mmvis_plugin.utils.errors import CheckpointError
from mmvis_plugin.utils.resume import (find_damage, find_whole_checkpoint,
                                       require_agreement)


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='training config')
    parser.add_argument(
        '--amp',
        action='store_true',
        help='train with automatic mixed precision')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by total batch / '
        'auto_scale_lr.base_batch_size')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CKPT',
        help='go on from this checkpoint; without a value, from the latest '
        'whole one in the work directory if there is one')
    add_common_arguments(parser)
    return parser.parse_args()


def apply_options(cfg: Config, args: argparse.Namespace) -> None:
    """Write ``--amp`` and ``--auto-scale-lr`` into a config.

    Args:
        cfg (Config): Changed in place.
        args (argparse.Namespace): The options.
    """
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise UsageError(
                f'{args.config}: --auto-scale-lr needs '
                'auto_scale_lr.base_batch_size, which is missing; add '
                'auto_scale_lr = dict(enable=False, base_batch_size=16)')
        cfg.auto_scale_lr.enable = True


def choose_checkpoint(cfg: Config, resume: str) -> List[str]:
    """Write into a config which checkpoint to go on from.

    Args:
        cfg (Config): Changed in place.
        resume (str): Value of ``--resume``; 'auto' is the latest whole one
            in the work directory.

    Returns:
        list[str]: What was found wrong with later ones.
    """
    if resume == 'auto':
        found, damaged = find_whole_checkpoint(cfg.work_dir)
    else:
        found, damaged = resume, []
        reason = find_damage(resume) if osp.isfile(resume) else None
        if reason is not None:
            raise CheckpointError(f'{resume}: {reason}; --resume without a '
                                  'value takes the last whole one')
    if found is None:
        print(f'--resume: no checkpoint in {cfg.work_dir}, starting from '
              'the beginning')
        return []
    cfg.resume = True
    cfg.load_from = found
    return damaged


@one_line_errors
def main() -> None:
    """Build the runner from the config and train."""
    args = parse_args()
    cfg = load_config(args)
    apply_options(cfg, args)
    damaged = []
    if args.resume is not None:
        damaged = choose_checkpoint(cfg, args.resume)
    runner = RUNNERS.build(cfg)
    if args.resume is not None:
        require_agreement(cfg.get('load_from'))
    for reason in damaged:
        runner.logger.warning(f'{reason}; going on from {cfg.load_from}')
    if cfg.get('resume') and cfg.get('load_from'):
        weights = read_checkpoint(cfg.load_from)['state_dict']
        check_compatible(runner.model, weights, cfg.load_from)
    runner.train()


if __name__ == '__main__':
    main()
