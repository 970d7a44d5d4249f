"""Predicted panoptic maps in the one form of models."""
from typing import Any

import numpy as np
import torch

from .metrics.panoptic_metric import ID_STEP
from .metrics.video_metric import as_dict


def label_map(pred: Any, dataset_meta: dict) -> torch.Tensor:
    """Return a predicted map as label + 1000 * track id.

    Args:
        pred (PixelData or dict): With ``sem_seg``, which is returned as it
            is, or as it is read from a file: ``pan_seg`` (ids, 0 for void)
            and ``segments_info``. The ids of things become track ids, all
            stuff of a class one segment.
        dataset_meta (dict): Metainfo of the dataset, with ``classes``,
            ``label2cat`` and ``thing_classes``.

    Returns:
        Tensor: int64, the number of classes for void.

    Shape:
        output: (1, H, W).
    """
    pred = as_dict(pred)
    if 'sem_seg' in pred:
        return pred['sem_seg']
    classes = dataset_meta['classes']
    things = set(dataset_meta['thing_classes'])
    label2cat = dataset_meta['label2cat']
    labels = {label2cat[label]: label for label in range(len(classes))}
    ids, index = np.unique(pred['pan_seg'], return_inverse=True)
    values = np.full(len(ids), len(classes), dtype=np.int64)
    known = {item['id']: item for item in pred['segments_info']}
    for at, number in enumerate(ids.tolist()):
        if number in known:
            label = labels[known[number]['category_id']]
            is_thing = classes[label] in things
            values[at] = label + (ID_STEP * number if is_thing else 0)
    sem_seg = values[index.reshape(pred['pan_seg'].shape)]
    return torch.from_numpy(sem_seg)[None]
