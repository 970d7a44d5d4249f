"""Convert the labels of BDD100K MOTS to one JSON file per split.

BDD100KMOTS reads the official labels as they are; from the JSON file it
starts many times faster, and mmdet's data sets read it, too. A call that was
stopped goes on where it ended; what is there already is left alone.
"""
import argparse
import os.path as osp
from typing import Optional, Sequence

from mmvis_plugin.datasets.converters import (BDD100K_FORMS, BDD100K_SPLITS,
                                              convert_bdd100k)
from mmvis_plugin.utils.cli import (one_line_errors, print_state,
                                    require_positive)


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('root', help='folder with images and labels')
    parser.add_argument(
        '--out', help='target folder, ROOT/annotations if not given')
    parser.add_argument(
        '--splits',
        nargs='+',
        choices=BDD100K_SPLITS,
        default=list(BDD100K_SPLITS))
    parser.add_argument(
        '--form',
        choices=BDD100K_FORMS,
        default='bitmasks',
        help='folder of labels/seg_track_20 to start from')
    parser.add_argument(
        '--unknown',
        choices=['error', 'drop'],
        default='error',
        help='what to do with objects that are of none of the 8 categories')
    parser.add_argument(
        '--workers', type=int, default=1, help='number of processes')
    return parser.parse_args(argv)


@one_line_errors
def main() -> None:
    """Convert the splits that the command line names."""
    args = parse_args()
    require_positive(args, 'workers')
    out = args.out or osp.join(args.root, 'annotations')
    for split in args.splits:
        path = osp.join(out, f'bdd100k_mots_{split}.json')
        written = convert_bdd100k(args.root, path, split, args.form,
                                  args.unknown, args.workers)
        print_state(path, written)


if __name__ == '__main__':
    main()
