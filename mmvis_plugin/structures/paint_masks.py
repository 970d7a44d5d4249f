"""One map out of masks that overlap."""
from typing import List, Sequence, Tuple, Union

import numpy as np
import torch
from pycocotools import mask as mask_utils

from .rle_tracks import RLE

Masks = Union[Sequence[RLE], np.ndarray, torch.Tensor]

# bytes of decoded masks that are held at a time
_CHUNK_BYTES = 64 << 20


def paint_masks(masks: Masks,
                scores: Union[Sequence[float], np.ndarray, torch.Tensor],
                size: Tuple[int, int],
                min_area: int = 0,
                min_keep: float = 0.) -> np.ndarray:
    """Paint masks by ascending score; tell which one ends on top.

    Of equal scores the later mask covers the earlier one. A mask of which
    too little stays visible is dropped; what it covered comes to light. All
    masks that fall short are dropped at once, so one that another dropped
    mask covered is not taken back.

    Args:
        masks (Sequence[dict], np.ndarray or Tensor): COCO run-length codes
            with compressed counts, or binary masks.
        scores (Sequence[float]): One per mask.
        size (tuple[int, int]): Height and width of the map.
        min_area (int): Least number of visible pixels. Defaults to 0.
        min_keep (float): Least visible part of a mask, 0 to 1. Defaults to
            0.

    Returns:
        np.ndarray: int32 position of the mask on top, -1 where there is none.

    Raises:
        ValueError: If a mask is of another size.

    Shape:
        masks: (N, H, W) if not codes; scores: (N, ). Output: (H, W).

    Examples:
        >>> masks = np.zeros((2, 2, 3), dtype=bool)
        >>> masks[0, :, :2] = masks[1, :, 1:] = True
        >>> paint_masks(masks, [.9, .5], (2, 3))
        array([[0, 0, 1],
               [0, 0, 1]], dtype=int32)
        >>> paint_masks(masks, [.9, .5], (2, 3), min_keep=.6)
        array([[ 0,  0, -1],
               [ 0,  0, -1]], dtype=int32)
    """
    scores = np.asarray(
        scores.detach().cpu() if isinstance(scores, torch.Tensor) else scores)
    if len(scores) != len(masks):
        raise ValueError(f'{len(masks)} masks and {len(scores)} scores, '
                         'expected one score per mask')
    order = np.argsort(scores, kind='stable')
    pixels, owners = _foreground(masks, order, size)
    top = _paint(pixels, owners, size[0] * size[1])
    if min_area > 0 or min_keep > 0:
        num_masks = len(order)
        areas = np.bincount(owners, minlength=num_masks)
        visible = np.bincount(top[top >= 0], minlength=num_masks)
        kept = (visible >= min_area) & (visible >= min_keep * areas)
        chosen = kept[owners]
        top = _paint(pixels[chosen], owners[chosen], len(top))
    if isinstance(masks, (np.ndarray, torch.Tensor)):
        return top.reshape(size)
    # codes count down the columns
    return np.ascontiguousarray(top.reshape(size[::-1]).T)


def _paint(pixels: np.ndarray, owners: np.ndarray, area: int) -> np.ndarray:
    top = np.full(area, -1, dtype=np.int32)
    # of a pixel that is named twice the last value stays
    top[pixels] = owners
    return top


def _foreground(masks: Masks, order: np.ndarray,
                size: Tuple[int, int]) -> Tuple[np.ndarray, np.ndarray]:
    """Return the pixels of all masks in order, and whose they are.

    Their number is the sum of the areas, far below that of dense masks.
    """
    area = max(size[0] * size[1], 1)
    step = max(_CHUNK_BYTES // area, 1)
    pixels: List[np.ndarray] = [np.zeros(0, dtype=np.int64)]
    owners: List[np.ndarray] = [np.zeros(0, dtype=np.int32)]
    for start in range(0, len(order), step):
        chosen = order[start:start + step]
        found = np.flatnonzero(_binary(masks, chosen, size))
        rank = found // area
        pixels.append(found - rank * area)
        owners.append(chosen[rank].astype(np.int32))
    return np.concatenate(pixels), np.concatenate(owners)


def _binary(masks: Masks, chosen: np.ndarray, size: Sequence[int]):
    """Return the chosen masks, (N, H, W), or (N, W, H) from codes."""
    dense = isinstance(masks, (np.ndarray, torch.Tensor))
    sizes = [masks.shape[1:]] if dense else [masks[i]['size'] for i in chosen]
    for found in sizes:
        if tuple(found) != tuple(size):
            raise ValueError(f'mask of size {tuple(found)}, expected '
                             f'{tuple(size)}')
    if not dense:
        decoded = mask_utils.decode([masks[i] for i in chosen])
        # zeros and ones, which are found faster as bool
        return decoded.transpose(2, 1, 0).view(bool)
    part = masks[chosen.tolist()]
    return part.cpu().numpy() if isinstance(part, torch.Tensor) else part
