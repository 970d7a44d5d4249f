"""Clustering of pixels into prototypes by expectation maximisation."""
import math
from typing import Optional, Tuple

import torch
from torch import Tensor

from .em_cluster_torch import em_cluster_torch
from .ext_loader import ext_devices, load_ext

MAX_CLUSTERS = 64  # of the compiled operator
MAX_CHANNELS = 512


@torch.no_grad()
def em_cluster(x: Tensor,
               mu: Tensor,
               num_iters: int,
               weight: Optional[Tensor] = None,
               temp: float = 20.0,
               eps: float = 1e-6,
               *,
               with_resp: bool = True) -> Tuple[Tensor, Optional[Tensor]]:
    r"""Condense N pixels into K prototypes of unit length.

    From the start values :math:`\mu` on, every iteration computes

    .. math::
        r_{nk} &= \mathrm{softmax}_k(\tau\, x_n^T \mu_k) \\
        q_{nk} &= w_n r_{nk} / (\epsilon + \sum_m w_m r_{mk}) \\
        \hat\mu_k &= \sum_n q_{nk} x_n, \qquad
        \mu_k = \hat\mu_k / (\epsilon + \lVert \hat\mu_k \rVert_2).

    All iterations run in one call of the compiled operator, which keeps
    :math:`r` in the cache; without it, on other devices, in float64, and for
    K > 64 or C > 512 the same is computed in plain torch
    (:func:`em_cluster_torch`). No gradient flows through either.

    Numbers: half, bfloat16 and float32 are computed and returned in float32,
    also under autocast; float64 in float64. A cluster without any weight
    (:math:`w_n = 0` for all n) becomes exactly 0. A NaN or infinity in ``x``,
    ``mu`` or ``weight`` of a problem makes all its prototypes NaN and leaves
    the other problems of the batch alone. The compiled operator gives the
    same bits with any number of threads, and on a GPU in every run.

    Source: PCAN (arXiv 2106.11958), section 3.1, with the factor 20, the
    norms and the values of :math:`\epsilon` of its published code.

    Args:
        x (Tensor): Pixels, of any strides.
        mu (Tensor): Start values, per problem or one set for all; not
            changed.
        num_iters (int): Iterations, at least 1.
        weight (Tensor, optional): Weight of each pixel, bool or of the type
            of ``x``, not negative. On a GPU a weight that is not bool is
            waited for once, to see that. Defaults to None: all 1.
        temp (float): :math:`\tau`. Defaults to 20.0.
        eps (float): :math:`\epsilon`. Defaults to 1e-6.
        with_resp (bool): Return the responsibilities; without them pixels of
            weight 0 cost nothing. Defaults to True.

    Returns:
        tuple[Tensor, Tensor | None]: Prototypes, and the :math:`r` of the
        last iteration, that is, before its update of the prototypes and
        without weights.

    Shape:
        - x: ``(B, C, N)``; B and N may be 0.
        - mu: ``(B, C, K)`` or ``(1, C, K)``.
        - weight: ``(B, N)``.
        - output: ``(B, C, K)`` and ``(B, N, K)``.

    Raises:
        ValueError: An argument has a wrong shape, type, device or value.
    """
    _check(x, mu, num_iters, weight, temp, eps)
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    x = x.to(dtype)
    mu = mu.to(dtype)
    weight = None if weight is None else weight.to(dtype)
    if _compiled_for(x, mu):
        result = _em_cluster_ext(x, mu, num_iters, weight, temp, eps,
                                 with_resp)
        if result is not None:
            return result
    with torch.autocast(x.device.type, enabled=False):
        mu, resp = em_cluster_torch(x, mu, num_iters, weight, temp, eps)
    return mu, resp if with_resp else None


def _compiled_for(x: Tensor, mu: Tensor) -> bool:
    return (x.device.type in ext_devices() and x.dtype == torch.float32
            and mu.size(1) <= MAX_CHANNELS and mu.size(2) <= MAX_CLUSTERS)


def _em_cluster_ext(
        x: Tensor, mu: Tensor, num_iters: int, weight: Optional[Tensor],
        temp: float, eps: float,
        with_resp: bool) -> Optional[Tuple[Tensor, Optional[Tensor]]]:
    """Return None if the device has too little shared memory for C and K."""
    batch, channels, num = x.shape
    clusters = mu.size(2)
    out = mu.new_empty(batch, channels, clusters).copy_(mu)
    resp = mu.new_empty(batch, num, clusters) if with_resp else None
    weight = None if weight is None else weight.contiguous()
    done = batch == 0 or load_ext().em_cluster(x, out, weight, resp, num_iters,
                                               temp, eps)
    return (out, resp) if done else None


def _check(x: Tensor, mu: Tensor, num_iters: int, weight: Optional[Tensor],
           temp: float, eps: float) -> None:
    if x.dim() != 3 or x.size(1) < 1 or not x.is_floating_point():
        raise ValueError('x must be floats of shape (B, C, N), got '
                         f'{_describe(x)}')
    batch, channels, num = x.shape
    if (mu.dim() != 3 or mu.size(0) not in (1, batch) or mu.size(1) != channels
            or mu.size(2) < 1):
        raise ValueError(
            f'mu must be ({batch}, {channels}, K) or (1, {channels}, K) with '
            f'K >= 1, as x is {tuple(x.shape)}; got {tuple(mu.shape)}')
    _check_kind('mu', mu, x, False)
    if isinstance(num_iters, bool) or int(num_iters) != num_iters or \
            num_iters < 1:
        raise ValueError(f'num_iters must be an integer >= 1, got {num_iters}')
    if not math.isfinite(temp):
        raise ValueError(f'temp must be finite, got {temp}')
    if not 0 <= eps < math.inf:
        raise ValueError(f'eps must be finite and >= 0, got {eps}')
    if weight is None:
        return
    if weight.shape != (batch, num):
        raise ValueError(f'weight must be ({batch}, {num}), as x is '
                         f'{tuple(x.shape)}; got {tuple(weight.shape)}')
    _check_kind('weight', weight, x, True)
    if weight.dtype != torch.bool and (weight < 0).any():
        raise ValueError('weight must not be negative, got '
                         f'{weight.min().item()}')


def _check_kind(name: str, value: Tensor, x: Tensor,
                may_be_bool: bool) -> None:
    """Compare device and type; autocast may mix floats, as it does itself."""
    if value.device != x.device:
        raise ValueError(f'{name} must be on {x.device} like x, got '
                         f'{value.device}')
    if value.dtype == x.dtype or may_be_bool and value.dtype == torch.bool:
        return
    if not value.is_floating_point() or not _in_autocast(x.device.type):
        also = ' or bool' if may_be_bool else ''
        raise ValueError(f'{name} must be {x.dtype} like x{also}, got '
                         f'{value.dtype}')


def _in_autocast(device_type: str) -> bool:
    if device_type == 'cpu':
        return torch.is_autocast_cpu_enabled()
    return device_type == 'cuda' and torch.is_autocast_enabled()


def _describe(x: Tensor) -> str:
    return f'{tuple(x.shape)} of {x.dtype}'
