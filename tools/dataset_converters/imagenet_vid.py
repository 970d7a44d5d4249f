"""Convert the XML files of ImageNet VID and DET to JSON.

ImageNetVID and ImageNetDET read the result. A call that was stopped goes on
where it ended; what is there already is left alone.
"""
import argparse
import hashlib
import itertools
import json
import os.path as osp
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from mmvis_plugin.datasets.class_tables import load_table
from mmvis_plugin.datasets.imagenet_lists import (all_frames, find_xml,
                                                  known_wnids, listed_frames,
                                                  listed_videos, read_list)
from mmvis_plugin.datasets.imagenet_xml import read_imagenet_xml
from mmvis_plugin.utils.cli import UsageError, one_line_errors
from mmvis_plugin.utils.tasks import TaskParts, run_tasks, write_json

# split -> list that names its videos or images, name of the result
SPLITS = dict(
    vid_train=('VID_train_15frames.txt', 'imagenet_vid_train.json'),
    vid_val=('VID_val_videos.txt', 'imagenet_vid_val.json'),
    det_train=('DET_train_30classes.txt', 'imagenet_det_train.json'),
    det_val=('DET_val_30classes.txt', 'imagenet_det_val.json'))
_IMAGES_PER_TASK = 1000


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
        choices=sorted(SPLITS),
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
        '--jobs', type=int, default=1, help='number of processes')
    return parser.parse_args(argv)


def read_frames(task: Tuple[str, List[str], Dict[str, int], bool]) -> list:
    """Read some XML files; a task of :func:`run_tasks`.

    Args:
        task (tuple): Folder, names below it without suffix, category ids by
            WordNet id, whether objects have track ids.

    Returns:
        list[dict]: Results of :func:`read_imagenet_xml` with their ``name``.
    """
    folder, names, wnid_to_id, tracks = task
    return [
        dict(
            name=name,
            **read_imagenet_xml(
                osp.join(folder, f'{name}.xml'), wnid_to_id, tracks))
        for name in names
    ]


def build_video_json(names: Iterable[str], parts: Iterable[list]) -> dict:
    """Join the frames of videos to COCO-video JSON.

    Args:
        names (Iterable[str]): Videos.
        parts (Iterable[list]): Results of :func:`read_frames`, one per video.

    Returns:
        dict: ``videos``, ``images`` and ``annotations``; all ids count from
        1, those of tracks over all videos.
    """
    content, num_tracks = dict(videos=[], images=[], annotations=[]), 0
    for video_id, (name, frames) in enumerate(zip(names, parts), 1):
        content['videos'].append(dict(id=video_id, name=name))
        tracks = sorted({o['trackid'] for f in frames for o in f['objects']})
        track_id = {old: num_tracks + i for i, old in enumerate(tracks, 1)}
        num_tracks += len(tracks)
        for frame in frames:
            for item in frame['objects']:
                item['instance_id'] = track_id[item['trackid']]
                item['video_id'] = video_id
            add_image(
                content,
                frame,
                video_id=video_id,
                frame_id=int(osp.basename(frame['name'])))
    return content


def build_image_json(parts: Iterable[list]) -> dict:
    """Join still images to COCO JSON; those without an object are left out.

    Args:
        parts (Iterable[list]): Results of :func:`read_frames`.

    Returns:
        dict: ``images`` and ``annotations``.
    """
    content = dict(images=[], annotations=[])
    for image in itertools.chain.from_iterable(parts):
        if image['objects']:
            add_image(content, image)
    return content


def add_image(content: dict, image: dict, **extra) -> None:
    """Append an image and its objects, with the next ids.

    Args:
        content (dict): ``images`` and ``annotations``; changed in place.
        image (dict): One of the results of :func:`read_frames`.
        **extra: More fields of the image.
    """
    image_id = len(content['images']) + 1
    content['images'].append(
        dict(
            id=image_id,
            file_name=f'{image["name"]}.JPEG',
            height=image['height'],
            width=image['width'],
            **extra))
    for item in image['objects']:
        content['annotations'].append(
            dict(
                id=len(content['annotations']) + 1,
                image_id=image_id,
                area=item['bbox'][2] * item['bbox'][3],
                iscrowd=0,
                **item))


def find_names(args: argparse.Namespace, split: str) -> Dict[str, List[str]]:
    """Return the files of each task of a split.

    Args:
        args (argparse.Namespace): The options.
        split (str): A key of ``SPLITS``.

    Returns:
        dict[str, list[str]]: Video, or the first image of some, to the names
        of XML files below ``Annotations/VID`` or ``Annotations/DET``.
    """
    kind, part = split.split('_')
    folder = osp.join(args.root, 'Annotations', kind.upper())
    folders = [args.lists] if args.lists else [
        osp.join(args.root, name) for name in ('Lists', 'ImageSets')
    ]
    paths = [osp.join(where, SPLITS[split][0]) for where in folders]
    path = next((p for p in paths if osp.isfile(p)), paths[0])
    if kind == 'det':
        names = find_xml(folder, part) if args.all else [
            name for name, _ in read_list(path, 1)
        ]
        steps = range(0, len(names), _IMAGES_PER_TASK)
        return {names[i]: names[i:i + _IMAGES_PER_TASK] for i in steps}
    if args.all:
        frames = all_frames(folder, part)
    elif part == 'train':
        frames = listed_frames(path)
    else:
        frames = listed_videos(path)
    return {
        video: [f'{video}/{number:06d}' for number in sorted(numbers)]
        for video, numbers in sorted(frames.items())
    }


def convert(args: argparse.Namespace, split: str) -> None:
    """Write the JSON of one split unless it is there already.

    Args:
        args (argparse.Namespace): The options.
        split (str): A key of ``SPLITS``.
    """
    out = args.out or osp.join(args.root, 'annotations')
    path = osp.join(out, SPLITS[split][1])
    wnids, names = known_wnids(args.wnid_map), find_names(args, split)
    source = hashlib.sha1(json.dumps([wnids, names]).encode()).hexdigest()
    info = dict(split=split, source=source)
    if read_info(path) == info:
        print(f'{path}: already there, nothing to do')
        return
    is_video = split.startswith('vid')
    folder = osp.join(args.root, 'Annotations', split[:3].upper())
    parts = TaskParts(f'{path}.parts', info)
    results = run_tasks(
        read_frames, {
            name: (folder, files, wnids, is_video)
            for name, files in names.items()
        },
        parts,
        workers=args.jobs,
        label='videos' if is_video else 'thousand images')
    content = build_video_json(names, results) if is_video \
        else build_image_json(results)
    categories = load_table('imagenet_vid')['categories']
    write_json(path, dict(info=info, categories=categories, **content))
    parts.remove()
    print(f'{path}: written, {len(content["images"])} images, '
          f'{len(content["annotations"])} objects')


def read_info(path: str) -> Optional[dict]:
    """Return the first entry of a result, without reading the rest.

    Args:
        path (str): The result.
    """
    start = '{"info": '
    try:
        with open(path, encoding='utf-8') as file:
            head = file.read(1000)
        return json.JSONDecoder().raw_decode(head, len(start))[0]
    except (FileNotFoundError, ValueError):
        return None


@one_line_errors
def main() -> None:
    """Convert what the command line names."""
    args = parse_args()
    if args.jobs < 1:
        raise UsageError(f'--jobs {args.jobs}: expected at least 1')
    for split in args.splits:
        convert(args, split)


if __name__ == '__main__':
    main()
