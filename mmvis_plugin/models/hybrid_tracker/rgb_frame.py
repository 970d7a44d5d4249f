"""Pixels of a frame, out of the input of a network."""
from typing import Tuple

from torch import Tensor, nn


def rgb_frame(inputs: Tensor, preprocessor: nn.Module,
              img_shape: Tuple[int, int]) -> Tensor:
    """Undo what a preprocessor did to frames: padding, norm, channel order.

    Frames are loaded as BGR; a preprocessor with ``bgr_to_rgb`` makes them
    RGB.

    Args:
        inputs (Tensor): Normalised and padded frames.
        preprocessor (nn.Module): Of the model that gets them.
        img_shape (tuple[int, int]): Height and width without padding.

    Returns:
        Tensor: RGB in 0 to 255.

    Shape:
        - inputs: ``(F, 3, H, W)``; output: ``(F, 3, *img_shape)``.
    """
    images = inputs[..., :img_shape[0], :img_shape[1]]
    if getattr(preprocessor, '_enable_normalize', False):
        images = images * preprocessor.std + preprocessor.mean
    if getattr(preprocessor, '_channel_conversion', False):
        return images
    return images.flip(-3)
