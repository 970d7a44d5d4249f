"""Convert the XML files of ImageNet VID and DET to JSON.

ImageNetVID and ImageNetDET read the result. A call that was stopped goes on
where it ended; what is there already is left alone.
"""
import argparse
from typing import Optional, Sequence

from mmvis_plugin.datasets.converters import IMAGENET_SPLITS, convert_imagenet
from mmvis_plugin.utils.cli import (one_line_errors, print_state,
                                    require_positive)


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('root', help='folder with Annotations and Data')
    parser.add_argument(
        '--out', help='target folder, ROOT/annotations if not given')
    parser.add_argument(
        '--splits',
        nargs='+',
        choices=sorted(IMAGENET_SPLITS),
        default=['vid_train', 'vid_val', 'det_train'])
    parser.add_argument(
        '--lists',
        help='folder of VID_train_15frames.txt and the other lists, '
        'ROOT/Lists or ROOT/ImageSets if not given')
    parser.add_argument(
        '--all',
        action='store_true',
        help='take every frame and image there is, without the lists')
    parser.add_argument(
        '--wnid-map',
        help='JSON file {wnid: wnid or name of one of the 30 classes} for '
        'finer WordNet ids of DET')
    parser.add_argument(
        '--workers', type=int, default=1, help='number of processes')
    return parser.parse_args(argv)


@one_line_errors
def main() -> None:
    """Convert the splits that the command line names."""
    args = parse_args()
    require_positive(args, 'workers')
    for split in args.splits:
        path, written = convert_imagenet(args.root, split, args.out,
                                         args.lists, args.all, args.wnid_map,
                                         args.workers)
        print_state(path, written)


if __name__ == '__main__':
    main()
