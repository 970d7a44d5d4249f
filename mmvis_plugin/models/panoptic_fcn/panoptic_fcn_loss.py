"""Losses of positions and of the masks of their kernels."""
from typing import Callable, Dict, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss
from torch import Tensor

from ..layers.precision import at_least_fp32
from ..losses.shared_count import shared_count
from .panoptic_fcn_outputs import PanopticFCNOutputs
from .panoptic_fcn_targets import PanopticFCNTargets
from .thing_targets import ThingTargets


def panoptic_fcn_losses(outputs: PanopticFCNOutputs,
                        targets: PanopticFCNTargets,
                        thing_embed: Callable[[Tensor], Tensor],
                        stuff_embed: Callable[[Tensor], Tensor],
                        num_positions: int = 7) -> Dict[str, Tensor]:
    """Losses of positions and masks of things and stuff, not weighted.

    Differs from the paper: things and stuff are divided by their own
    numbers, as in the published code, and not by the sum of both. Differs
    from the code: in distributed training these numbers are means over the
    processes, see :func:`shared_count`.

    Source: PanopticFCN, Eq. 4 to 8.

    Args:
        outputs (PanopticFCNOutputs): Maps of a batch.
        targets (PanopticFCNTargets): Targets of the batch.
        thing_embed (Callable): Maps kernels ``(..., D)`` of things to
            ``(..., C)``.
        stuff_embed (Callable): The same for stuff.
        num_positions (int): Cells per thing. Defaults to 7.

    Returns:
        dict[str, Tensor]: Scalars ``loss_{pos,seg}_{th,st}``.
    """
    centers, regions, kernels, encoded = outputs
    rows, weights = gather_thing_kernels(centers, kernels, targets.things,
                                         targets.masks, targets.labels,
                                         targets.images, num_positions)
    assigned = torch.cat([target.assigned for target in targets.things])
    pooled, images, classes = gather_stuff_kernels(kernels, targets.regions)
    return dict(
        loss_pos_th=thing_position_loss(centers, targets.things),
        loss_pos_st=stuff_position_loss(regions, targets.regions),
        loss_seg_th=weighted_dice_loss(
            thing_embed(rows), weights, encoded, targets.masks[assigned],
            targets.images[assigned]),
        loss_seg_st=weighted_dice_loss(
            stuff_embed(pooled)[:, None], weights.new_ones(len(pooled), 1),
            encoded, targets.shares[images, classes], images))


def thing_position_loss(logits: Sequence[Tensor],
                        targets: Sequence[ThingTargets],
                        alpha: float = 0.25,
                        gamma: float = 2.) -> Tensor:
    """Focal loss of centres over the number of assigned instances.

    Source: PanopticFCN, Eq. 4.

    Args:
        logits (Sequence[Tensor]): ``(B, C, h, w)`` of each level.
        targets (Sequence[ThingTargets]): Of each level.
        alpha (float): Weight of the foreground. Defaults to 0.25.
        gamma (float): Focusing exponent. Defaults to 2.

    Returns:
        Tensor: Scalar; divided by the :func:`shared_count` of instances.
    """
    total = sum(
        _focal(logit, target.heat, alpha, gamma).sum()
        for logit, target in zip(logits, targets))
    count = sum(len(target.assigned) for target in targets)
    return total / shared_count(count, total.device)


def stuff_position_loss(logits: Sequence[Tensor],
                        regions: Sequence[Tensor],
                        alpha: float = 0.25,
                        gamma: float = 2.) -> Tensor:
    """Focal loss of regions, mean over cells and images, sum over the rest.

    Source: PanopticFCN, Eq. 4.

    Args:
        logits (Sequence[Tensor]): ``(B, C, h, w)`` of each level.
        regions (Sequence[Tensor]): Targets of the same shapes.
        alpha (float): Weight of the foreground. Defaults to 0.25.
        gamma (float): Focusing exponent. Defaults to 2.

    Returns:
        Tensor: Scalar.
    """
    return sum(
        _focal(logit, region, alpha, gamma).mean(dim=(2, 3)).sum() / len(logit)
        for logit, region in zip(logits, regions))


def _focal(logits: Tensor, target: Tensor, alpha: float,
           gamma: float) -> Tensor:
    return py_sigmoid_focal_loss(
        at_least_fp32(logits),
        target,
        gamma=gamma,
        alpha=alpha,
        reduction='none')


def gather_thing_kernels(centers: Sequence[Tensor], kernels: Sequence[Tensor],
                         targets: Sequence[ThingTargets], masks: Tensor,
                         labels: Tensor, images: Tensor,
                         num_positions: int) -> Tuple[Tensor, Tensor]:
    """Kernels of the best cells of every assigned instance.

    The best cells are those of its mask (above 0.1) with the most likely
    centre of its class; their weights are these probabilities, normalised,
    and gradients flow through them. Cells that a level does not have weigh
    nothing.

    Source: PanopticFCN, Eq. 6 and 7.

    Args:
        centers (Sequence[Tensor]): Logits ``(B, C, h, w)`` of each level.
        kernels (Sequence[Tensor]): ``(B, D, h, w)`` of each level.
        targets (Sequence[ThingTargets]): Of each level.
        masks (Tensor): Soft masks on the canvas of stride 4.
        labels (Tensor): Classes of the instances.
        images (Tensor): Images of the instances.
        num_positions (int): Cells per instance ``k``.

    Returns:
        tuple[Tensor, Tensor]: Kernels ``(A, k, D)`` and weights ``(A, k)``
        of all assignments, level by level.

    Shape:
        - masks: ``(n, H / 4, W / 4)``; labels, images: ``(n, )``.
    """
    all_kernels, all_weights = [], []
    for center, kernel, target in zip(centers, kernels, targets):
        rows = target.assigned
        size = center.shape[-2:]
        inside = _resize(masks[rows], size) > 0.1
        guide = at_least_fp32(center[images[rows], labels[rows]]).sigmoid()
        guide = (guide * inside).flatten(1)
        num = min(num_positions, guide.size(1))
        values, cells = guide.topk(num, dim=1)
        weights = values / values.sum(dim=1, keepdim=True).clamp(min=1e-8)
        chosen = kernel.flatten(2).transpose(1, 2)[images[rows][:, None],
                                                   cells]
        missing = num_positions - num
        all_kernels.append(F.pad(chosen, (0, 0, 0, missing)))
        all_weights.append(F.pad(weights, (0, missing)))
    return torch.cat(all_kernels), torch.cat(all_weights)


def _resize(masks: Tensor, size: Tuple[int, int]) -> Tensor:
    if len(masks) == 0:
        return masks.new_zeros((0, *size))
    return F.interpolate(
        masks[None], size=tuple(size), mode='bilinear', align_corners=False)[0]


def gather_stuff_kernels(
        kernels: Sequence[Tensor],
        regions: Sequence[Tensor]) -> Tuple[Tensor, Tensor, Tensor]:
    """Average-pooled kernel of every region that is present.

    The sum over the region is divided by the cells of the whole level, not
    by those of the region.

    Source: PanopticFCN, section 3.2.3 and its published code.

    Args:
        kernels (Sequence[Tensor]): ``(B, D, h, w)`` of each level.
        regions (Sequence[Tensor]): ``(B, C, h, w)``, not zero in a region.

    Returns:
        tuple[Tensor, Tensor, Tensor]: Kernels ``(A, D)``, their images and
        their classes ``(A, )``, level by level.
    """
    pooled, images, classes = [], [], []
    for kernel, region in zip(kernels, regions):
        region = (region > 0).to(kernel)
        sums = torch.einsum('bdhw,bchw->bcd', kernel, region)
        image, label = region.flatten(2).any(dim=2).nonzero(as_tuple=True)
        num_cells = region.size(2) * region.size(3)
        pooled.append(sums[image, label] / num_cells)
        images.append(image)
        classes.append(label)
    return torch.cat(pooled), torch.cat(images), torch.cat(classes)


def weighted_dice_loss(embeddings: Tensor, weights: Tensor, encoded: Tensor,
                       masks: Tensor, images: Tensor) -> Tensor:
    r"""Dice loss of the masks of some kernels of each object.

    .. math:: L_j = \sum_q w_q \Big(1 - \frac{2 \sum P_q Y_j}
        {\max(\sum P_q^2 + \sum Y_j^2, 10^{-8})}\Big), \qquad
        P_q = \sigma(k_q \cdot F)

    Source: PanopticFCN, Eq. 6.

    Args:
        embeddings (Tensor): Kernels :math:`k`.
        weights (Tensor): :math:`w`.
        encoded (Tensor): Features :math:`F`.
        masks (Tensor): Soft masks :math:`Y`.
        images (Tensor): Image of each object.

    Returns:
        Tensor: Scalar, mean over objects, by their :func:`shared_count`; 0
        if there is none.

    Shape:
        - embeddings: ``(A, k, C)``; weights: ``(A, k)``.
        - encoded: ``(B, C, h, w)``; masks: ``(A, h, w)``; images: ``(A, )``.
    """
    total = weights.new_zeros(())
    for image, feature in enumerate(encoded):
        rows = (images == image).nonzero()[:, 0]
        logits = embeddings[rows] @ feature.flatten(1)
        probs = at_least_fp32(logits).sigmoid()
        target = masks[rows].flatten(1)[:, None]
        inter = (probs * target).sum(dim=2)
        norm = probs.square().sum(dim=2) + target.square().sum(dim=2)
        dice = 1 - 2 * inter / norm.clamp(min=1e-8)
        total = total + (weights[rows] * dice).sum()
    return total / shared_count(len(embeddings), total.device)
