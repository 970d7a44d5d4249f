"""Prototypical cross-frame contrastive loss of CAVIS."""
from typing import Sequence, Tuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from mmvis_plugin.registry import MODELS
from ..layers.precision import at_least_fp32
from .embedding_contrastive_loss import embedding_contrastive_loss


def prototype_contrastive_loss(
        mask_features: Tensor,
        gt_masks: Sequence[Tensor]) -> Tuple[Tensor, Tensor]:
    """Contrast the mean pixel embeddings of objects over the frames.

    The equations are those of :class:`PCCLoss`, without its weights. Half
    precision is computed in float32, also under autocast.

    Args:
        mask_features (Tensor): Pixel embeddings of B clips.
        gt_masks (Sequence[Tensor]): Masks of the objects of each clip,
            padded like its frames.

    Returns:
        tuple[Tensor, Tensor]: Loss and cosine auxiliary; zeros that are
        attached to the graph if there is nothing to contrast. Normalised as
        :func:`embedding_contrastive_loss`.

    Shape:
        - mask_features: ``(B, T, C, H, W)``.
        - gt_masks: B tensors ``(N, T, 4H, 4W)``, bool or uint8.
        - output: two scalars.
    """
    protos, groups, clips = [], [], []
    for clip, (features, masks) in enumerate(zip(mask_features, gt_masks)):
        if len(masks) < 2:
            continue
        means, valid = mask_prototypes(features, masks)
        if not valid.any(dim=1).all():
            continue
        group = torch.arange(len(means), device=valid.device)
        protos.append(means[valid])
        groups.append(group[:, None].expand_as(valid)[valid])
        clips.append(torch.full_like(groups[-1], clip))
    if not groups:
        # processes that have prototypes wait for this one to count none
        protos = [at_least_fp32(mask_features[:0, 0, :, 0, 0])]
        groups = clips = [
            torch.zeros(0, dtype=torch.long, device=mask_features.device)
        ]
    return embedding_contrastive_loss(
        torch.cat(protos), torch.cat(groups), torch.cat(clips))


def mask_prototypes(mask_features: Tensor,
                    masks: Tensor) -> Tuple[Tensor, Tensor]:
    """Average the pixel embeddings inside the masks of one clip.

    The masks are reduced bilinearly to the size of the embeddings and weigh
    the average as they are.

    Args:
        mask_features (Tensor): Pixel embeddings.
        masks (Tensor): Masks of the objects, of any type.

    Returns:
        tuple[Tensor, Tensor]: Prototypes, float32 at least, and whether any
        weight is left of the mask. Others are zero and without gradient.

    Shape:
        - mask_features: ``(T, C, H, W)``; masks: ``(N, T, 4H, 4W)``.
        - output: ``(N, T, C)`` and ``(N, T)`` bool.
    """
    with torch.autocast(mask_features.device.type, enabled=False):
        features = at_least_fp32(mask_features).flatten(2)
        weights = F.interpolate(
            masks.to(features),
            mask_features.shape[-2:],
            mode='bilinear',
            align_corners=False).flatten(2)
        total = weights.sum(dim=-1)
        sums = torch.einsum('ntp,tcp->ntc', weights, features)
    valid = total > 0
    # not a quotient of zeros that is thrown away: its gradient is NaN
    return sums / total.masked_fill(~valid, 1.)[..., None], valid


@MODELS.register_module()
class PCCLoss(BaseModule):
    r"""Prototypical cross-frame contrastive loss.

    The prototype of object :math:`n` on frame :math:`t` is

    .. math:: \eta_t^n = \frac{\sum_p w_p F_t^p}{\sum_p w_p}

    with the pixel embeddings :math:`F_t` and the mask :math:`w` of the
    object, reduced bilinearly. The prototypes of an object over the frames
    are one identity of :class:`EmbeddingContrastiveLoss`; negatives are the
    other objects of the clip. An empty mask has no prototype. A clip with
    fewer than two objects, or with an object whose masks are all empty, adds
    nothing.

    Source: CAVIS, Eq. 11. Differs from the paper, as the released code does:
    masks are those of the annotation.

    Args:
        loss_weight (float): Factor on the loss. Defaults to 2.0.
        aux_weight (float): Factor on the auxiliary. Defaults to 2.0.
    """

    def __init__(self,
                 loss_weight: float = 2.0,
                 aux_weight: float = 2.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.aux_weight = aux_weight

    def forward(self, mask_features: Tensor,
                gt_masks: Sequence[Tensor]) -> Tuple[Tensor, Tensor]:
        """Return the weighted losses.

        Args:
            mask_features (Tensor): ``(B, T, C, H, W)``.
            gt_masks (Sequence[Tensor]): B tensors ``(N, T, 4H, 4W)``.

        Returns:
            tuple[Tensor, Tensor]: Loss and auxiliary.
        """
        loss, aux = prototype_contrastive_loss(mask_features, gt_masks)
        return self.loss_weight * loss, self.aux_weight * aux
