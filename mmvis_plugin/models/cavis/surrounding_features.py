"""What surrounds the contour of each query."""
import torch
import torch.nn.functional as F
from torch import Tensor

from ..layers.precision import at_least_fp32

CONTEXT_FILTERS = ('avg', 'channel_sum')
_EPS = 1e-6


def surrounding_features(mask_features: Tensor,
                         mask_logits: Tensor,
                         kernel_size: int = 9,
                         mode: str = 'avg') -> Tensor:
    r"""Average the smoothed pixel embeddings on the contour of each mask.

    .. math:: s_q = \frac{\sum_p d_{qp} \bar F_p}{\sum_p d_{qp} + 10^{-6}}

    with the contour :math:`d_q` of :func:`inner_boundary` and the pixel
    embeddings :math:`\bar F` after a box filter with zero padding, whose
    divisor is always :math:`k^2`. The filter is symmetric, so it is applied
    to the contours, which have no gradient, and not to the embeddings.

    The gradient reaches the embeddings only. Half precision is computed in
    float32, also under autocast.

    Source: CAVIS, Eq. 5 and 6.

    Args:
        mask_features (Tensor): Pixel embeddings :math:`F`.
        mask_logits (Tensor): Mask logits of the same size.
        kernel_size (int): Side :math:`k` of the filter in pixels, odd.
            Defaults to 9.
        mode (str): 'avg' filters each channel, as in the paper.
            'channel_sum' also adds up the channels, so that all channels of
            the result are equal: the released code does so, and weights
            that come from it need it. Defaults to 'avg'.

    Returns:
        Tensor: Features of the surroundings; zero for a mask without pixels.

    Raises:
        ValueError: If the mode is unknown or the kernel size even.

    Shape:
        - mask_features: ``(B, C, H, W)``; mask_logits: ``(B, Q, H, W)``.
        - output: ``(B, Q, C)``.
    """
    check_context_filter(kernel_size, mode)
    with torch.no_grad():
        contours = inner_boundary(mask_logits)
        counts = _box_sum(contours, kernel_size)
        lengths = contours.flatten(2).sum(dim=2)
    with torch.autocast(mask_features.device.type, enabled=False):
        features = at_least_fp32(mask_features)
        num_channels = features.size(1)
        if mode == 'channel_sum':
            features = features.sum(dim=1, keepdim=True)
        weights = counts.to(features).flatten(2)
        sums = weights @ features.flatten(2).transpose(1, 2)
        means = sums / (kernel_size**2 * (lengths + _EPS))[..., None]
    return means.expand(-1, -1, num_channels)


def check_context_filter(kernel_size: int, mode: str) -> None:
    """Raise ValueError if there is no such filter.

    Args:
        kernel_size (int): As of :func:`surrounding_features`.
        mode (str): As of :func:`surrounding_features`.
    """
    if mode not in CONTEXT_FILTERS:
        raise ValueError(f'context filter {mode!r} is unknown, expected one '
                         f'of {CONTEXT_FILTERS}')
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f'kernel size {kernel_size} of the context filter, '
                         'expected an odd number')


def inner_boundary(mask_logits: Tensor) -> Tensor:
    """Return the inner contour of binarised masks.

    A pixel is on it if its own logit is above zero and one of its eight
    neighbours is not, or lies outside of the image: where the Laplacian of
    the mask is above zero.

    Args:
        mask_logits (Tensor): Mask logits.

    Returns:
        Tensor: True on the contours.

    Shape:
        - mask_logits, output: ``(..., H, W)``.
    """
    masks = mask_logits > 0
    rows = F.pad(masks, (1, 1))
    core = rows[..., :-2] & masks & rows[..., 2:]
    columns = F.pad(core, (0, 0, 1, 1))
    core = columns[..., :-2, :] & core & columns[..., 2:, :]
    return masks & ~core


def _box_sum(maps: Tensor, size: int) -> Tensor:
    """Count what is True in a window around each pixel, rows first."""
    height, width = maps.shape[-2:]
    half = size // 2
    # sums of few bytes are some fifty times faster than pooling of floats
    counts = maps.to(torch.uint8 if size**2 < 256 else torch.int32)
    rows = F.pad(counts, (half, half))
    counts = sum(rows[..., i:i + width] for i in range(size))
    columns = F.pad(counts, (0, 0, half, half))
    return sum(columns[..., i:i + height, :] for i in range(size))
