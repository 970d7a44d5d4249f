"""Reading BDD100K MOTS results back, the inverse of ``mots_submission``."""
import os.path as osp
import tempfile
import zipfile
from typing import Any, Dict, Iterator

import numpy as np
import torch

from mmvis_plugin.datasets.bdd100k_labels import (VideoLabels, find_videos,
                                                  read_video)
from mmvis_plugin.utils.errors import AnnotationError


def read_mots_submission(path: str, dataset: Any) -> Iterator[dict]:
    """Read a submission as the tracks of the videos of a data set.

    Pictures have no scores, so that every mask has score 1; crowd and
    ignored ones are left out, as the benchmark does.

    Args:
        path (str): A zip of pictures or of JSON files, or a folder with its
            content.
        dataset (BDD100KMOTS): The videos that it belongs to.

    Yields:
        dict: One video of the submission: ``video_id``, ``video_name`` and
        ``frames``, each with ``frame_id``, ``img_path``, ``ori_shape`` and
        the fields of ``pred_track_instances``.

    Raises:
        AnnotationError: If it is broken, or its videos and frames are not
            those of the data set.
        FileNotFoundError: If there is no such file.
    """
    if osp.isdir(path):
        yield from _read_folder(path, path, dataset)
        return
    if not osp.isfile(path):
        raise FileNotFoundError(f'{path}: no such file')
    with tempfile.TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder)
        except zipfile.BadZipFile as error:
            raise AnnotationError(
                f'{path}: not a zip file ({error})') from None
        try:
            yield from _read_folder(folder, path, dataset)
        except AnnotationError as error:
            raise AnnotationError(str(error).replace(folder, path)) from None


def _read_folder(folder: str, path: str, dataset: Any) -> Iterator[dict]:
    infos = {}
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        infos[info['video_name']] = info
    label2cat = dataset.metainfo['label2cat']
    cat2label = {category: i for i, category in enumerate(label2cat)}
    for name, task in find_videos(folder, '', check_files='none').items():
        if name not in infos:
            raise AnnotationError(
                f'{path}: video {name} is not among the {len(infos)} videos '
                'of the test data')
        yield _read_result(task, infos[name], cat2label, path)


def _read_result(task: VideoLabels, info: dict, cat2label: Dict[int, int],
                 path: str) -> dict:
    images = info['images']
    size = (images[0]['height'], images[0]['width'])
    found = read_video(task._replace(size=size))['video']['images']
    found = {image['src_frame']: image for image in found}
    expected = {image['src_frame'] for image in images}
    for numbers, what in ((expected - set(found), 'lacks'),
                          (set(found) - expected, 'has unknown')):
        if numbers:
            raise AnnotationError(
                f'{path}: video {task.name} {what} frames '
                f'{sorted(numbers)[:5]}, expected the {len(images)} frames of '
                'the test data')
    frames = []
    for image in images:
        result = found[image['src_frame']]
        size = (image['height'], image['width'])
        if (result['height'], result['width']) != size:
            raise AnnotationError(
                f'{path}: {result["file_name"]} has the size '
                f'{(result["height"], result["width"])}, expected {size} '
                '(height, width)')
        frames.append(
            dict(
                frame_id=image['frame_id'],
                img_path=image['img_path'],
                ori_shape=size,
                **_instances(result['instances'], cat2label)))
    return dict(video_id=info['video_id'], video_name=task.name, frames=frames)


def _instances(instances: list, cat2label: Dict[int, int]) -> dict:
    chosen = [item for item in instances if not item['ignore_flag']]
    boxes = np.array([item['bbox'] for item in chosen], dtype=np.float32)
    return dict(
        instances_id=torch.tensor([i['instance_id'] for i in chosen],
                                  dtype=torch.int64),
        bboxes=torch.from_numpy(boxes.reshape(-1, 4)),
        labels=torch.tensor([cat2label[i['category_id']] for i in chosen],
                            dtype=torch.int64),
        scores=torch.ones(len(chosen)),
        masks=[item['mask'] for item in chosen])
