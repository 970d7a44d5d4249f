"""List every defect of a VIS annotation file, and of its frames.

Reads YouTube-VIS, OVIS, COCO-video and COCO instances JSON with the readers
of the data sets. The exit code is 1 if there is a defect, else 0.
"""
import argparse
import os.path as osp
import sys
from typing import Optional, Sequence

from mmengine.logging import MMLogger

from mmvis_plugin.datasets.vis_report import VisReport, check_vis_json
from mmvis_plugin.utils.cli import (UsageError, one_line_errors,
                                    require_positive)

TABLES = ('youtube_vis_2019', 'youtube_vis_2021', 'ovis')


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('ann_file', help='the JSON file')
    parser.add_argument(
        '--img-prefix',
        help='folder that file_names start from: are all frames there, and of '
        'the right size?')
    parser.add_argument(
        '--decode',
        action='store_true',
        help='decode every frame instead of reading its header; finds cut '
        'files, too')
    parser.add_argument(
        '--classes-of',
        choices=TABLES,
        help='the categories have to be classes of this benchmark')
    parser.add_argument(
        '--workers',
        type=int,
        default=1,
        help='threads that read headers, or processes that decode')
    return parser.parse_args(argv)


def summary(report: VisReport) -> str:
    """Return the text that is printed for a file without a defect.

    Args:
        report (VisReport): What was found.
    """
    lines = [
        f'{report.file}: no defect',
        f'form: {report.form}',
        *(f'{name}: {count}' for name, count in report.counts.items()),
    ]
    if not report.annotated:
        lines.append('no annotations: for test_mode=True only')
    lines += [
        f'left out: {n}: {why}' for why, n in sorted(report.drops.items())
    ]
    return '\n'.join(lines)


@one_line_errors
def main() -> None:
    """Check the file that the command line names."""
    args = parse_args()
    require_positive(args, 'workers')
    if args.decode and args.img_prefix is None:
        raise UsageError('--decode needs --img-prefix')
    if args.img_prefix is not None and not osp.isdir(args.img_prefix):
        raise FileNotFoundError(f'--img-prefix {args.img_prefix}: no such '
                                'folder')
    MMLogger.get_current_instance().setLevel('ERROR')
    report = check_vis_json(args.ann_file, args.img_prefix, args.classes_of,
                            args.decode, args.workers)
    if report.defects:
        print(*report.defects, sep='\n')
        print(f'{report.file}: {len(report.defects)} defect(s)')
        sys.exit(1)
    print(summary(report))


if __name__ == '__main__':
    main()
