"""Own annotations of videos as a data set in YouTube-VIS form."""
import argparse
import os
import os.path as osp
from collections import Counter
from hashlib import sha1
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence

from mmvis_plugin.utils.cli import UsageError, require_positive
from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.tasks import TaskParts, run_tasks, write_json
from ..hold_out import hold_out_names
from ..image_size import image_size
from .drawn_tracks import Frames, build_tracks, track_keys
from .panoptic_frames import read_info

FILES = dict(train='train.json', valid='valid.json')


def add_custom_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that the converters of own annotations share.

    Args:
        parser (argparse.ArgumentParser): Gets them.
    """
    parser.add_argument(
        '-o', '--output', required=True, help='folder of the JSON files')
    parser.add_argument(
        '--val-ratio',
        type=float,
        default=0.,
        help='share of the videos that go to valid.json, chosen by the sha1 '
        'of their names; 0 writes train.json alone')
    parser.add_argument(
        '--classes',
        nargs='+',
        help='class names in the order of the labels; shapes of others are '
        'left out. Default: all, by name')
    parser.add_argument(
        '--missing-id',
        choices=['label', 'overlap'],
        default='label',
        help='tracks of shapes without group_id: one per label, or the '
        'largest overlap with the frames before')
    parser.add_argument(
        '--keep-boxes',
        action='store_true',
        help='tracks of rectangles alone get boxes and no masks')
    parser.add_argument(
        '--workers', type=int, default=1, help='number of processes')


def check_options(args: argparse.Namespace) -> None:
    """Raise if the values of the shared options are out of range."""
    require_positive(args, 'workers')
    if not 0 <= args.val_ratio < 1:
        raise UsageError(f'--val-ratio {args.val_ratio}: expected 0 or more, '
                         'and less than 1')
    for name, count in Counter(args.classes or ()).items():
        if count > 1:
            raise UsageError(f'--classes names {name!r} twice')


def video_record(name: str, files: Sequence[str], sizes: Sequence[tuple],
                 frames: Frames, options: dict, drops: Counter,
                 where: str) -> dict:
    """Return what a task knows about a video, as JSON can hold it.

    Args:
        name (str): Name of the video.
        files (Sequence[str]): Frames, as they go into ``file_names``.
        sizes (Sequence[tuple[int, int]]): Their height and width.
        frames (list[list[Shape]]): Their shapes.
        options (dict): ``classes``, ``missing_id`` and ``keep_boxes``.
        drops (Counter): What was left out so far.
        where (str): What messages call the source.

    Raises:
        AnnotationError: If frames differ in size, or ids are missing.
    """
    for file, size in zip(files, sizes):
        if tuple(size) != tuple(sizes[0]):
            raise AnnotationError(
                f'{where}: frame {file} has size {tuple(size)}, {files[0]} '
                f'{tuple(sizes[0])} (height, width); expected one size per '
                'video')
    classes = options['classes']
    if classes is not None:
        for shapes in frames:
            for shape in shapes:
                if shape.label not in classes:
                    drops[f'shape of {shape.label!r}, not in --classes'] += 1
        frames = [[s for s in shapes if s.label in classes]
                  for shapes in frames]
    keys = track_keys(frames, options['missing_id'], where)
    tracks = build_tracks(frames, keys, options['keep_boxes'], drops)
    return dict(
        name=name,
        height=sizes[0][0],
        width=sizes[0][1],
        file_names=list(files),
        tracks=tracks,
        drops=dict(drops))


def check_image(path: str, expected: Optional[tuple], where: str) -> tuple:
    """Return (height, width) of a frame; raise if the source says another.

    Args:
        path (str): The image.
        expected (tuple[int, int], optional): Size in the source.
        where (str): What messages call the source.
    """
    found = image_size(path)
    if expected is not None and tuple(expected) != found:
        raise AnnotationError(
            f'{path}: image size {found}, expected {tuple(expected)} (height, '
            f'width) as in {where}')
    return found


def join_videos(videos: Iterable[dict],
                classes: Optional[Sequence[str]]) -> dict:
    """Join the results of :func:`video_record` to YouTube-VIS form.

    Args:
        videos (Iterable[dict]): Records.
        classes (Sequence[str], optional): Class names; all labels by name if
            None.

    Returns:
        dict: ``videos``, ``categories``, ``annotations``; ids count from 1.

    Raises:
        AnnotationError: If there is no object at all.
    """
    videos = list(videos)
    labels = {track['label'] for video in videos for track in video['tracks']}
    if not labels:
        raise AnnotationError('no object in any video, expected shapes'
                              f'{" of --classes" if classes else ""}')
    ids = {name: i for i, name in enumerate(classes or sorted(labels), 1)}
    content: Dict[str, list] = dict(
        videos=[],
        categories=[dict(id=i, name=name) for name, i in ids.items()],
        annotations=[])
    for video_id, video in enumerate(videos, 1):
        content['videos'].append(
            dict(
                id=video_id,
                name=video['name'],
                height=video['height'],
                width=video['width'],
                length=len(video['file_names']),
                file_names=video['file_names']))
        for track in video['tracks']:
            label = track.pop('label')
            content['annotations'].append(
                dict(
                    id=len(content['annotations']) + 1,
                    video_id=video_id,
                    category_id=ids[label],
                    **track))
    return content


def source_stamp(files: Iterable[str]) -> str:
    """Return what changes when one of some local files changes."""
    stats = [(file, os.stat(file).st_size, os.stat(file).st_mtime_ns)
             for file in files]
    return sha1(repr(stats).encode()).hexdigest()


def convert_videos(read: Callable[[Any], dict], tasks: Dict[str, Any],
                   stamps: Dict[str,
                                str], args: argparse.Namespace) -> List[str]:
    """Read videos in processes and write ``train.json`` and ``valid.json``.

    Args:
        read (Callable): Gets a task, returns a :func:`video_record`.
        tasks (dict[str, Any]): Task by name of the video.
        stamps (dict[str, str]): What changes with the source of each video.
        args (argparse.Namespace): The shared options.

    Returns:
        list[str]: Lines that tell what was done.
    """
    options = dict(
        classes=args.classes,
        missing_id=args.missing_id,
        keep_boxes=args.keep_boxes)
    info = dict(
        converter='custom_vis',
        val_ratio=args.val_ratio,
        source=sha1(repr(sorted(stamps.items())).encode()).hexdigest(),
        **options)
    names = ['train', 'valid'] if args.val_ratio else ['train']
    paths = {name: osp.join(args.output, FILES[name]) for name in names}
    if _all_written(paths.values(), info):
        return [f'{p}: already there, nothing to do' for p in paths.values()]
    held = hold_out_names(tasks, 100 *
                          args.val_ratio) if args.val_ratio else []
    parts = TaskParts(osp.join(args.output, '.videos.parts'), options)
    named = {(name, stamps[name]): task for name, task in tasks.items()}
    videos = list(run_tasks(read, named, parts, args.workers))
    content = join_videos(videos, args.classes)
    lines = []
    for name, path in paths.items():
        chosen = choose_videos(content, held, name == 'valid')
        write_json(path, dict(info=info, **chosen))
        lines.append(f'{path}: written, {len(chosen["videos"])} videos, '
                     f'{sum(v["length"] for v in chosen["videos"])} frames, '
                     f'{len(chosen["annotations"])} tracks, '
                     f'{len(chosen["categories"])} classes')
    parts.remove()
    drops = sum((Counter(video['drops']) for video in videos), Counter())
    return lines + [f'left out {n}: {why}' for why, n in sorted(drops.items())]


def choose_videos(content: dict, held: Sequence[str], inside: bool) -> dict:
    """Return the videos of some names, or the others, with their tracks.

    Args:
        content (dict): In YouTube-VIS form.
        held (Sequence[str]): Names.
        inside (bool): Take the named ones, not the others.
    """
    videos = [v for v in content['videos'] if (v['name'] in held) == inside]
    ids = {video['id'] for video in videos}
    tracks = [a for a in content['annotations'] if a['video_id'] in ids]
    return dict(content, videos=videos, annotations=tracks)


def _all_written(paths: Iterable[str], info: dict) -> bool:
    found = []
    for path in paths:
        known = read_info(path) if osp.exists(path) else None
        if osp.exists(path) and (not isinstance(known, dict) or
                                 known.get('converter') != info['converter']):
            raise AnnotationError(f'{path}: was not written by this '
                                  'converter; move it away, or choose '
                                  'another --output')
        found.append(known == info)
    return all(found)
