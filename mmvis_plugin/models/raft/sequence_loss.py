"""Loss over all refinements of a flow field."""
from typing import Optional, Sequence

import torch
from torch import Tensor


def sequence_loss(flows: Sequence[Tensor],
                  target: Tensor,
                  valid: Optional[Tensor] = None,
                  gamma: float = 0.8,
                  max_flow: float = 400.) -> Tensor:
    r"""L1 distance of every iteration to the true flow, later ones more.

    .. math:: L = \sum_{i=1}^N \gamma^{N-i} \, \mathrm{mean} |f - f_i|,

    the mean over both components of all pixels; pixels that are not valid,
    whose flow is not finite or longer than ``max_flow`` count as zero.

    Source: RAFT, Eq. 7.

    Args:
        flows (Sequence[Tensor]): Flow after each iteration.
        target (Tensor): True flow in pixels.
        valid (Tensor, optional): Whether the true flow is known. None for
            everywhere. Defaults to None.
        gamma (float): See above. Defaults to 0.8.
        max_flow (float): In pixels. Defaults to 400.

    Returns:
        Tensor: Scalar.

    Shape:
        - flows: ``(B, 2, H, W)`` each; target: ``(B, 2, H, W)``.
        - valid: ``(B, H, W)`` bool.
    """
    known = _known(target, valid) & (target.norm(dim=1) < max_flow)
    target = target.masked_fill(~known[:, None], 0.)
    total = target.new_zeros(())
    for i, flow in enumerate(flows):
        error = (flow - target).abs().masked_fill(~known[:, None], 0.)
        total = total + gamma**(len(flows) - 1 - i) * error.mean()
    return total


def end_point_error(flow: Tensor,
                    target: Tensor,
                    valid: Optional[Tensor] = None) -> Tensor:
    """Mean length of the error of a flow field.

    Args:
        flow (Tensor): Flow in pixels.
        target (Tensor): True flow in pixels.
        valid (Tensor, optional): Whether the true flow is known. None for
            everywhere. Defaults to None.

    Returns:
        Tensor: Scalar in pixels, over the valid pixels whose true flow is
        finite; NaN if there is none.

    Shape:
        - flow, target: ``(B, 2, H, W)``; valid: ``(B, H, W)`` bool.
    """
    return (flow - target).norm(dim=1)[_known(target, valid)].mean()


def _known(target: Tensor, valid: Optional[Tensor]) -> Tensor:
    finite = target.isfinite().all(dim=1)
    return finite if valid is None else finite & valid.to(torch.bool)
