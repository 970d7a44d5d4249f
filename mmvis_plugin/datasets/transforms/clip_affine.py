"""One affine map for all frames of a clip."""
from typing import Sequence, Tuple

import numpy as np
from mmcv.transforms.utils import cache_randomness

from mmvis_plugin.registry import TRANSFORMS
from .pseudo_motion import PseudoMotion


@TRANSFORMS.register_module()
class ClipAffine(PseudoMotion):
    """Zoom, stretch and rotate the frames of a clip alike; the size stays.

    Inside a ``TransformBroadcaster`` with ``share_random_params=True`` all
    frames share the draw (mmdet's ``Rotate`` cannot: it draws twice per
    frame). Objects that leave a frame are absent from it; the boxes of the
    others become the tight boxes of their masks.

    Args:
        crop_range (tuple[float, float]): Least and largest part of each side
            that is seen, drawn per side; above 1 zooms out. Defaults to
            (0.8, 1.2).
        max_angle (float): Largest rotation, degrees. Defaults to 0.
        fill (Sequence[int]): Colour (BGR) of what lies outside. Defaults to
            the mean of ImageNet.
    """

    def __init__(
            self,
            crop_range: Tuple[float, float] = (0.8, 1.2),
            max_angle: float = 0.,
            fill: Sequence[int] = (104, 116, 124),
    ) -> None:
        if not 0 < crop_range[0] <= crop_range[1]:
            raise ValueError(f'crop_range={crop_range} of ClipAffine, '
                             'expected 0 < least <= largest')
        super().__init__(max_angle=max_angle, fill=fill)
        self.crop_range = tuple(crop_range)

    @cache_randomness
    def _draw(self, height: int, width: int) -> np.ndarray:
        return super()._draw(height, width)
