"""Convert OVIS to COCO-video JSON.

OVIS of this package reads the official files as they are; the result is for
other programs of OpenMMLab. Class names are spelled as in the class table,
whatever case the file has. A call that was stopped goes on where it ended;
what is there already is left alone.
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
    return parser.parse_args(argv)


@one_line_errors
def main() -> None:
    """Convert the splits that the command line names."""
    args = parse_args()
    vis_coco_video.convert_and_report(args, 'ovis')


if __name__ == '__main__':
    main()
