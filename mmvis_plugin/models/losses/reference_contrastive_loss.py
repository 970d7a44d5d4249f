"""Contrastive loss of the references of a tracker."""
from typing import Tuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from mmvis_plugin.registry import MODELS
from ..layers.precision import at_least_fp32
from .embedding_contrastive_loss import pairwise_log_ratio


def reference_contrastive_loss(references: Tensor,
                               slots: Tensor) -> Tuple[Tensor, Tensor]:
    """Keep the references of a slot alike from frame to frame.

    The equations are those of :class:`ReferenceContrastiveLoss`, without its
    weights. Half precision is computed in float32, also under autocast.

    Args:
        references (Tensor): References of the slots of one clip.
        slots (Tensor): Slots that hold an object; they are the anchors.

    Returns:
        tuple[Tensor, Tensor]: Loss and cosine auxiliary; zeros that are
        attached to the graph if there is no anchor.

    Shape:
        - references: ``(R, Q, C)``; slots: ``(J, )`` long.
        - output: two scalars.
    """
    with torch.autocast(references.device.type, enabled=False):
        references = at_least_fp32(references)
        unit = F.normalize(references, dim=-1)
        dots, cosines = (
            torch.cat([
                _products(embeds[1:, slots], embeds[:-1]),
                _products(embeds[1:-1, slots], embeds[2:]),
            ]) for embeds in (references, unit))
    num_slots = references.size(1)
    same = slots[:, None] == torch.arange(num_slots, device=slots.device)
    same = same.expand_as(dots)
    num_items = max(dots[..., 0].numel(), 1)
    # without a second slot there is nothing to tell apart
    weight = float(num_slots > 1) / num_items
    per_item = pairwise_log_ratio(dots, same, ~same)
    errors = (cosines - same.to(cosines)).square().sum(dim=-1) / num_slots
    return per_item.sum() * weight, errors.sum() * weight


def _products(anchors: Tensor, others: Tensor) -> Tensor:
    """Multiply ``(R, J, C)`` with ``(R, Q, C)`` to ``(R, J, Q)``."""
    return anchors @ others.transpose(1, 2)


@MODELS.register_module()
class ReferenceContrastiveLoss(BaseModule):
    r"""Contrastive loss of references in neighbouring frames.

    The reference of slot :math:`j` on a frame is the anchor of one item
    against the frame before and, if there is one, of another against the
    frame after. Its positive :math:`p` is the reference of the same slot
    there, its negatives :math:`n` are those of all other slots:

    .. math:: L = \operatorname{mean}_{items} \log\Big(1 + \sum_n
        e^{v \cdot n - v \cdot p}\Big), \qquad L_{aux} =
        \operatorname{mean}_{items} \operatorname{mean}_{u \in \{p\} \cup N}
        (\cos(v, u) - [u = p])^2.

    The first frame that has references holds no anchor.

    Source: released code of CAVIS, where the configs of YouTube-VIS use it;
    the paper does not name it.

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

    def forward(self, references: Tensor,
                slots: Tensor) -> Tuple[Tensor, Tensor]:
        """Return the weighted losses of one clip.

        Args:
            references (Tensor): ``(R, Q, C)``, frames in order.
            slots (Tensor): ``(J, )`` slots that hold an object.

        Returns:
            tuple[Tensor, Tensor]: Loss and auxiliary.
        """
        loss, aux = reference_contrastive_loss(references, slots)
        return self.loss_weight * loss, self.aux_weight * aux
