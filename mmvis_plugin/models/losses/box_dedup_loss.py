"""Box deduplication loss of InsPro."""
from typing import Optional, Union

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmvis_plugin.registry import MODELS
from ..layers.precision import at_least_fp32


def box_dedup_loss(pred_boxes: Tensor,
                   gt_boxes: Tensor,
                   matched_mask: Tensor,
                   k: int = 5,
                   beta: float = 0.1) -> Tensor:
    """Push unmatched boxes off the objects of one image.

    The equation is that of :class:`BoxDedupLoss`.

    Args:
        pred_boxes (Tensor): Predicted boxes of all slots, xyxy pixels.
        gt_boxes (Tensor): Boxes of the visible objects, xyxy pixels.
        matched_mask (Tensor): True for slots that are matched to any object.
        k (int): Negatives per object. Defaults to 5.
        beta (float): Margin on the squared distance in units of the squared
            diagonal of the object. Defaults to 0.1.

    Returns:
        Tensor: Loss of each object in [0, ``beta``].

    Shape:
        - pred_boxes: ``(N, 4)``; gt_boxes: ``(G, 4)``.
        - matched_mask: ``(N, )`` bool.
        - output: ``(G, )``.
    """
    gt_valid = torch.ones_like(gt_boxes[:, 0], dtype=torch.bool)
    return batched_box_dedup_loss(pred_boxes, gt_boxes, gt_valid, matched_mask,
                                  k, beta)


def batched_box_dedup_loss(pred: Tensor,
                           gt: Tensor,
                           gt_valid: Tensor,
                           matched: Tensor,
                           k: int = 5,
                           beta: float = 0.1) -> Tensor:
    """:func:`box_dedup_loss` of many images or stages with padded objects.

    All shapes are fixed: nothing waits for the device. A predicted box that
    is not finite is never a negative and gets no gradient.

    Args:
        pred (Tensor): Predicted boxes, xyxy pixels.
        gt (Tensor): Boxes of the objects, xyxy pixels; padding is finite.
        gt_valid (Tensor): False for padding.
        matched (Tensor): True for slots that are matched to any object.
        k (int): Negatives per object. Defaults to 5.
        beta (float): Margin. Defaults to 0.1.

    Returns:
        Tensor: Loss of each object, zero for padding; attached to the graph
        of ``pred`` even where there is no object.

    Shape:
        - pred: ``(..., N, 4)``; gt: ``(..., G, 4)``.
        - gt_valid: ``(..., G)`` bool; matched: ``(..., N)`` bool.
        - output: ``(..., G)``.
    """
    pred, gt = at_least_fp32(pred), at_least_fp32(gt)
    finite = pred.isfinite().all(-1)
    pred = pred.masked_fill(~finite[..., None], 0.)
    excluded = (matched | ~finite).unsqueeze(-2)  # (..., 1, N)
    with torch.no_grad():
        ious = _pairwise_iou(gt, pred).masked_fill(excluded, -1.)
        ious, ranked = ious.sort(dim=-1, descending=True, stable=True)

    offsets = _centres(gt).unsqueeze(-2) - _centres(pred).unsqueeze(-3)
    diagonals = (gt[..., 2:] - gt[..., :2]).square().sum(-1, keepdim=True)
    distances = offsets.square().sum(-1) / diagonals.clamp(min=1e-6)
    hinges = (beta - distances).clamp(min=0)  # (..., G, N)
    chosen = hinges.gather(-1, ranked[..., :k])
    per_gt = chosen.masked_fill(ious[..., :k] < 0, 0.).sum(-1) / k
    return per_gt.masked_fill(~gt_valid, 0.)


def _centres(boxes: Tensor) -> Tensor:
    return (boxes[..., :2] + boxes[..., 2:]) / 2


def _pairwise_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """IoU ``(..., M, N)``; mmdet's copies its eps from the host, a wait."""

    def area(boxes):
        return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)

    lower = torch.maximum(boxes1[..., :, None, :2], boxes2[..., None, :, :2])
    upper = torch.minimum(boxes1[..., :, None, 2:], boxes2[..., None, :, 2:])
    inter = (upper - lower).clamp(min=0).prod(-1)
    union = area(boxes1)[..., :, None] + area(boxes2)[..., None, :] - inter
    return inter / union.clamp(min=1e-6)


@MODELS.register_module()
class BoxDedupLoss(BaseModule):
    r"""Keep the boxes of free slots away from objects that have a slot.

    For an object with box :math:`b` and the :math:`k` unmatched predictions
    :math:`p_i` of the largest IoU with it (zero counts; ties go to the lower
    slot),

    .. math:: L(b) = \frac1k \sum_{i=1}^k \max\Big(\beta -
        \frac{\lVert c(p_i) - c(b) \rVert^2}{w_b^2 + h_b^2}, 0\Big).

    Negatives that do not exist add nothing and the divisor stays :math:`k`.
    The gradient reaches the centres of the predictions only.

    Source: InsPro, Eq. 4. The paper leaves open what happens with fewer than
    :math:`k` negatives.

    Args:
        k (int): Negatives per object. Defaults to 5.
        beta (float): Margin :math:`\beta`: 0.1 for VIS, 0.15 for ImageNet
            VID. Defaults to 0.1.
        loss_weight (float): Factor on the result. Defaults to 1.0.

    Shape:
        - pred: ``(..., N, 4)``; gt: ``(..., G, 4)``.
        - gt_valid: ``(..., G)`` bool; matched: ``(..., N)`` bool.
        - output: ``(..., G)``, or a scalar if ``avg_factor`` is given.
    """

    def __init__(self,
                 k: int = 5,
                 beta: float = 0.1,
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        if k < 1:
            raise ValueError(f'k must be >= 1, got {k}')
        if beta <= 0:
            raise ValueError(f'beta must be > 0, got {beta}')
        self.k = k
        self.beta = beta
        self.loss_weight = loss_weight

    def forward(self,
                pred: Tensor,
                gt: Tensor,
                gt_valid: Tensor,
                matched: Tensor,
                avg_factor: Optional[Union[float, Tensor]] = None) -> Tensor:
        """Return the weighted loss.

        Args:
            pred (Tensor): Predicted boxes, xyxy pixels.
            gt (Tensor): Padded boxes of the objects, xyxy pixels.
            gt_valid (Tensor): False for padding.
            matched (Tensor): True for slots matched to any object.
            avg_factor (float or Tensor, optional): Divides the sum over all
                objects. None returns the loss of each object.

        Returns:
            Tensor: Scalar with ``avg_factor``, else the loss of each object.
        """
        per_gt = self.loss_weight * batched_box_dedup_loss(
            pred, gt, gt_valid, matched, self.k, self.beta)
        return per_gt if avg_factor is None else per_gt.sum() / avg_factor
