"""Contrastive loss of embeddings that have an identity."""
from typing import Optional, Tuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from mmvis_plugin.registry import MODELS
from ..layers.precision import at_least_fp32
from .shared_count import shared_count


def embedding_contrastive_loss(
        embeds: Tensor,
        group_ids: Tensor,
        batch_ids: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
    """Pull embeddings of one identity together and push others away.

    The equations are those of :class:`EmbeddingContrastiveLoss`, without its
    weights. Half precision is computed in float32, also under autocast.

    Args:
        embeds (Tensor): Embeddings of all identities, in any order.
        group_ids (Tensor): Identity of each; every value is an identity,
            -1 too.
        batch_ids (Tensor, optional): Clip of each: equal group ids of two
            clips are two identities, and negatives stay in their clip. None
            if all are of one clip. Defaults to None.

    Returns:
        tuple[Tensor, Tensor]: Loss and cosine auxiliary. Zeros that are
        attached to the graph if no identity has a negative. All processes
        of a training divide by the same number, see :func:`shared_count`.

    Shape:
        - embeds: ``(M, C)``; group_ids, batch_ids: ``(M, )`` long.
        - output: two scalars.
    """
    if batch_ids is None:
        batch_ids = torch.zeros_like(group_ids)
    with torch.autocast(embeds.device.type, enabled=False):
        embeds = at_least_fp32(embeds)
        dots = embeds @ embeds.t()
        unit = F.normalize(embeds, dim=1)
        cosines = unit @ unit.t()
    near = batch_ids[:, None] == batch_ids
    same = near & (group_ids[:, None] == group_ids)
    differ = near & ~same

    # an anchor without negatives is no anchor
    weights = differ.any(dim=1) / same.sum(dim=1).to(dots)
    num_groups = shared_count(weights.sum(), weights.device)
    per_anchor = pairwise_log_ratio(dots, same, differ)
    errors = (cosines - same.to(cosines)).square() * near
    aux = (errors.sum(dim=1) / near.sum(dim=1) * weights).sum() / num_groups
    return per_anchor.sum() / num_groups, aux


def pairwise_log_ratio(dots: Tensor, positive: Tensor,
                       negative: Tensor) -> Tensor:
    r"""Return :math:`\log(1 + \sum_p \sum_n e^{d_n - d_p})` of each row.

    The sum over pairs is a product of sums, so no pair is ever formed.

    Args:
        dots (Tensor): Products of anchors and others.
        positive (Tensor): True for the positives of an anchor.
        negative (Tensor): True for its negatives.

    Returns:
        Tensor: One value per anchor; 0, with zero gradient, for an anchor
        without positives or without negatives.

    Shape:
        - dots, positive, negative: ``(..., M)``.
        - output: ``(..., )``.
    """
    # the lowest number in place of -inf: the gradient of a row without any
    # entry is zero then, not NaN
    lowest = torch.finfo(dots.dtype).min / 4
    negatives = dots.masked_fill(~negative, lowest).logsumexp(dim=-1)
    positives = (-dots).masked_fill(~positive, lowest).logsumexp(dim=-1)
    return F.softplus(negatives + positives)


@MODELS.register_module()
class EmbeddingContrastiveLoss(BaseModule):
    r"""Contrastive loss of embeddings over the frames of a clip.

    With the members :math:`G_i` of identity :math:`i`, :math:`m` identities
    that have a negative, and for an anchor :math:`v \in G_i` the positives
    :math:`P = G_i` and the negatives :math:`N` of all other identities of
    its clip,

    .. math::
        L = \frac1m \sum_i \sum_{v \in G_i} \log\Big(1 + \sum_{p \in P}
        \sum_{n \in N} e^{v \cdot n - v \cdot p}\Big), \qquad
        L_{aux} = \frac1m \sum_i \operatorname{mean}_{v \in G_i,\,
        u \in P \cup N} (\cos(v, u) - [u \in P])^2.

    In distributed training :math:`m` is the mean over the processes, at least
    1.

    Source: CAVIS, Eq. 4 (second line) and 8. Differs from the paper, as the
    released code does: the anchor is one of its positives, the sum over
    anchors is divided by the number of identities, and the auxiliary. Differs
    from the code: queries matched to an object where it is absent are left
    out, there they are one more identity; :math:`m` is shared, there every
    process has its own.

    Args:
        loss_weight (float): Factor on the loss. Defaults to 2.0.
        aux_weight (float): Factor on the auxiliary. Defaults to 2.0.
        keep_absent (bool): Keep embeddings with a negative id, all as one
            identity, as the released code does. Defaults to False.
    """

    def __init__(self,
                 loss_weight: float = 2.0,
                 aux_weight: float = 2.0,
                 keep_absent: bool = False) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.aux_weight = aux_weight
        self.keep_absent = keep_absent

    def forward(self,
                embeds: Tensor,
                group_ids: Tensor,
                batch_ids: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
        """Return the weighted losses.

        Args:
            embeds (Tensor): ``(M, C)``.
            group_ids (Tensor): ``(M, )``; negative where the object that the
                query is matched to is absent.
            batch_ids (Tensor, optional): ``(M, )`` clip of each.

        Returns:
            tuple[Tensor, Tensor]: Loss and auxiliary.
        """
        if not self.keep_absent:
            present = group_ids >= 0
            embeds, group_ids = embeds[present], group_ids[present]
            if batch_ids is not None:
                batch_ids = batch_ids[present]
        loss, aux = embedding_contrastive_loss(embeds, group_ids, batch_ids)
        return self.loss_weight * loss, self.aux_weight * aux
