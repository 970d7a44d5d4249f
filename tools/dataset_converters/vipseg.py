"""Scale VIPSeg and convert its masks: from the download to VIPSeg_720P.

Needed: imgs and panomasks of the download, and train.txt, val.txt, test.txt
of its programs. A call that was stopped goes on where it ended; what is there
already is left alone.
"""
import argparse
import os.path as osp
from typing import Optional, Sequence

from mmvis_plugin.datasets.converters import convert_vipseg
from mmvis_plugin.utils.cli import (one_line_errors, print_state,
                                    require_positive)

SPLITS = ('train', 'val', 'test')


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('root', help='folder with imgs and panomasks')
    parser.add_argument(
        '--out', help='target folder, ROOT/VIPSeg_720P if not given')
    parser.add_argument(
        '--lists',
        metavar='DIR',
        help='folder of train.txt, val.txt and test.txt, ROOT if not given')
    parser.add_argument(
        '--splits', nargs='+', choices=SPLITS, default=['train', 'val'])
    parser.add_argument(
        '--height', type=int, default=720, help='height in pixels')
    parser.add_argument(
        '--workers', type=int, default=1, help='number of processes')
    return parser.parse_args(argv)


@one_line_errors
def main() -> None:
    """Convert the splits that the command line names."""
    args = parse_args()
    require_positive(args, 'workers', 'height')
    out = args.out or osp.join(args.root, 'VIPSeg_720P')
    for split in args.splits:
        written = convert_vipseg(
            args.root, out, split,
            osp.join(args.lists or args.root, f'{split}.txt'), args.height,
            args.workers)
        print_state(osp.join(out, f'panoptic_gt_VIPSeg_{split}.json'), written)


if __name__ == '__main__':
    main()
