"""Write the MovingShapes data set in the format of a benchmark."""
import argparse
import ast
import sys
from typing import Optional, Sequence

from mmvis_plugin.datasets.synthetic import PROFILES, get_cfg
from mmvis_plugin.datasets.synthetic.writers import WRITERS


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', required=True, help='target folder')
    parser.add_argument('--profile', default='tiny', choices=sorted(PROFILES))
    parser.add_argument(
        '--format', default='youtube_vis', choices=sorted(WRITERS))
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--set',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='override knobs of SynthCfg, e.g. num_train=8 objects=2,4')
    parser.add_argument(
        '--names',
        default='shapes',
        choices=['shapes', 'youtube_vis_2021'],
        help='category names of the youtube_vis format')
    parser.add_argument(
        '--with-flow',
        action='store_true',
        help='write the exact flow from each image to the next and the one '
        'after it, and back, as PNG of KITTI below flow/; a data set that is '
        'there already gets it')
    parser.add_argument(
        '--jobs', type=int, default=1, help='number of processes')
    return parser.parse_args(argv)


def parse_overrides(pairs: Sequence[str]) -> dict:
    """Turn ``['num_train=8', 'void=strip']`` into keyword arguments.

    Args:
        pairs (Sequence[str]): Words of the form KEY=VALUE.

    Raises:
        ValueError: If a word has no equals sign.
    """
    overrides = {}
    for pair in pairs:
        key, equals, value = pair.partition('=')
        if not equals:
            raise ValueError(f'--set {pair}: expected KEY=VALUE')
        try:
            overrides[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            overrides[key] = value
    return overrides


def show_progress(done: int, total: int) -> None:
    """Rewrite one line of a terminal; a log gets the last one alone."""
    if done == total:
        print(f'\r{done}/{total} videos')
    elif sys.stdout.isatty():
        print(f'\r{done}/{total} videos', end='', flush=True)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Write the data set; return the exit status.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    args = parse_args(argv)
    try:
        cfg = get_cfg(
            args.profile, seed=args.seed, **parse_overrides(args.set))
        kwargs = {}
        if args.format == 'youtube_vis':
            kwargs['names'] = args.names
        writer = WRITERS[args.format](cfg, **kwargs)
        written = writer.write(
            args.out,
            jobs=args.jobs,
            progress=show_progress,
            with_flow=args.with_flow)
    except (ValueError, TypeError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    state = 'written' if written else 'already there, nothing to do'
    print(f'MovingShapes {args.profile} ({args.format}) in {args.out}: '
          f'{state}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
