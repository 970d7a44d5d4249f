"""Least precision of geometry and losses."""
import torch
from torch import Tensor


def at_least_fp32(tensor: Tensor) -> Tensor:
    """Return ``tensor`` in float32, or as it is if it is wider.

    Half precision resolves 0.5 pixel at 640: boxes, costs and losses leave
    it under mixed precision.

    Args:
        tensor (Tensor): Of any floating type and shape.

    Returns:
        Tensor: Same values, float32 or float64.
    """
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
