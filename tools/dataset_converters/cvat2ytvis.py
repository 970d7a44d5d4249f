"""Make a data set in YouTube-VIS form from exports of CVAT.

Each XML file, "CVAT for video 1.1" or "CVAT for images 1.1", is a video. Its
frames are the images of the folder FRAMES/<stem of the XML file>, or of
FRAMES itself if there is no such folder. Frames stay where they are: FRAMES
is the data_prefix of the data set. What was read before a stop is not read
again.
"""
import argparse
import os
import os.path as osp
from typing import Dict, Optional, Sequence

from mmvis_plugin.datasets.converters.custom_vis import (add_custom_arguments,
                                                         check_options,
                                                         convert_videos,
                                                         source_stamp)
from mmvis_plugin.datasets.converters.cvat import read_cvat_video
from mmvis_plugin.utils.cli import UsageError, one_line_errors


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'input', nargs='+', help='XML files, or folders with XML files')
    parser.add_argument(
        '--frames', required=True, help='folder of the frames of all videos')
    add_custom_arguments(parser)
    return parser.parse_args(argv)


def find_exports(inputs: Sequence[str]) -> Dict[str, str]:
    """Return the XML files by the name of their video.

    Args:
        inputs (Sequence[str]): Files and folders.

    Raises:
        UsageError: If two have one name, or there is none.
    """
    files = []
    for path in inputs:
        if osp.isdir(path):
            files += [
                osp.join(path, name) for name in sorted(os.listdir(path))
                if name.endswith('.xml')
            ]
        else:
            files.append(path)
    exports: Dict[str, str] = {}
    for file in files:
        name = osp.splitext(osp.basename(file))[0]
        if name in exports:
            raise UsageError(f'{file}: another file is named {name}, too; '
                             'expected one name per video')
        if not osp.isfile(file):
            raise FileNotFoundError(f'{file}: no such file')
        exports[name] = file
    if not exports:
        raise UsageError(f'no XML file in {", ".join(inputs)}')
    return exports


@one_line_errors
def main() -> None:
    """Convert the exports that the command line names."""
    args = parse_args()
    check_options(args)
    options = dict(
        classes=args.classes,
        missing_id=args.missing_id,
        keep_boxes=args.keep_boxes)
    tasks, stamps = {}, {}
    for name, file in find_exports(args.input).items():
        own = osp.join(args.frames, name)
        folder = own if osp.isdir(own) else args.frames
        tasks[name] = (args.frames, name, file, folder, options)
        stamps[name] = source_stamp([file]) + folder
    print(*convert_videos(read_cvat_video, tasks, stamps, args), sep='\n')


if __name__ == '__main__':
    main()
