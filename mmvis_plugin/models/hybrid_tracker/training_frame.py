"""Instances of a training frame, annotated or predicted."""
from typing import NamedTuple

import torch
from mmdet.structures import DetDataSample
from torch import Tensor

from mmvis_plugin.structures import counted_things
from .local_instances import LocalInstances


class TrainingFrame(NamedTuple):
    """Instances with identities.

    Attributes:
        id_map (Tensor): ``(H, W)`` int64, 0 for no instance, else row of
            ``ids`` + 1.
        labels (Tensor): ``(n, )`` int64.
        ids (Tensor): ``(n, )`` int64, the same number on every frame of the
            clip; below 0 for instances that are not annotated.
    """
    id_map: Tensor
    labels: Tensor
    ids: Tensor


def annotated_frame(sample: DetDataSample, min_area: int,
                    name: str) -> TrainingFrame:
    """Number the annotated things of a frame.

    Args:
        sample (DetDataSample): With ``gt_panoptic_seg``: ``pan_seg``
            ``(1, H, W)`` and the metainfo ``segments_info``. Crowds and
            ignored things are left out.
        min_area (int): Things of fewer pixels are left out.
        name (str): What messages call the frame.

    Raises:
        ValueError: If there is no annotation.
    """
    panoptic = sample.get('gt_panoptic_seg')
    if panoptic is None:
        raise ValueError(f'{name}: no gt_panoptic_seg, expected panoptic maps '
                         'in the training data of HybridTracker; add '
                         'LoadFramePanoptic to the pipeline')
    things = counted_things(panoptic.segments_info)
    pan_map = panoptic.pan_seg[0].long()
    ids, labels = (
        torch.tensor([thing[key] for thing in things],
                     dtype=torch.long,
                     device=pan_map.device) for key in ('id', 'category'))
    values, places, areas = pan_map.unique(
        return_inverse=True, return_counts=True)
    rows = torch.searchsorted(values, ids).clamp(max=len(values) - 1)
    # a crop may have left nothing of a segment
    kept = (values[rows] == ids) & (areas[rows] >= max(min_area, 1))
    local = torch.zeros_like(values)
    local[rows[kept]] = torch.arange(
        1, int(kept.sum()) + 1, device=values.device)
    return TrainingFrame(local[places], labels[kept], ids[kept])


def predicted_frame(found: LocalInstances,
                    annotated: TrainingFrame,
                    frame: int,
                    num_frames: int,
                    iou_thr: float = 0.5) -> TrainingFrame:
    """Give predicted things the identities of annotated ones.

    A thing is the annotated one of its class with an IoU above the
    threshold, of which there is one at most. Others get an identity that no
    frame of the clip shares: they are wrong partners for all.

    Args:
        found (LocalInstances): Predicted things.
        annotated (TrainingFrame): Annotated things, on a map of the same
            size or, padded, of a larger one.
        frame (int): Position in the clip.
        num_frames (int): Frames of the clip.
        iou_thr (float): At least 0.5. Defaults to 0.5.

    Returns:
        TrainingFrame: The predicted things.
    """
    height, width = found.id_map.shape
    truth = annotated.id_map[:height, :width]
    n, m = len(found.labels), len(annotated.labels)
    overlaps = (found.id_map * (m + 1) + truth).flatten().bincount(
        minlength=(n + 1) * (m + 1)).view(n + 1, m + 1)
    union = overlaps.sum(1)[1:, None] + overlaps.sum(0)[1:]
    inter = overlaps[1:, 1:]
    same = inter > iou_thr * (union - inter)
    same &= found.labels[:, None] == annotated.labels
    strangers = -1 - frame - num_frames * torch.arange(
        n, device=found.labels.device)
    if m == 0:
        return TrainingFrame(*found, strangers)
    ids = torch.where(
        same.any(1), annotated.ids[same.long().argmax(1)], strangers)
    return TrainingFrame(*found, ids)
