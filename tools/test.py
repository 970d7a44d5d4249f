"""Test a model, write its results, or draw them."""
import argparse
import inspect
from typing import List, Optional

from mmengine.config import Config, ConfigDict

from mmvis_plugin.evaluation.metrics.dump_track_results import DumpTrackResults
from mmvis_plugin.registry import METRICS, RUNNERS
from mmvis_plugin.utils.checkpoint import (check_compatible, load_detector,
                                           read_checkpoint)
from mmvis_plugin.utils.cli import (UsageError, add_common_arguments,
                                    load_config, one_line_errors)


def parse_args(args: Optional[List[str]] = None) -> argparse.Namespace:
    """Return the options of the command line.

    Args:
        args (list[str], optional): Words instead of ``sys.argv``. Defaults
            to None.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='test config')
    parser.add_argument('checkpoint', nargs='?', help='weights to test')
    parser.add_argument(
        '--checkpoint',
        dest='checkpoint_option',
        metavar='CHECKPOINT',
        help='the same by name')
    parser.add_argument(
        '--detector',
        help='weights of the detector or segmentor, in the place of those in '
        'the checkpoint')
    parser.add_argument(
        '--out',
        metavar='FILE.pkl',
        help='dump the predicted tracks for offline evaluation')
    parser.add_argument(
        '--format-only',
        action='store_true',
        help='write the submission file without evaluating')
    parser.add_argument(
        '--show', action='store_true', help='show the tracks in a window')
    parser.add_argument(
        '--show-dir', help='folder for one mp4 with the tracks per video')
    parser.add_argument(
        '--wait-time',
        type=float,
        default=2,
        help='seconds per frame with --show')
    parser.add_argument(
        '--tta', action='store_true', help='test-time augmentation')
    add_common_arguments(parser)
    return parser.parse_args(args)


def apply_options(cfg: Config, args: argparse.Namespace) -> None:
    """Write the options of the command line into a config.

    Args:
        cfg (Config): Changed in place.
        args (argparse.Namespace): The options.

    Raises:
        UsageError: The options and the config do not go together.
    """
    # never the config's load_from: those are the weights training starts from
    cfg.load_from = args.checkpoint or args.checkpoint_option
    cfg.resume = False
    if cfg.load_from is None:
        raise UsageError(f'{args.config}: no checkpoint to test; give its '
                         'path after the config')
    if args.out and not args.out.endswith(('.pkl', '.pickle')):
        raise UsageError(f'--out {args.out}: must end in .pkl or .pickle')
    if args.show or args.show_dir:
        # image models keep a hook of their own
        hook = cfg.default_hooks.setdefault(
            'visualization', dict(type='VideoVisualizationHook'))
        hook.update(
            draw=True,
            show=args.show,
            wait_time=args.wait_time,
            test_out_dir=args.show_dir)
    if args.format_only:
        _only_format(cfg, args.config)
    if args.tta:
        _augment(cfg, args.config)


def _only_format(cfg: Config, config_name: str) -> None:
    """Keep the metrics that write a result file, and let them only write."""
    metrics = cfg.test_evaluator
    metrics = metrics if isinstance(metrics, list) else [metrics]
    writers = [metric for metric in metrics if _writes_results(metric)]
    if not writers:
        names = [metric.get('type') for metric in metrics]
        raise UsageError(
            f'{config_name}: --format-only, but none of the metrics {names} '
            'writes a result file; panoptic ones do with '
            "submission='cityscapes_vps' or 'vipseg'")
    for metric in writers:
        metric.format_only = True
        if metric.get('outfile_prefix') is None:
            # two files must not have the same name
            name = f'results_{metric.type}' if writers[1:] else 'results'
            metric.outfile_prefix = f'{cfg.work_dir}/{name}'
    cfg.test_evaluator = writers


def _writes_results(metric: ConfigDict) -> bool:
    cls = METRICS.get(metric.get('type'))
    if cls is None:
        return True  # the error is left to the builder
    options = {
        name
        for base in cls.__mro__
        for name in inspect.signature(base.__init__).parameters
    }
    return 'format_only' in options and ('submission' not in options
                                         or bool(metric.get('submission')))


def _augment(cfg: Config, config_name: str) -> None:
    for key in ('tta_model', 'tta_pipeline'):
        if key not in cfg:
            raise UsageError(f'{config_name}: --tta needs {key}, which the '
                             'config does not define; test without --tta or '
                             'add it')
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline


@one_line_errors
def main() -> None:
    """Build the runner from the config and test."""
    args = parse_args()
    cfg = load_config(args)
    apply_options(cfg, args)
    weights = read_checkpoint(cfg.load_from)['state_dict']
    runner = RUNNERS.build(cfg)
    check_compatible(runner.model, weights, cfg.load_from)
    if args.out:
        runner.test_evaluator.metrics.append(DumpTrackResults(args.out))
    if args.detector:
        runner.load_or_resume()  # once: not again below
        load_detector(runner.model, args.detector)
    runner.test()


if __name__ == '__main__':
    main()
