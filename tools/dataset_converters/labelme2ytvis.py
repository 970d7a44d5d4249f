"""Make a data set in YouTube-VIS form from labelme files.

Each folder of frames and their labelme files is a video. Shapes of one label
and one group_id are one object. Frames stay where they are: INPUT is the
data_prefix of the data set. What was read before a stop is not read again.
"""
import argparse
from typing import Optional, Sequence

from mmvis_plugin.datasets.converters.custom_vis import (add_custom_arguments,
                                                         check_options,
                                                         convert_videos)
from mmvis_plugin.datasets.converters.labelme import (find_labelme_videos,
                                                      read_labelme_video,
                                                      video_stamp)
from mmvis_plugin.utils.cli import one_line_errors


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('input', help='folder of the videos, or of one video')
    parser.add_argument(
        '--all-frames',
        action='store_true',
        help='images without a labelme file are frames without objects; they '
        'are left out otherwise')
    add_custom_arguments(parser)
    return parser.parse_args(argv)


@one_line_errors
def main() -> None:
    """Convert the folder that the command line names."""
    args = parse_args()
    check_options(args)
    options = dict(
        classes=args.classes,
        missing_id=args.missing_id,
        keep_boxes=args.keep_boxes)
    videos = find_labelme_videos(args.input)
    tasks = {
        name: (args.input, name, files, args.all_frames, options)
        for name, files in videos.items()
    }
    stamps = {
        name: video_stamp(files, args.all_frames)
        for name, files in videos.items()
    }
    print(*convert_videos(read_labelme_video, tasks, stamps, args), sep='\n')


if __name__ == '__main__':
    main()
