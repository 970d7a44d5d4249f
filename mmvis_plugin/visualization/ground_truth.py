"""What is known of a frame, in the form in which it is drawn."""
from typing import List, Optional, Tuple, Union

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmvis_plugin.structures import as_rle, read_panoptic_map
from .overlay import dense_masks


def ground_truth(data_sample: DetDataSample,
                 with_ignored: bool = False) -> Optional[InstanceData]:
    """Return the objects of a frame at its original resolution.

    Args:
        data_sample (DetDataSample): Sample of the frame, with the raw
            records in the metainfo ``instances`` or with ``gt_instances``
            and ``ignored_instances``.
        with_ignored (bool): Whether ignored objects are there too, marked in
            the field ``ignored``. Defaults to False.

    Returns:
        InstanceData or None: ``bboxes``, ``labels``, ``instances_id`` and,
        where all objects have one, ``masks``; None if nothing is known.
    """
    if not data_sample.get('has_ann', True):
        return None
    records = data_sample.get('instances')
    if records is None:
        return _packed(data_sample, with_ignored)
    if not with_ignored:
        records = [r for r in records if not r.get('ignore_flag', 0)]
    truth = InstanceData(
        bboxes=np.array([r['bbox'] for r in records]).reshape(-1, 4),
        labels=np.array([r['bbox_label'] for r in records], dtype=np.int64),
        instances_id=np.array([r.get('instance_id', -1) for r in records],
                              dtype=np.int64),
        ignored=np.array([r.get('ignore_flag', 0) for r in records], bool))
    if all('mask' in record for record in records):
        shape = data_sample.ori_shape[:2]
        truth.masks = [as_rle(r['mask'], *shape) for r in records]
    return truth


def _packed(data_sample: DetDataSample,
            with_ignored: bool) -> Optional[InstanceData]:
    """Return what a pipeline packed, ignored objects last."""
    valid = data_sample.get('gt_instances')
    ignored = data_sample.get('ignored_instances')
    if valid is None or not valid.keys():
        return None
    if not with_ignored or ignored is None or len(ignored) == 0:
        return valid
    parts = (valid, ignored)
    both = InstanceData(
        bboxes=np.concatenate([as_array(p.bboxes) for p in parts]),
        labels=np.concatenate([as_array(p.labels) for p in parts]),
        instances_id=np.concatenate([instance_ids(p) for p in parts]),
        ignored=np.repeat([False, True], [len(p) for p in parts]))
    if 'masks' in valid and 'masks' in ignored:
        size = data_sample.img_shape[:2]
        both.masks = np.concatenate(
            [dense_masks(part.masks, *size) for part in parts])
    return both


def panoptic_truth(
        data_sample: DetDataSample) -> Optional[Tuple[np.ndarray, List[dict]]]:
    """Return the panoptic map of a frame and its segments.

    Args:
        data_sample (DetDataSample): Sample of the frame, with
            ``seg_map_path`` and ``segments_info`` in the metainfo or with
            ``gt_panoptic_seg``.

    Returns:
        tuple or None: Segment ids ``(H, W)``, 0 for void, and the list of
        segments; None if nothing is known.
    """
    if not data_sample.get('has_ann', True):
        return None
    segments = data_sample.get('segments_info')
    path = data_sample.get('seg_map_path')
    if path is not None and segments is not None:
        return read_panoptic_map(path), segments
    packed = data_sample.get('gt_panoptic_seg')
    if packed is None or 'pan_seg' not in packed:
        return None
    segments = packed.get('segments_info', segments)
    return as_array(packed.pan_seg)[0], segments


def instance_ids(instances: InstanceData) -> np.ndarray:
    """Return the identities of instances, -1 where there are none.

    Args:
        instances (InstanceData): With ``instances_id`` (predictions) or
            ``instances_ids`` (annotations), or without identities.

    Returns:
        np.ndarray: ``(n, )`` int64.
    """
    ids = instances.get('instances_id', instances.get('instances_ids'))
    if ids is None:
        return np.full(len(instances), -1)
    return as_array(ids).astype(np.int64)


def as_array(values: Union[torch.Tensor, np.ndarray]) -> np.ndarray:
    """Return values as an array.

    Args:
        values (Tensor | np.ndarray | BaseBoxes): On any device.
    """
    if hasattr(values, 'tensor'):  # BaseBoxes
        values = values.tensor
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    return np.asarray(values)
