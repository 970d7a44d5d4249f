"""EM clustering in plain torch: the oracle of the compiled operator."""
from typing import Optional, Tuple

import torch
from torch import Tensor


@torch.no_grad()
def em_cluster_torch(x: Tensor,
                     mu: Tensor,
                     num_iters: int,
                     weight: Optional[Tensor] = None,
                     temp: float = 20.0,
                     eps: float = 1e-6) -> Tuple[Tensor, Tensor]:
    """:func:`~mmvis_plugin.ops.em_cluster` for every device and float type.

    The equations stand there. Nothing is checked; computes in the type of
    its arguments and writes the responsibilities of every iteration.

    Args:
        x (Tensor): Pixels.
        mu (Tensor): Start values.
        num_iters (int): Iterations, at least 1.
        weight (Tensor, optional): Weight of each pixel. Defaults to None.
        temp (float): Factor on the dot products. Defaults to 20.0.
        eps (float): Added to denominators. Defaults to 1e-6.

    Returns:
        tuple[Tensor, Tensor]: Prototypes and responsibilities.

    Shape:
        - x: ``(B, C, N)``; mu: ``(B, C, K)`` or ``(1, C, K)``.
        - weight: ``(B, N)``.
        - output: ``(B, C, K)`` and ``(B, N, K)``.
    """
    mu = mu.expand(len(x), -1, -1)
    for _ in range(num_iters):
        logits = torch.einsum('bcn,bck->bnk', x, mu)
        resp = (temp * logits).softmax(dim=2)
        share = resp if weight is None else resp * weight[:, :, None]
        share = share / (eps + share.sum(dim=1, keepdim=True))
        mu = torch.einsum('bcn,bnk->bck', x, share)
        mu = mu / (eps + mu.norm(dim=1, keepdim=True))
    return mu, resp
