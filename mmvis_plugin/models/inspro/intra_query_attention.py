"""Intra-query attention over the features of past frames."""
from typing import Optional, Tuple, Union

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmvis_plugin.registry import MODELS
from ..layers.precision import at_least_fp32


def intra_query_attention(
        bank: Tensor,
        valid: Tensor,
        weight: Tensor,
        bias: Optional[Union[Tensor, float]] = None) -> Tuple[Tensor, Tensor]:
    r"""Query of the next frame from the features of the last frames.

    .. math:: q_t^i = \sum_j \alpha_j^i o_j^i + o_t^i, \qquad
        \alpha^i = \mathrm{softmax}_j(w \cdot o_j^i + b).

    Slots do not mix; the softmax runs over the frames :math:`j` in the bank.
    The last valid row is the current frame :math:`t`.

    Source: InsPro, Eq. 1.

    Args:
        bank (Tensor): Object features, oldest first.
        valid (Tensor): False for rows that hold no frame; their values are
            not read. At least one row is valid.
        weight (Tensor): :math:`w`: one weight per (slot, frame), or a matrix
            for one weight per channel.
        bias (Tensor or float, optional): :math:`b`. Has no effect on the
            result. Defaults to None.

    Returns:
        tuple[Tensor, Tensor]: The query and the weights :math:`\alpha`
        (zero on invalid rows).

    Shape:
        - bank: ``(T, N, C)`` or ``(T, B, N, C)``.
        - valid: ``(T, )``, or ``(T, B)`` for the second form of the bank.
        - weight: ``(C, )`` or ``(C, C)``.
        - query: bank without ``T``; attn: bank without ``C`` (with ``C`` if
          the weight is a matrix).
    """
    matrix = weight if weight.dim() == 2 else weight[None]
    bank, attn = _weigh_frames(bank, valid, matrix, bias)
    rows = torch.arange(len(valid), device=valid.device)
    rows = rows.view(-1, *[1] * (valid.dim() - 1))
    is_last = rows == (rows * valid).amax(dim=0)
    current = (bank * _expand_to(is_last, bank)).sum(dim=0)
    query = (attn * bank).sum(dim=0) + current
    return query, attn if weight.dim() == 2 else attn.squeeze(-1)


def _expand_to(valid: Tensor, bank: Tensor) -> Tensor:
    return valid.view(*valid.shape, *[1] * (bank.dim() - valid.dim()))


def _weigh_frames(
        bank: Tensor, valid: Tensor, weight: Tensor,
        bias: Optional[Union[Tensor, float]]) -> Tuple[Tensor, Tensor]:
    """Blank invalid rows and return the bank and its softmax weights."""
    empty = _expand_to(~valid, bank)
    # zeros, as 0 * inf of a row without a frame would still be NaN
    bank = at_least_fp32(bank).masked_fill(empty, 0.)
    scores = F.linear(bank, weight.to(bank.dtype))
    if bias is not None:
        scores = scores + bias
    return bank, scores.masked_fill(empty, -torch.inf).softmax(dim=0)


@MODELS.register_module()
class IntraQueryAttention(BaseModule):
    """:func:`intra_query_attention` with a learned weight.

    Differs from the paper: starts from the plain mean over the frames (zero
    weight), which the paper does not specify. Whether the weight is one per
    frame or one per channel it leaves open, too.

    Args:
        embed_dims (int): Channels ``C`` of the features. Defaults to 256.
        channelwise (bool): One weight per channel instead of one per
            (slot, frame). Defaults to False.
        init_cfg (dict, optional): Initialisation config. Defaults to None.
    """

    def __init__(self,
                 embed_dims: int = 256,
                 channelwise: bool = False,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.fc = nn.Linear(embed_dims, embed_dims if channelwise else 1)
        self._zero_init()

    def init_weights(self) -> None:
        """Set weight and bias to zero: all frames count the same."""
        super().init_weights()
        self._zero_init()

    def _zero_init(self) -> None:
        nn.init.zeros_(self.fc.weight)
        nn.init.zeros_(self.fc.bias)

    def forward(self, bank: Tensor, valid: Tensor, current: Tensor) -> Tensor:
        """Return the query of the next frame.

        Args:
            bank (Tensor): ``(T, B, N, C)`` object features **including** the
                current frame, in any order.
            valid (Tensor): ``(T, )`` or ``(T, B)`` bool, False for rows that
                hold no frame.
            current (Tensor): ``(B, N, C)`` features of the current frame.

        Returns:
            Tensor: ``(B, N, C)``, type of ``current``.
        """
        with torch.autocast(bank.device.type, enabled=False):
            bank, attn = _weigh_frames(bank, valid, self.fc.weight,
                                       self.fc.bias)
            query = (attn * bank).sum(dim=0) + current
        return query.to(current.dtype)
