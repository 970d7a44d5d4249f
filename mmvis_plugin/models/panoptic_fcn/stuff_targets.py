"""Regions of stuff that the position head should find."""
from typing import Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


def soft_labels(sem: Tensor, num_classes: int, canvas: Tuple[int,
                                                             int]) -> Tensor:
    """Shares of the classes in the cells of a canvas of stride 4.

    Args:
        sem (Tensor): Labels; 255, and any other that is not a class, counts
            for none.
        num_classes (int): Classes.
        canvas (tuple[int, int]): Height and width of the padded input over
            4; what the map does not cover is zero.

    Returns:
        Tensor: float32 in [0, 1].

    Shape:
        - sem: ``(H, W)``; output: ``(num_classes, *canvas)``.
    """
    classes = torch.arange(num_classes, device=sem.device)
    return to_canvas((sem == classes[:, None, None]).float(), canvas)


def to_canvas(masks: Tensor, canvas: Tuple[int, int]) -> Tensor:
    """Reduce masks to a stride of 4 and put them on a canvas, upper left.

    Args:
        masks (Tensor): Masks of the size of the image.
        canvas (tuple[int, int]): Height and width of the padded input over
            4.

    Returns:
        Tensor: float32.

    Shape:
        - masks: ``(n, H, W)``; output: ``(n, *canvas)``.
    """
    height, width = ((side + 2) // 4 for side in masks.shape[-2:])
    if len(masks) == 0 or height * width == 0:
        return masks.new_zeros((len(masks), *canvas), dtype=torch.float32)
    small = F.interpolate(
        masks[None].float(),
        size=(height, width),
        mode='bilinear',
        align_corners=False)[0]
    return F.pad(small, (0, canvas[1] - width, 0, canvas[0] - height))


def stuff_targets(
        shares: Tensor,
        level_sizes: Sequence[Tuple[int, int]]) -> Tuple[Tensor, ...]:
    """Regions of every level: shares of a half and more, less is zero.

    Source: PanopticFCN, section 3.2.1 and its published code.

    Args:
        shares (Tensor): As of :func:`soft_labels`.
        level_sizes (Sequence[tuple[int, int]]): Height and width of the
            levels.

    Returns:
        tuple[Tensor]: ``(B, C, h, w)`` for each level.

    Shape:
        - shares: ``(B, C, H / 4, W / 4)``.
    """
    regions = []
    for size in level_sizes:
        level = F.interpolate(
            shares, size=tuple(size), mode='bilinear', align_corners=False)
        level = level.clamp(max=1)
        regions.append(level * (level >= 0.5))
    return tuple(regions)
