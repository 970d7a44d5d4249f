"""Ground truth of an image out of its sample."""
from typing import List, Tuple

import torch
from mmdet.structures import DetDataSample
from torch import Tensor

from mmvis_plugin.structures import counted_things
from .panoptic_fcn_targets import ImageTargets
from .semantic_classes import SemanticClasses

UNKNOWN = 255


def image_targets(sample: DetDataSample, semantic: SemanticClasses,
                  device: torch.device) -> ImageTargets:
    """Return the things and the semantic map of an annotated image.

    What a collation has added below and right of the image is cut off. Of a
    panoptic map, things that are crowds or ignored are in the semantic map
    alone, and things without a pixel left are none.

    Args:
        sample (DetDataSample): With ``img_shape`` and either
            ``gt_panoptic_seg`` (``pan_seg`` and the metainfo
            ``segments_info``, this package's form) or ``gt_instances``
            (boxes, labels and masks of things) and ``gt_sem_seg`` (labels,
            255 unknown; mmdet's form). The first wins.
        semantic (SemanticClasses): Classes of the semantic map.
        device (torch.device): Of the result.

    Returns:
        ImageTargets: Ground truth without padding.

    Raises:
        ValueError: If the sample has neither form, or a thing whose label is
            none of a thing.
    """
    if 'gt_panoptic_seg' in sample:
        masks, boxes, labels, sem = _from_panoptic_map(sample, device)
    elif 'gt_sem_seg' in sample and 'masks' in sample.get('gt_instances', {}):
        masks, boxes, labels, sem = _from_instances(sample, device)
    else:
        raise ValueError(
            f'{_name(sample)}: no panoptic annotation, expected '
            'gt_panoptic_seg, or gt_sem_seg and gt_instances with masks; load '
            'them in the pipeline (LoadFramePanoptic, or '
            'LoadPanopticAnnotations of mmdet)')
    if len(labels) > 0 and int(labels.max()) >= semantic.num_things:
        raise ValueError(
            f'{_name(sample)}: a thing of label {int(labels.max())}, expected '
            f'labels of things below num_things={semantic.num_things}; '
            'classes of the data set are things first, then stuff')
    return ImageTargets(masks, boxes, labels, semantic.from_labels(sem))


_Parts = Tuple[Tensor, Tensor, Tensor, Tensor]


def _name(sample: DetDataSample) -> str:
    return sample.get('img_path') or f'image {sample.get("img_id")}'


def _from_instances(sample: DetDataSample, device: torch.device) -> _Parts:
    height, width = sample.img_shape[:2]
    instances = sample.gt_instances
    boxes = getattr(instances.bboxes, 'tensor', instances.bboxes)
    sem = sample.gt_sem_seg.sem_seg[0, :height, :width].to(device)
    masks = instances.masks.to_tensor(torch.uint8, device)
    return (masks[:, :height, :width], boxes.to(device),
            instances.labels.to(device), sem)


def _from_panoptic_map(sample: DetDataSample, device: torch.device) -> _Parts:
    height, width = sample.img_shape[:2]
    seg = sample.gt_panoptic_seg
    pan = seg.pan_seg[0, :height, :width].to(device)
    segments = seg.metainfo['segments_info']
    things = counted_things(segments)
    ids, labels = (
        torch.tensor([thing[key] for thing in things],
                     dtype=torch.long,
                     device=device) for key in ('id', 'category'))
    masks = pan == ids[:, None, None]
    visible = masks.flatten(1).any(dim=1)
    masks, labels = masks[visible], labels[visible]
    return masks, tight_boxes(masks), labels, _semantic_map(pan, segments)


def _semantic_map(pan: Tensor, segments: List[dict]) -> Tensor:
    """Return the label of each pixel ``(H, W)``."""
    labels = {segment['id']: segment['category'] for segment in segments}
    ids, index = pan.unique(return_inverse=True)
    table = [labels.get(i, UNKNOWN) for i in ids.tolist()]
    return torch.tensor(table, device=pan.device)[index]


def tight_boxes(masks: Tensor) -> Tensor:
    """Return the boxes of masks, none of which is empty.

    Args:
        masks (Tensor): bool.

    Returns:
        Tensor: float32 x1, y1, x2, y2 in pixels, x2 = last column + 1.

    Shape:
        - masks: ``(n, H, W)``; output: ``(n, 4)``.
    """
    starts, stops = [], []
    for axis in (1, 2):  # what is left are columns, then rows
        filled = masks.any(dim=axis).int()
        starts.append(filled.argmax(dim=1))
        stops.append(filled.size(1) - filled.flip(1).argmax(dim=1))
    return torch.stack(starts + stops, dim=1).float()
