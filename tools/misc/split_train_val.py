"""Split the training file of a benchmark without public validation labels.

The videos are sorted by the sha1 of their names and the first ones are kept
back, so that everybody who splits the same benchmark by the same percentage
has the same split. A video is never split. Files: YouTube-VIS, OVIS,
COCO-video (BDD100K MOTS after bdd100k.py), Cityscapes-VPS, VIPER and VIPSeg
JSON, or a text file with one video per line (VIPSeg).
"""
import argparse
import os.path as osp
from typing import Optional, Sequence, Tuple

from mmvis_plugin.datasets.annotation_checks import read_json
from mmvis_plugin.datasets.hold_out import hold_out_names, split_videos
from mmvis_plugin.datasets.vipseg_raw import read_split_list
from mmvis_plugin.utils.cli import UsageError, one_line_errors
from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.tasks import write_json
from mmvis_plugin.utils.whole_file import whole_file


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Words; None for those of the call.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('ann_file', help='the training file')
    parser.add_argument(
        '--percent',
        type=float,
        default=10.,
        help='share of the videos that is kept back (default 10)')
    parser.add_argument(
        '--train-out', help='default: <ann_file>_trainsub beside the file')
    parser.add_argument(
        '--val-out', help='default: <ann_file>_valsub beside the file')
    return parser.parse_args(argv)


def write_list(path: str, names: Sequence[str]) -> None:
    """Write a text file that appears only when it is complete.

    Args:
        path (str): The file.
        names (Sequence[str]): Its lines.
    """
    with whole_file(path) as unfinished:
        with open(unfinished, 'w', encoding='utf-8') as file:
            file.writelines(f'{name}\n' for name in names)


def split_file(path: str, percent: float, train_out: str,
               val_out: str) -> Tuple[int, int]:
    """Split a file; each part appears when it is complete.

    Args:
        path (str): JSON, or a list of videos (``.txt``).
        percent (float): Share of the videos that is kept back.
        train_out (str): File of the rest.
        val_out (str): File of the videos that are kept back.

    Returns:
        tuple[int, int]: Number of videos in the two.
    """
    if path.endswith('.txt'):
        names = read_split_list(path)
        try:
            held = hold_out_names(names, percent)
        except AnnotationError as error:
            raise AnnotationError(f'{path}: {error}') from None
        rest = [name for name in names if name not in held]
        write_list(val_out, [name for name in names if name in held])
        write_list(train_out, rest)
        return len(rest), len(held)
    train, val, held = split_videos(read_json(path), path, percent)
    write_json(val_out, val)
    write_json(train_out, train)
    videos = train.get('videos')
    if videos is None:
        videos = {str(image['id']).split('_')[0] for image in train['images']}
    return len(videos), len(held)


@one_line_errors
def main() -> None:
    """Split the file that the command line names."""
    args = parse_args()
    if not 0 < args.percent < 100:
        raise UsageError(f'--percent {args.percent}: expected a number above '
                         '0 and below 100')
    if osp.isdir(args.ann_file):
        raise UsageError(f'{args.ann_file}: a folder of labels; convert it to '
                         'one JSON file first and split that')
    stem, suffix = osp.splitext(args.ann_file)
    train_out = args.train_out or f'{stem}_trainsub{suffix}'
    val_out = args.val_out or f'{stem}_valsub{suffix}'
    if len({osp.abspath(p) for p in (args.ann_file, train_out, val_out)}) < 3:
        raise UsageError('the training file and the two parts: expected three '
                         'different files')
    counts = split_file(args.ann_file, args.percent, train_out, val_out)
    for path, count in zip((train_out, val_out), counts):
        print(f'{path}: written, {count} videos')


if __name__ == '__main__':
    main()
