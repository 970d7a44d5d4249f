"""Colours of track ids, the same on every run and every machine."""
from typing import Sequence, Union

import numpy as np
import torch

# Greedy farthest-point choice in CIELAB among saturated colours of medium to
# high lightness: any prefix is spread as widely as its length allows. Kept
# as data so that no library version can change the colour of a track.
_HEX = (
    'f03c32 00ff00 0069ff 23f0f5 ffd70f ff00b9 37821e f5b9ff b400ff af7d3c '
    '0078b9 00faa0 c34b73 d2e68c 91d200 ff8c00 a550be 0fa07d 9b9b05 ff9687 '
    'ff0069 8c96ff 00c8ff 0abe37 f05aff ffc864 ff78cd 91f0b9 be550f 914bf0 '
    '96f07d af69a5 737828 ff96b9 c34b46 0fb464 7daf69 d7e14b dc1482 ff9b5a '
    'c38700 6efa50 ff5a00 7db4ff eb91ff 82b437 7369b4 beaf5f ff647d 9b78ff '
    'cd37aa 00f5d2 ff00ff ff0005 ffb419 0073d7 ff785a 00f573 cd734b b98ce1 '
    '917800')

TRACK_PALETTE = np.array([list(bytes.fromhex(code)) for code in _HEX.split()],
                         dtype=np.uint8)
"""np.ndarray: The table, ``(61, 3)`` RGB."""

NO_TRACK_COLOR = np.array([160, 160, 160], dtype=np.uint8)
"""np.ndarray: Colour of what carries no identity (negative ids), RGB."""


def track_colors(
        ids: Union[Sequence[int], np.ndarray, torch.Tensor]) -> np.ndarray:
    """Return the colour of each track id.

    The length of the table is a prime, so ids that advance by any step other
    than a multiple of it (``slot * num_classes + label``, or
    ``1000 * track_id``) still run through all colours before one returns.

    Args:
        ids (Sequence[int] | np.ndarray | torch.Tensor): Track ids ``(n, )``;
            negative means "no identity".

    Returns:
        np.ndarray: ``(n, 3)`` uint8 RGB.
    """
    if isinstance(ids, torch.Tensor):
        ids = ids.cpu().numpy()
    ids = np.asarray(ids, dtype=np.int64).reshape(-1)
    colors = TRACK_PALETTE[ids % len(TRACK_PALETTE)]
    return np.where(ids[:, None] < 0, NO_TRACK_COLOR, colors)


def text_colors(colors: np.ndarray) -> np.ndarray:
    """Return black or white, whichever is readable on each colour.

    Args:
        colors (np.ndarray): ``(n, 3)`` uint8 RGB backgrounds.

    Returns:
        np.ndarray: ``(n, 3)`` uint8 RGB.
    """
    linear = (colors.astype(np.float32) / 255)**2.2
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    # where black and white have the same contrast as WCAG 2 defines it
    ink = np.where(luminance > 0.179, 0, 255).astype(np.uint8)
    return np.repeat(ink[:, None], 3, axis=1)
