"""Train a model."""
import argparse

from mmengine.config import Config
from mmengine.runner import Runner

from mmvis_plugin.registry import RUNNERS
from mmvis_plugin.utils.checkpoint import (check_compatible, latest_checkpoint,
                                           read_checkpoint)
from mmvis_plugin.utils.cli import (UsageError, add_common_arguments,
                                    load_config, one_line_errors)


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
        'one in the work directory if there is one')
    add_common_arguments(parser)
    return parser.parse_args()


def apply_options(cfg: Config, args: argparse.Namespace) -> None:
    """Write ``--amp``, ``--auto-scale-lr`` and ``--resume`` into a config.

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
    if args.resume is None:
        return
    found = latest_checkpoint(cfg.work_dir) if args.resume == 'auto' \
        else args.resume
    if found is None:
        print(f'--resume: no checkpoint in {cfg.work_dir}, starting from '
              'the beginning')
        return
    cfg.resume = True
    cfg.load_from = found


@one_line_errors
def main() -> None:
    """Build the runner from the config and train."""
    args = parse_args()
    cfg = load_config(args)
    apply_options(cfg, args)
    if 'runner_type' in cfg:
        runner = RUNNERS.build(cfg)
    else:
        runner = Runner.from_cfg(cfg)
    if cfg.get('resume') and cfg.get('load_from'):
        weights = read_checkpoint(cfg.load_from)['state_dict']
        check_compatible(runner.model, weights, cfg.load_from)
    runner.train()


if __name__ == '__main__':
    main()
