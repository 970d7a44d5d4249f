"""Let pixels attend to a few prototypes instead of to one another."""
from typing import Optional

import torch
from torch import Tensor


def prototype_attention(q: Tensor, mu: Tensor, temp: float = 1.0) -> Tensor:
    r"""Weights with which pixels read prototypes.

    .. math:: a_{nk} = \mathrm{softmax}_k(\tau\, q_n^T \mu_k)

    Differentiable in ``q`` and ``mu``. Half and bfloat16 are computed and
    returned in float32, also under autocast.

    Source: PCAN (arXiv 2106.11958), section 3.1. Its published code has
    :math:`\tau = 1` here, other than in the clustering.

    Args:
        q (Tensor): Queries.
        mu (Tensor): Prototypes, per problem or one set for all.
        temp (float): :math:`\tau`. Defaults to 1.0.

    Returns:
        Tensor: Weights; each pixel's sum to 1. A view whose pixels are
        adjacent in memory, which is the order the read-out wants.

    Shape:
        - q: ``(B, C, N)``; mu: ``(B, C, K)`` or ``(1, C, K)``.
        - output: ``(B, N, K)``.

    Raises:
        ValueError: The shapes or the devices do not fit.
    """
    _check('mu', mu, 'q', q, dim=1)
    with torch.autocast(q.device.type, enabled=False):
        q, mu = _at_least_fp32(q), _at_least_fp32(mu)
        mu = mu.expand(len(q), -1, -1)
        logits = torch.bmm(mu.transpose(1, 2) * temp, q)  # (B, K, N)
        return logits.softmax(dim=1).transpose(1, 2)


def prototype_readout(attn: Tensor, values: Tensor) -> Tensor:
    r"""Read values of prototypes back to pixels.

    .. math:: \rho_n = \sum_k a_{nk} v_k

    Differentiable in both arguments. Half and bfloat16 are computed and
    returned in float32, also under autocast.

    Source: PCAN (arXiv 2106.11958), section 3.1.

    Args:
        attn (Tensor): Weights of :func:`prototype_attention`.
        values (Tensor): Value of each prototype, per problem or one set for
            all; the prototypes themselves, or :func:`prototype_values`.

    Returns:
        Tensor: The read values.

    Shape:
        - attn: ``(B, N, K)``; values: ``(B, C, K)`` or ``(1, C, K)``.
        - output: ``(B, C, N)``.

    Raises:
        ValueError: The shapes or the devices do not fit.
    """
    _check('values', values, 'attn', attn, dim=2)
    with torch.autocast(attn.device.type, enabled=False):
        attn, values = _at_least_fp32(attn), _at_least_fp32(values)
        values = values.expand(len(attn), -1, -1)
        return torch.bmm(values, attn.transpose(1, 2))


def prototype_values(values: Tensor,
                     resp: Tensor,
                     weight: Optional[Tensor] = None,
                     eps: float = 1e-6) -> Tensor:
    r"""Average values of pixels with the responsibilities of a clustering.

    .. math:: v_k = \sum_n q_{nk} v_n, \qquad
        q_{nk} = w_n r_{nk} / (\epsilon + \sum_m w_m r_{mk}),

    which is the last update of :func:`~mmvis_plugin.ops.em_cluster` without
    its norm, for other features of the same pixels. Differentiable in
    ``values``. Half and bfloat16 are computed and returned in float32, also
    under autocast.

    Source: PCAN (arXiv 2106.11958), section 3.1, value prototypes.

    Args:
        values (Tensor): Features of the pixels.
        resp (Tensor): Responsibilities.
        weight (Tensor, optional): Weight of each pixel. Defaults to None.
        eps (float): :math:`\epsilon`. Defaults to 1e-6.

    Returns:
        Tensor: One value per prototype.

    Shape:
        - values: ``(B, C, N)``; resp: ``(B, N, K)``; weight: ``(B, N)``.
        - output: ``(B, C, K)``.

    Raises:
        ValueError: The shapes or the devices do not fit.
    """
    if values.dim() != 3 or resp.shape[:2] != values.shape[::2]:
        raise ValueError('resp must be (B, N, K), as values are '
                         f'{tuple(values.shape)}; got {tuple(resp.shape)}')
    if weight is not None and weight.shape != resp.shape[:2]:
        raise ValueError(f'weight must be {tuple(resp.shape[:2])}, as resp is '
                         f'{tuple(resp.shape)}; got {tuple(weight.shape)}')
    with torch.autocast(values.device.type, enabled=False):
        values, share = _at_least_fp32(values), _at_least_fp32(resp)
        if weight is not None:
            share = share * weight[:, :, None]
        share = share / (eps + share.sum(dim=1, keepdim=True))
        return torch.bmm(values, share)


def _at_least_fp32(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()


def _check(name: str, value: Tensor, other_name: str, other: Tensor,
           dim: int) -> None:
    """Compare shape and device of prototypes with those of pixels."""
    if other.dim() != 3:
        raise ValueError(f'{other_name} must have 3 dimensions, got '
                         f'{tuple(other.shape)}')
    size = ('C', 'K')[dim - 1]
    if (value.dim() != 3 or value.size(0) not in (1, other.size(0))
            or value.size(dim) != other.size(dim) or value.size(2) < 1):
        raise ValueError(
            f'{name} must be (B, C, K) with B = {other.size(0)} or 1, '
            f'{size} = {other.size(dim)} and K >= 1, as {other_name} is '
            f'{tuple(other.shape)}; got {tuple(value.shape)}')
    if value.device != other.device:
        raise ValueError(f'{name} must be on {other.device} like '
                         f'{other_name}, got {value.device}')
