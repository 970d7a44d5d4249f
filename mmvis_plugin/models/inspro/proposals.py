"""Geometry of proposals; nothing here waits for the device."""
import math
from typing import Sequence, Tuple, Union

import torch
from torch import Tensor

from ..layers.precision import at_least_fp32


def sanitise_boxes(boxes: Tensor,
                   whwh: Union[Tensor, Tuple[float, float]],
                   min_side: float = 8.) -> Tensor:
    """Make predicted boxes fit to be the proposals of the next frame.

    A box that is not finite becomes the whole image, all are clipped to the
    image, and sides below ``min_side`` are widened inside the image. Deltas
    are relative to the size of a proposal: a box clipped to zero width would
    keep it for the rest of the video.

    Source: InsPro section 4.2 for clipping. Differs from the paper: the
    other two steps, and clipping in training, are ours.

    Args:
        boxes (Tensor): ``(..., 4)``, xyxy pixels.
        whwh (Tensor or tuple): Width and height of the un-padded image,
            twice, broadcastable to ``boxes``; or one pair (w, h).
        min_side (float): Least side in pixels. An image that is smaller
            limits it. Defaults to 8.

    Returns:
        Tensor: ``(..., 4)``, float32 at least.
    """
    boxes = at_least_fp32(boxes)
    if isinstance(whwh, Tensor):
        size = whwh.to(boxes)[..., 2:]
    else:
        size = torch.stack([boxes.new_full((), side) for side in whwh])
    image = torch.cat([torch.zeros_like(size), size], dim=-1)
    boxes = boxes.where(boxes.isfinite().all(-1, keepdim=True), image)
    lower = torch.minimum(boxes[..., :2].clamp(min=0), size)
    upper = torch.minimum(boxes[..., 2:].clamp(min=0), size)
    half = (upper - lower).clamp(min=min_side) / 2
    half = torch.minimum(half, size / 2)
    centre = (lower + upper) / 2
    centre = torch.minimum(torch.maximum(centre, half), size - half)
    return torch.cat([centre - half, centre + half], dim=-1)


def decode_deltas(
    deltas: Tensor,
    boxes: Tensor,
    weights: Sequence[float] = (2., 2., 1., 1.),
    max_log: float = math.log(100000 / 16)
) -> Tensor:
    """Apply deltas of centre and log size to boxes.

    mmdet's ``DeltaXYWHBBoxCoder`` with ``target_stds = 1 / weights``, but
    the log size is limited from above only, nothing is clipped to the image
    and no constant is copied to the device.

    Source: Sparse R-CNN.

    Args:
        deltas (Tensor): ``(..., 4)``: dx, dy, dw, dh.
        boxes (Tensor): ``(..., 4)``, xyxy, what the deltas refer to.
        weights (Sequence[float]): Divisors of the deltas.
            Defaults to (2, 2, 1, 1).
        max_log (float): Largest change of the log size. Defaults to
            ln(100000 / 16).

    Returns:
        Tensor: ``(..., 4)``, xyxy, float32 at least.
    """
    deltas, boxes = at_least_fp32(deltas), at_least_fp32(boxes)
    x1, y1, x2, y2 = boxes.unbind(-1)
    dx, dy, dw, dh = (delta / weight
                      for delta, weight in zip(deltas.unbind(-1), weights))
    width, height = x2 - x1, y2 - y1
    centre_x = dx * width + (x1 + x2) / 2
    centre_y = dy * height + (y1 + y2) / 2
    half_w = dw.clamp(max=max_log).exp() * width / 2
    half_h = dh.clamp(max=max_log).exp() * height / 2
    return torch.stack([
        centre_x - half_w, centre_y - half_h, centre_x + half_w,
        centre_y + half_h
    ], -1)


def rescale_boxes(boxes: Tensor, whwh_from: Tensor, whwh_to: Tensor) -> Tensor:
    """Carry boxes over to an image of another size.

    Args:
        boxes (Tensor): ``(..., 4)``, xyxy pixels.
        whwh_from (Tensor): Width and height of the image of ``boxes``,
            twice, broadcastable to ``boxes``.
        whwh_to (Tensor): The same of the other image.

    Returns:
        Tensor: ``(..., 4)``, xyxy pixels of the other image.
    """
    return boxes * (whwh_to / whwh_from)


def mask_targets(masks: Tensor, stride: int = 4) -> Tensor:
    """Sample masks where the pixels of a stride-4 prediction lie.

    Source: CondInst.

    Args:
        masks (Tensor): ``(..., H, W)``, padded like the input.
        stride (int): Stride of the prediction. Defaults to 4.

    Returns:
        Tensor: ``(..., ceil((H - stride // 2) / stride), ...)``: every
        ``stride``-th row and column, the first at ``stride // 2``.
    """
    start = stride // 2
    return masks[..., start::stride, start::stride]
