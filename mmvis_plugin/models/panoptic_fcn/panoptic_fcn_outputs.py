"""What the heads of PanopticFCN say about a batch."""
from typing import NamedTuple, Tuple

from torch import Tensor


class PanopticFCNOutputs(NamedTuple):
    """Maps of a batch.

    Attributes:
        centers (tuple[Tensor]): Logits ``(B, num_things, h, w)`` of P3 to
            P7.
        regions (tuple[Tensor]): Logits ``(B, num_semantic, h, w)``.
        kernels (tuple[Tensor]): ``(B, D, h, w)``.
        encoded (Tensor): ``(B, C, H / 4, W / 4)``.
    """
    centers: Tuple[Tensor, ...]
    regions: Tuple[Tensor, ...]
    kernels: Tuple[Tensor, ...]
    encoded: Tensor
