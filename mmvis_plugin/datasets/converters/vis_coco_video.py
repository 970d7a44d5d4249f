"""Conversion of YouTube-VIS and OVIS to COCO-video JSON."""
import argparse
import os.path as osp
from typing import Dict, List, Optional, Sequence, Tuple

from mmvis_plugin.utils.cli import require_positive
from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.utils.tasks import TaskParts, run_tasks, write_json
from ..annotation_cache import file_key
from ..annotation_checks import read_json
from ..class_tables import complete_label2cat, match_categories, table_metainfo
from ..video_source import VideoSource
from ..vis_json import parse_vis_json
from .panoptic_frames import read_info

SPLITS = ('train', 'valid', 'test')

# where the archives have the JSON of a split
_PLACES = ('{}.json', '{}/instances.json', 'annotations_{}.json',
           'annotations/annotations_{}.json', 'annotations/{}.json',
           'annotations/instances_{}.json', 'instances_{}.json')


def find_vis_json(root: str, split: str) -> str:
    """Return the JSON of a split in an official tree.

    Args:
        root (str): Folder of the benchmark.
        split (str): 'train', 'valid' or 'test'.

    Raises:
        FileNotFoundError: Naming the places that were looked at.
    """
    places = [place.format(split) for place in _PLACES]
    for place in places:
        if osp.isfile(osp.join(root, place)):
            return osp.join(root, place)
    raise FileNotFoundError(f'{root}: no JSON of the split {split}, expected '
                            f'one of {", ".join(places)}')


def to_coco_video(source: VideoSource) -> dict:
    """Return videos in COCO-video form, as mmdet's datasets read it.

    Args:
        source (VideoSource): Videos of one file. Track ids are unique in the
            file; if one is below 1, all are shifted, because mmdet takes id 0
            for none.

    Returns:
        dict: ``categories``, ``videos``, ``images`` and ``annotations``;
        image and annotation ids count from 1.
    """
    content: Dict[str, list] = dict(
        categories=source.categories, videos=[], images=[], annotations=[])
    ids = [
        instance['instance_id'] for video in source.videos
        for image in video['images'] for instance in image['instances']
    ]
    shift = max(0, 1 - min(ids, default=1))
    for video in sorted(source.videos, key=lambda v: v['video_id']):
        images = video['images']
        size = {key: images[0][key] for key in ('height', 'width') if images}
        content['videos'].append(
            dict(id=video['video_id'], name=video['video_name'], **size))
        for frame_id, image in enumerate(images):
            _add_image(content, video['video_id'], frame_id, image, shift)
    return content


def _add_image(content: Dict[str, list], video_id: int, frame_id: int,
               image: dict, shift: int) -> None:
    image_id = len(content['images']) + 1
    content['images'].append(
        dict(
            id=image_id,
            video_id=video_id,
            frame_id=frame_id,
            file_name=image['file_name'],
            height=image['height'],
            width=image['width']))
    for instance in image['instances']:
        x1, y1, x2, y2 = instance['bbox']
        record = dict(
            id=len(content['annotations']) + 1,
            video_id=video_id,
            image_id=image_id,
            instance_id=instance['instance_id'] + shift,
            category_id=instance['category_id'],
            bbox=[x1, y1, x2 - x1, y2 - y1],
            area=instance['area'],
            iscrowd=instance['ignore_flag'])
        if 'mask' in instance:
            record['segmentation'] = instance['mask']
        content['annotations'].append(record)


def benchmark_categories(categories: Sequence[dict], table: str,
                         file: str) -> List[dict]:
    """Return all categories of a benchmark, with their ids in a file.

    They come in the order of the class list, because the labels of mmdet's
    datasets follow the order of the file.

    Args:
        categories (Sequence[dict]): Of the file; case and aliases, such as
            'Vehical', do not matter.
        table (str): Stem of the class table.
        file (str): The annotation file, for messages.

    Raises:
        AnnotationError: If a category is none of the table.
    """
    classes = table_metainfo(table)['classes']
    cat2label = match_categories(classes, categories, file)
    for category in categories:
        if category['id'] not in cat2label:
            raise AnnotationError(
                f'{file}: unknown category {category["name"]!r}, expected '
                f'the {len(classes)} of {table}; is it another version?')
    ids = complete_label2cat(cat2label, classes, table)
    return [dict(id=i, name=name) for i, name in zip(ids, classes)]


def convert_file(task: Tuple[str, str, str, dict]) -> dict:
    """Convert one file; a task of :func:`run_tasks`.

    Args:
        task (tuple): Official JSON, target, stem of the class table and what
            becomes the entry ``info``.

    Returns:
        dict: Number of ``videos``, ``frames`` and ``objects``.
    """
    file, target, table, info = task
    source = parse_vis_json(read_json(file), file)
    source.categories = benchmark_categories(source.categories, table, file)
    content = to_coco_video(source)
    write_json(target, dict(info=info, **content))
    return dict(
        videos=len(content['videos']),
        frames=len(content['images']),
        objects=len(content['annotations']))


def convert_vis(root: str,
                out: str,
                table: str,
                splits: Sequence[str],
                workers: int = 1) -> Dict[str, Optional[dict]]:
    """Convert the splits of an official tree, each to one file.

    A file appears when it is complete; one that was made from the same
    source is left alone, so that a second call does what is missing.

    Args:
        root (str): Folder of the benchmark.
        out (str): Folder of the results ``<table>_<split>.json``.
        table (str): Stem of the class table, e.g. 'ovis'.
        splits (Sequence[str]): Some of 'train', 'valid' and 'test'.
        workers (int): Number of processes; a split is one task.

    Returns:
        dict: Target to its numbers of videos, frames and objects; None if it
        was there.

    Raises:
        AnnotationError: If a file is broken, or a target is of another
            program.
        FileNotFoundError: If a split has no JSON.
    """
    tasks, results = {}, {}
    for split in splits:
        file = find_vis_json(root, split)
        target = osp.join(out, f'{table}_{split}.json')
        info = dict(
            converter='vis_coco_video', table=table, source=file_key(file))
        results[target] = None
        known = read_info(target) if osp.exists(target) else {}
        if not isinstance(known, dict) or known and (known.get('converter')
                                                     != info['converter']):
            raise AnnotationError(f'{target}: was not written by this '
                                  'converter; move it away to convert again')
        if known != info:
            tasks[target] = (file, target, table, info)
    parts = TaskParts(
        osp.join(out, f'.{table}.parts'),
        {task[1]: task[3]
         for task in tasks.values()})
    results.update(
        zip(tasks, run_tasks(convert_file, tasks, parts, workers, 'files')))
    parts.remove()
    return results


def add_vis_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the converters of this form, named as in mmdet.

    Args:
        parser (argparse.ArgumentParser): Gets ``--input``, ``--output``,
            ``--splits`` and ``--workers``.
    """
    parser.add_argument(
        '-i', '--input', required=True, help='folder of the official archive')
    parser.add_argument(
        '-o', '--output', help='target folder, INPUT/annotations if not given')
    parser.add_argument(
        '--splits', nargs='+', choices=SPLITS, default=list(SPLITS))
    parser.add_argument(
        '--workers',
        type=int,
        default=1,
        help='number of processes; a split is one task')


def convert_and_report(args: argparse.Namespace, table: str) -> None:
    """Run :func:`convert_vis` and print a line per split.

    Args:
        args (argparse.Namespace): The options.
        table (str): Stem of the class table.
    """
    require_positive(args, 'workers')
    out = args.output or osp.join(args.input, 'annotations')
    results = convert_vis(args.input, out, table, args.splits, args.workers)
    for path, counts in results.items():
        state = 'already there, nothing to do' if counts is None else (
            f'written, {counts["videos"]} videos, {counts["frames"]} frames, '
            f'{counts["objects"]} objects')
        print(f'{path}: {state}')
