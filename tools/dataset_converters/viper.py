"""Convert VIPER to the form of Cityscapes-VPS.

Needed: {train,val}/{img,cls,inst}. A call that was stopped goes on where it
ended; what is there already is left alone. The benchmark is

  viper.py ROOT --splits val --max-frames 60 --sequences ...

with 10 sequences by day, of which no list was published.
"""
import argparse
import os.path as osp
from typing import Optional, Sequence

from mmvis_plugin.datasets.converters import convert_viper
from mmvis_plugin.utils.cli import (UsageError, one_line_errors, print_state,
                                    require_positive)


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', help='folder with train and val')
    parser.add_argument(
        '--splits',
        nargs='+',
        choices=['train', 'val'],
        default=['train', 'val'])
    parser.add_argument(
        '--sequences',
        nargs='+',
        metavar='SEQ',
        help='three digits each, e.g. 002; all if not given')
    parser.add_argument(
        '--max-frames',
        type=int,
        help='number of frames at the start of each sequence; all if not '
        'given')
    parser.add_argument(
        '--workers', type=int, default=1, help='number of processes')
    return parser.parse_args(argv)


@one_line_errors
def main() -> None:
    """Convert the splits that the command line names."""
    args = parse_args()
    require_positive(args, 'workers', 'max_frames')
    if args.sequences and len(args.splits) > 1:
        raise UsageError('--sequences needs --splits with one split: each '
                         'has sequences of its own')
    for split in args.splits:
        written = convert_viper(args.root, split, args.sequences,
                                args.max_frames, args.workers)
        print_state(
            osp.join(args.root, f'panoptic_gt_{split}_viper.json'), written)


if __name__ == '__main__':
    main()
