"""From the outputs of all frames of a video to tracks."""
from dataclasses import dataclass
from typing import Dict, List, Optional

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet.models.utils import aligned_bilinear
from mmengine.structures import InstanceData
from torch import Tensor

from mmvis_plugin.structures import encode_masks
from .inspro_state import InsProFrameOutput

SCORE_AGGREGATIONS = ('mean', 'max', 'topk_mean')


@dataclass
class TestCfg:
    """How slots become tracks; the fields are the keys of ``test_cfg``.

    Attributes:
        score_agg (str): Video score of a (slot, class): 'mean' over all
            frames, 'max', or 'topk_mean', the mean of the
            ``score_topk`` best frames.
        score_topk (int): See above.
        max_per_video (int): Tracks reported per video.
        one_class_per_slot (bool): Report a slot with its best class only;
            the track id is then the slot.
        frame_score_thr (float): A track is absent from a frame where the
            best class score of its slot is lower; 0 disables the gate.
        mask_thr (float): Threshold on mask probabilities.
        online_topk (int): Slots reported by ``online_result``.
        mask_chunk (int): Frames whose masks are computed at once.
    """
    score_agg: str = 'mean'
    score_topk: int = 5
    max_per_video: int = 10
    one_class_per_slot: bool = False
    frame_score_thr: float = 0.05
    mask_thr: float = 0.5
    online_topk: int = 20
    mask_chunk: int = 8

    def __post_init__(self) -> None:
        if self.score_agg not in SCORE_AGGREGATIONS:
            raise ValueError(f'test_cfg.score_agg={self.score_agg!r}, '
                             f'expected one of {SCORE_AGGREGATIONS}')


def video_scores(probs: Tensor, cfg: TestCfg) -> Tensor:
    """Aggregate frame scores ``(T, N, K)`` to video scores ``(N, K)``."""
    if cfg.score_agg == 'mean':
        return probs.mean(0)
    topk = 1 if cfg.score_agg == 'max' else min(cfg.score_topk, len(probs))
    return probs.topk(topk, dim=0).values.mean(0)


def select_tracks(scores: Tensor, max_num: int,
                  one_class_per_slot: bool) -> Dict[str, Tensor]:
    """Pick the best (slot, class) pairs.

    Args:
        scores (Tensor): ``(N, K)``.
        max_num (int): Number of pairs.
        one_class_per_slot (bool): Only the best class of a slot competes.

    Returns:
        dict[str, Tensor]: ``slots``, ``labels``, ``scores`` and ``ids``,
        each ``(n, )``, by falling score. The id is ``slot * K + label``, or
        the slot if it has one class.
    """
    num_classes = scores.size(1)
    if one_class_per_slot:
        best, labels = scores.max(dim=1)
        values, slots = best.topk(min(max_num, len(best)))
        return dict(
            slots=slots, labels=labels[slots], scores=values, ids=slots)
    values, flat = scores.flatten().topk(min(max_num, scores.numel()))
    slots = torch.div(flat, num_classes, rounding_mode='floor')
    return dict(
        slots=slots, labels=flat % num_classes, scores=values, ids=flat)


def original_boxes(boxes: Tensor, metainfo: dict) -> Tensor:
    """Map ``(..., 4)`` boxes to the original frame and clip them there."""
    height, width = metainfo['ori_shape'][:2]
    in_height, in_width = metainfo['img_shape'][:2]
    scale = boxes.new_tensor([width / in_width, height / in_height] * 2)
    limit = boxes.new_tensor([width, height] * 2)
    return torch.minimum((boxes * scale).clamp(min=0), limit)


def frame_masks(mask_head: nn.Module, outputs: List[InsProFrameOutput],
                slots: Tensor, mask_thr: float) -> List[Tensor]:
    """Compute the masks of some slots on some frames of equal size.

    Args:
        mask_head (nn.Module): :class:`DynamicMaskHead`.
        outputs (list[InsProFrameOutput]): ``F`` frames of one video.
        slots (Tensor): ``(n, )`` or ``(F, n)`` slot indices.
        mask_thr (float): Threshold on probabilities.

    Returns:
        list[Tensor]: Per frame ``(n, h, w)`` bool at the original size.
    """
    slots = slots.expand(len(outputs), slots.size(-1))
    params = torch.stack([o.mask_params[s] for o, s in zip(outputs, slots)])
    boxes = torch.stack([o.boxes[s] for o, s in zip(outputs, slots)])
    feats = torch.stack([o.mask_feats for o in outputs])
    probs = mask_head(feats, params, boxes).sigmoid()
    probs = aligned_bilinear(probs, mask_head.out_stride)
    masks = []
    for prob, output in zip(probs, outputs):
        in_height, in_width = output.metainfo['img_shape'][:2]
        prob = F.interpolate(
            prob[None, :, :in_height, :in_width],
            size=tuple(output.metainfo['ori_shape'][:2]),
            mode='bilinear',
            align_corners=False)[0]
        masks.append(prob > mask_thr)
    return masks


def video_results(outputs: List[InsProFrameOutput], cfg: TestCfg,
                  mask_head: Optional[nn.Module]) -> List[InstanceData]:
    """Return ``pred_track_instances`` of every frame of a video.

    Every row of a track carries the video-level score and class, whatever
    the frame; masks are computed for the reported slots only. A track is
    left out of a frame where its slot fails the presence gate or its mask
    (without mask head: its box) is empty.

    Args:
        outputs (list[InsProFrameOutput]): One per frame.
        cfg (TestCfg): Rules.
        mask_head (nn.Module, optional): None reports boxes only.

    Returns:
        list[InstanceData]: One per frame.
    """
    probs = torch.stack([o.logits.float().sigmoid() for o in outputs])
    tracks = select_tracks(
        video_scores(probs, cfg), cfg.max_per_video, cfg.one_class_per_slot)
    present = probs.amax(dim=2)[:, tracks['slots']] >= cfg.frame_score_thr
    slots, inverse = tracks['slots'].unique(return_inverse=True)
    tracks = {key: value.cpu() for key, value in tracks.items()}
    present, inverse = present.cpu(), inverse.cpu()

    results = []
    for start in range(0, len(outputs), cfg.mask_chunk):
        chunk = outputs[start:start + cfg.mask_chunk]
        masks = frame_masks(mask_head, chunk, slots,
                            cfg.mask_thr) if mask_head else [None] * len(chunk)
        for i, output in enumerate(chunk):
            boxes = original_boxes(output.boxes, output.metainfo).cpu()
            results.append(
                _frame_instances(tracks, present[start + i], boxes, masks[i],
                                 inverse))
    return results


def _frame_instances(tracks: Dict[str, Tensor], present: Tensor, boxes: Tensor,
                     masks: Optional[Tensor], inverse: Tensor) -> InstanceData:
    boxes = boxes[tracks['slots']]
    if masks is None:
        sides = boxes[:, 2:] - boxes[:, :2]
        keep = present & (sides > 0).all(dim=1)
    else:
        keep = present & masks.flatten(1).any(dim=1).cpu()[inverse]
    instances = InstanceData(
        instances_id=tracks['ids'][keep],
        bboxes=boxes[keep],
        labels=tracks['labels'][keep],
        scores=tracks['scores'][keep])
    if masks is not None:
        wanted, rows = inverse[keep].unique(return_inverse=True)
        rles = encode_masks(masks[wanted.to(masks.device)])
        instances.masks = [dict(rles[row]) for row in rows.tolist()]
    return instances


def online_instances(output: InsProFrameOutput, cfg: TestCfg,
                     mask_head: Optional[nn.Module]) -> InstanceData:
    """Return the causal result of one frame: score and class of this frame.

    At most ``online_topk`` slots above the presence gate; the id is the slot.
    """
    scores, labels = output.logits.float().sigmoid().max(dim=1)
    top, slots = scores.topk(min(cfg.online_topk, len(scores)))
    slots = slots[top >= cfg.frame_score_thr]
    masks = frame_masks(mask_head, [output], slots,
                        cfg.mask_thr)[0] if mask_head else None
    tracks = dict(
        slots=slots, labels=labels[slots], scores=scores[slots], ids=slots)
    tracks = {key: value.cpu() for key, value in tracks.items()}
    return _frame_instances(
        tracks, torch.ones(len(slots), dtype=torch.bool),
        original_boxes(output.boxes, output.metainfo).cpu(), masks,
        torch.arange(len(slots)))


def image_results(output: InsProFrameOutput, cfg: TestCfg,
                  mask_head: Optional[nn.Module]) -> InstanceData:
    """Return detections of a still image: ``masks`` as a bool tensor."""
    probs = output.logits.float().sigmoid()
    picks = select_tracks(probs, cfg.max_per_video, cfg.one_class_per_slot)
    instances = InstanceData(
        bboxes=original_boxes(output.boxes, output.metainfo)[picks['slots']],
        labels=picks['labels'],
        scores=picks['scores'])
    if mask_head is not None:
        instances.masks = frame_masks(mask_head, [output], picks['slots'],
                                      cfg.mask_thr)[0]
    return instances
