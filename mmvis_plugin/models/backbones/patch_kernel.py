"""Kernels of patches of another size."""
from typing import Tuple

import torch.nn.functional as F
from torch import Tensor

from ..layers.precision import at_least_fp32


def resize_patch_kernel(weight: Tensor, size: Tuple[int, int]) -> Tensor:
    """Resize the kernel that turns patches into tokens.

    Bilinear, corner on corner; values are not rescaled. This is how 16 x 16
    kernels are made of the 14 x 14 ones of DINOv2.

    Source: released code of CAVIS.

    Args:
        weight (Tensor): Kernel.
        size (tuple[int, int]): New height and width in pixels.

    Returns:
        Tensor: The same tensor if it has the size already.

    Shape:
        - weight: ``(C, 3, h, w)``; output: ``(C, 3, *size)``.
    """
    if tuple(weight.shape[-2:]) == tuple(size):
        return weight
    resized = F.interpolate(
        at_least_fp32(weight), size, mode='bilinear', align_corners=True)
    return resized.to(weight.dtype)
