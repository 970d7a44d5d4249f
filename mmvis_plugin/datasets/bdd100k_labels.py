"""Label folders of BDD100K segmentation tracking, video by video."""
import hashlib
import os
import os.path as osp
from collections import Counter
from typing import Dict, Iterable, NamedTuple, Optional, Tuple

from mmengine import fileio

from mmvis_plugin.utils.errors import AnnotationError
from .bdd100k_bitmasks import read_bitmask_video
from .bdd100k_rles import read_rle_video
from .class_tables import load_table
from .video_source import VideoSource

_FORMAT = 1


class VideoLabels(NamedTuple):
    """Where one video and its labels lie; a task of ``run_tasks``.

    Args:
        name (str): Name of the video.
        labels (str): Folder of bitmasks or a JSON file.
        image_dir (str): Folder with one folder of frames per video.
        unknown (str): 'error' or 'drop', for other categories.
        check_files (str): 'none' allows frames without a bitmask file.
        backend_args (dict, optional): Arguments of the file backend.
        size (tuple[int, int], optional): Height and width of the frames,
            where a JSON file holds no mask that tells it.
    """
    name: str
    labels: str
    image_dir: str
    unknown: str = 'error'
    check_files: str = 'first'
    backend_args: Optional[dict] = None
    size: Optional[Tuple[int, int]] = None


def find_videos(label_dir: str,
                image_dir: str,
                origin: str = '',
                **options) -> Dict[str, VideoLabels]:
    """List the videos of a label folder.

    Its form is found from what it holds: a folder of pictures per video
    (``bitmasks``) or a JSON file per video (``rles``).

    Args:
        label_dir (str): E.g. ``labels/seg_track_20/bitmasks/train``.
        image_dir (str): E.g. ``images/seg_track_20/train``.
        origin (str): The options that formed ``label_dir``, for the message.
        **options: Further fields of :class:`VideoLabels`.

    Returns:
        dict[str, VideoLabels]: Name to video, sorted by name.

    Raises:
        FileNotFoundError: If there is no such folder, or a video of the
            image folder has no labels.
        AnnotationError: If it holds neither form or both.
    """
    backend = dict(backend_args=options.get('backend_args'))
    if not fileio.isdir(label_dir, **backend):
        raise FileNotFoundError(
            f'label folder {label_dir} not found'
            f'{f" (from {origin})" if origin else ""}; expected '
            "'bitmasks/<split>' or 'rles/<split>' of BDD100K, or a JSON file")
    folders = sorted(list_folders(label_dir, **backend))
    files = sorted(
        fileio.list_dir_or_file(
            label_dir, list_dir=False, suffix='.json', **backend))
    if bool(folders) == bool(files):
        raise AnnotationError(
            f'{label_dir}: {len(folders)} folders and {len(files)} JSON '
            'files, expected either a folder of bitmasks per video or a JSON '
            'file per video')
    names = folders or [osp.splitext(file)[0] for file in files]
    if options.get('check_files') != 'none' and fileio.isdir(
            image_dir, **backend):
        absent = sorted(set(list_folders(image_dir, **backend)) - set(names))
        if absent:
            raise FileNotFoundError(
                f'{label_dir}: no labels of video {absent[0]} of {image_dir} '
                f'({len(absent)} such videos), expected them for each')
    return {
        name: VideoLabels(name, osp.join(label_dir, item), image_dir,
                          **options)
        for name, item in zip(names, folders or files)
    }


def list_folders(folder: str, backend_args: Optional[dict] = None) -> list:
    """Return the names of the folders in a folder, in any order.

    Args:
        folder (str): The folder.
        backend_args (dict, optional): Arguments of the file backend.
    """
    return [
        name.rstrip('/') for name in fileio.list_dir_or_file(
            folder, list_file=False, backend_args=backend_args)
    ]


def read_video(task: VideoLabels) -> dict:
    """Read the labels of one video, whatever their form.

    Args:
        task (VideoLabels): The video.

    Returns:
        dict: ``video`` as in a ``VideoSource`` without ids, and ``drops``.
    """
    drops: Counter = Counter()
    if task.labels.endswith('.json'):
        video = read_rle_video(task.labels, task.image_dir, drops,
                               task.unknown, task.backend_args, task.size)
    else:
        video = read_bitmask_video(task.name, task.labels,
                                   osp.join(task.image_dir,
                                            task.name), drops, task.unknown,
                                   task.check_files, task.backend_args)
    return dict(video=video, drops=dict(drops))


def collect_videos(results: Iterable[dict]) -> VideoSource:
    """Number videos and frames from 1 and put them together.

    Args:
        results (Iterable[dict]): Of :func:`read_video`, sorted by name.
    """
    drops: Counter = Counter()
    videos, num_frames = [], 0
    for video_id, result in enumerate(results, 1):
        video = dict(video_id=video_id, **result['video'])
        for img_id, image in enumerate(video['images'], num_frames + 1):
            image['img_id'] = img_id
        num_frames += len(video['images'])
        drops.update(result['drops'])
        videos.append(video)
    return VideoSource(
        videos, load_table('bdd100k_mots')['categories'], drops=drops)


def labels_key(tasks: Dict[str, VideoLabels]) -> dict:
    """Return what identifies the content of local labels cheaply.

    Args:
        tasks (dict): Result of :func:`find_videos`.

    Returns:
        dict: sha1 over name, size (bytes) and modification time (ns) of
        every label file, names of the frames and the options.
    """
    digest = hashlib.sha1(repr(_FORMAT).encode())
    for task in tasks.values():
        digest.update(repr(task).encode())
        folder = osp.join(task.image_dir, task.name)
        names = sorted(os.listdir(folder)) if osp.isdir(folder) else []
        digest.update(repr(names).encode())
        paths = [task.labels]
        if osp.isdir(task.labels):
            paths = sorted(entry.path for entry in os.scandir(task.labels))
        for path in paths:
            stat = os.stat(path)
            digest.update(f'{path}:{stat.st_size}:{stat.st_mtime_ns}'.encode())
    return dict(labels=digest.hexdigest())
