"""Convert YouTube-VIS to COCO-video JSON.

YouTubeVIS of this package reads the official files as they are; the result
is for mmdet's YouTubeVISDataset. A call that was stopped goes on where it
ended; what is there already is left alone.
"""
import argparse
from typing import Optional, Sequence

from mmvis_plugin.datasets.converters import vis_coco_video
from mmvis_plugin.utils.cli import one_line_errors


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    vis_coco_video.add_vis_arguments(parser)
    parser.add_argument('--version', choices=['2019', '2021'], default='2019')
    return parser.parse_args(argv)


@one_line_errors
def main() -> None:
    """Convert the splits that the command line names."""
    args = parse_args()
    vis_coco_video.convert_and_report(args, f'youtube_vis_{args.version}')


if __name__ == '__main__':
    main()
