"""Reading YouTube-VIS results back."""
import json
import os.path as osp
import zipfile
from typing import Any, Dict, Iterator, List, Sequence

import numpy as np
import torch
from pycocotools import mask as mask_utils

from mmvis_plugin.structures import as_rle, encode_masks
from mmvis_plugin.utils.errors import AnnotationError
from ..functional.track_inputs import check_length, get_field

RESULT_FILE = 'results.json'


def read_vis_submission(path: str, dataset: Any) -> Iterator[dict]:
    """Read a submission as the tracks of the videos of a data set.

    Every result is listed in every frame, with an empty mask where it is
    absent: results keep the order of the file, on which ties depend.

    Args:
        path (str): A zip with ``results.json``, or such a file.
        dataset (VideoSegDataset): The videos that it belongs to.

    Yields:
        dict: One video of the data set: ``video_id``, ``video_name`` and
        ``frames``, each with ``frame_id``, ``img_path``, ``ori_shape`` and
        the fields of ``pred_track_instances``.

    Raises:
        AnnotationError: If it is broken, or names videos or categories that
            the data set does not have.
        FileNotFoundError: If there is no such file.
    """
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    results: Dict[Any, List[dict]] = {info['video_id']: [] for info in infos}
    label2cat = dataset.metainfo['label2cat']
    cat2label = {category: i for i, category in enumerate(label2cat)}
    for number, item in enumerate(_load(path)):
        name = f'{path}: results[{number}]'
        video_id = get_field(item, 'video_id', name)
        if video_id not in results:
            raise AnnotationError(
                f'{name}: video {video_id} is not among the {len(infos)} '
                'videos of the data set')
        category = get_field(item, 'category_id', name)
        if category not in cat2label:
            raise AnnotationError(
                f'{name}: category {category}, expected one of the '
                f'{len(cat2label)} of the data set')
        for key in ('score', 'segmentations'):
            get_field(item, key, name)
        results[video_id].append(
            dict(item, name=name, label=cat2label[category]))
    for info in infos:
        yield dict(
            video_id=info['video_id'],
            video_name=info.get('video_name'),
            frames=_frames(info, results.pop(info['video_id'])))


def _load(path: str) -> List[dict]:
    if not osp.isfile(path):
        raise FileNotFoundError(f'{path}: no such file')
    try:
        if path.endswith('.json'):
            with open(path, 'rb') as file:
                content = json.loads(file.read())
        else:
            with zipfile.ZipFile(path) as archive:
                content = json.loads(archive.read(RESULT_FILE))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise AnnotationError(
            f'{path}: no readable {RESULT_FILE} ({error}); '
            'write it with outfile_prefix of VISMetric') from None
    if not isinstance(content, list) or not all(
            isinstance(item, dict) for item in content):
        raise AnnotationError(f'{path}: expected a list of results, one '
                              'object per track')
    return content


def _frames(info: dict, results: Sequence[dict]) -> List[dict]:
    images = info['images']
    for item in results:
        check_length(item['segmentations'], 'segmentations', len(images),
                     item['name'])
    fixed = dict(
        instances_id=torch.arange(len(results)),
        labels=torch.tensor([item['label'] for item in results]).long(),
        scores=torch.tensor([item['score'] for item in results]).double())
    frames = []
    for t, image in enumerate(images):
        size = image['height'], image['width']
        nothing = encode_masks(np.zeros((1, *size)))[0]
        masks = [_mask(item, t, size) or nothing for item in results]
        boxes = np.array(mask_utils.toBbox(masks)).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        frames.append(
            dict(
                fixed,
                frame_id=t,
                img_path=image['img_path'],
                ori_shape=size,
                bboxes=torch.from_numpy(boxes),
                masks=masks))
    return frames


def _mask(item: dict, frame: int, size: Sequence[int]) -> Any:
    segmentation = item['segmentations'] and item['segmentations'][frame]
    if not segmentation:
        return None
    try:
        rle = as_rle(segmentation, *size)
    except (ValueError, KeyError, TypeError) as error:
        raise AnnotationError(
            f'{item["name"]}, frame {frame}: {error}') from None
    return rle
