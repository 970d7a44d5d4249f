"""Instances of a video from its slots."""
from typing import Callable, List, Sequence

import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData
from pycocotools import mask as mask_utils
from torch import Tensor

from mmvis_plugin.structures import encode_masks, rle_areas
from ..layers.precision import at_least_fp32
from .slot_scores import SlotPicks

LogitsOf = Callable[[int, Tensor], Tensor]
"""Mask logits ``(n, h, w)`` of ``n`` slots on a frame, by its position."""


def original_masks(logits: Tensor,
                   metainfo: dict,
                   with_sigmoid: bool = False) -> Tensor:
    """Bring mask logits to the size of the original frame.

    Bilinear to the padded input, whose padding is cut off, then bilinear to
    the frame, as in the released code.

    Args:
        logits (Tensor): Mask logits of the padded input, of any size.
        metainfo (dict): ``batch_input_shape``, ``img_shape``, ``ori_shape``.
        with_sigmoid (bool): Turn logits into probabilities between the two
            steps. Defaults to False.

    Returns:
        Tensor: float32 at least.

    Shape:
        - logits: ``(n, h, w)``; output: ``(n, H, W)``.
    """
    height, width = metainfo['img_shape'][:2]
    resized = _bilinear(
        at_least_fp32(logits)[None], metainfo['batch_input_shape'])
    resized = resized[..., :height, :width]
    if with_sigmoid:
        resized = resized.sigmoid()
    return _bilinear(resized, metainfo['ori_shape'])[0]


def video_instances(picks: SlotPicks, logits_of: LogitsOf,
                    metas: Sequence[dict]) -> List[InstanceData]:
    """Return ``pred_track_instances`` of every frame of a video.

    Masks are computed frame by frame, for the reported slots only, and kept
    as run-length codes. Every pick is a track of its own, whose score and
    class hold for the whole video; it is left out of a frame where its mask
    is empty.

    Args:
        picks (SlotPicks): What is reported.
        logits_of (Callable): Gives the mask logits of some slots on a frame.
        metas (Sequence[dict]): Metainfo of all frames.

    Returns:
        list[InstanceData]: ``instances_id`` (rank of the pick), ``bboxes``,
        ``labels``, ``scores``, ``slots`` and ``masks`` on the CPU.
    """
    return [
        frame_instances(picks, logits_of, i, meta)
        for i, meta in enumerate(metas)
    ]


def frame_instances(picks: SlotPicks, logits_of: LogitsOf, index: int,
                    metainfo: dict) -> InstanceData:
    """Return the part of :func:`video_instances` of one frame.

    Args:
        picks (SlotPicks): What is reported.
        logits_of (Callable): As of :func:`video_instances`.
        index (int): Position that ``logits_of`` gets.
        metainfo (dict): Metainfo of the frame.
    """
    slots, rows = picks.slots.unique(return_inverse=True)
    masks = original_masks(logits_of(index, slots), metainfo) > 0
    rles = encode_masks(masks)
    # toBbox takes a list only if it holds something
    boxes = torch.from_numpy(mask_utils.toBbox(rles)) if rles else \
        torch.zeros((0, 4))
    boxes = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1).float()

    rows = rows.cpu()
    present = torch.from_numpy(rle_areas(rles) > 0)[rows]
    picks = SlotPicks(*(value.cpu()[present] for value in picks))
    rows = rows[present]
    return InstanceData(
        instances_id=present.nonzero()[:, 0],
        bboxes=boxes[rows],
        labels=picks.labels,
        scores=picks.scores,
        slots=picks.slots,
        masks=[dict(rles[row]) for row in rows.tolist()])


def _bilinear(maps: Tensor, size: Sequence[int]) -> Tensor:
    # a picture of no slots is refused
    if len(maps[0]) == 0:
        return maps.new_zeros((1, 0, *size[:2]))
    return F.interpolate(
        maps, tuple(size[:2]), mode='bilinear', align_corners=False)
