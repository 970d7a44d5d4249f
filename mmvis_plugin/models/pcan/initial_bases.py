"""Prototypes that EM starts from."""
import torch
from torch import Tensor

NORM_EPS = 1e-6


def initial_bases(channels: int, num_protos: int) -> Tensor:
    """Draw random directions of (nearly) unit length.

    Args:
        channels (int): C.
        num_protos (int): K.

    Returns:
        Tensor: Normal numbers, standard deviation sqrt(2 / K), divided by
        their norm.

    Shape:
        - output: ``(1, C, K)``.
    """
    bases = torch.randn(1, channels, num_protos) * (2 / num_protos)**0.5
    return bases / (NORM_EPS + bases.norm(dim=1, keepdim=True))
