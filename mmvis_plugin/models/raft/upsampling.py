"""Flow at an eighth of the resolution brought to that of the frame."""
from typing import Optional

import torch.nn.functional as F
from torch import Tensor


def upsample_flow(flow: Tensor, mask: Optional[Tensor] = None) -> Tensor:
    """Upsample flow eightfold, and its values with it.

    With a mask every pixel is a convex combination of the 3 x 3 cells
    around its own; without one the flow is interpolated bilinearly with the
    corners aligned.

    Source: RAFT, section 3.3.

    Args:
        flow (Tensor): In cells.
        mask (Tensor, optional): Logits; the 9 neighbours are the slow index,
            then rows and columns inside a cell. Defaults to None.

    Returns:
        Tensor: In pixels.

    Shape:
        - flow: ``(B, 2, h, w)``; mask: ``(B, 576, h, w)``.
        - output: ``(B, 2, 8 * h, 8 * w)``.
    """
    batch, _, height, width = flow.shape
    if mask is None:
        return 8 * F.interpolate(
            flow,
            size=(8 * height, 8 * width),
            mode='bilinear',
            align_corners=True)
    weights = mask.view(batch, 1, 9, 8, 8, height, width).softmax(dim=2)
    around = F.unfold(8 * flow, 3, padding=1)
    around = around.view(batch, 2, 9, 1, 1, height, width)
    fine = (weights * around).sum(dim=2)  # (B, 2, 8, 8, h, w)
    fine = fine.permute(0, 1, 4, 2, 5, 3)
    return fine.reshape(batch, 2, 8 * height, 8 * width)
