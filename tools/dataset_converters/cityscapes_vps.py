"""Prepare the release of Cityscapes-VPS for training and evaluation.

Needed: the release (JSON files, {train,val}/cls, {train,val}/inst) and, of
Cityscapes, gtFine/val and leftImg8bit_sequence/val. A call that was stopped
goes on where it ended; what is there already is left alone.
"""
import argparse
import os.path as osp
from typing import Optional, Sequence

from mmvis_plugin.datasets.converters import (convert_cityscapes_vps,
                                              link_cityscapes_frames)
from mmvis_plugin.utils.cli import (one_line_errors, print_state,
                                    require_positive)

SPLITS = ('train', 'val', 'test')


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('root', help='folder of the release')
    parser.add_argument(
        '--splits', nargs='+', choices=SPLITS, default=['train', 'val'])
    parser.add_argument(
        '--gt-fine',
        metavar='DIR',
        help='gtFine/val of Cityscapes, for the labels of the 20th frames')
    parser.add_argument(
        '--images',
        metavar='DIR',
        help='leftImg8bit_sequence/val of Cityscapes; its frames are linked '
        'into img and img_all')
    parser.add_argument(
        '--workers', type=int, default=1, help='number of processes')
    return parser.parse_args(argv)


@one_line_errors
def main() -> None:
    """Convert the splits that the command line names."""
    args = parse_args()
    require_positive(args, 'workers')
    for split in args.splits:
        if args.images:
            made = link_cityscapes_frames(args.root, split, args.images)
            print(f'{osp.join(args.root, split)}: {made} new links to frames')
        if split == 'test':
            print('test: its labels are not public, nothing to convert')
            continue
        path = osp.join(args.root, f'panoptic_gt_{split}_city_vps.json')
        written = convert_cityscapes_vps(args.root, split, args.workers,
                                         args.gt_fine)
        print_state(path, written)


if __name__ == '__main__':
    main()
