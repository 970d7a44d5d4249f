"""Masks of slots from their embeddings."""
import torch
from torch import Tensor


def slot_masks(mask_embeds: Tensor, mask_features: Tensor) -> Tensor:
    """Multiply the mask embeddings of slots with pixel embeddings.

    Args:
        mask_embeds (Tensor): Mask embeddings of the slots on each frame.
        mask_features (Tensor): Pixel embeddings of each frame.

    Returns:
        Tensor: Mask logits.

    Shape:
        - mask_embeds: ``(..., T, Q, C)``; mask_features: ``(..., T, C, H,
          W)``, where leading dimensions may differ as far as they broadcast.
        - output: ``(..., Q, T, H, W)``.
    """
    # unlike a product of matrices, it does not copy what it broadcasts
    return torch.einsum('...tqc,...tchw->...qthw', mask_embeds, mask_features)
