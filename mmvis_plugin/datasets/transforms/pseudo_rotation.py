"""Turn the frames of a pseudo video steadily."""
from typing import Sequence, Tuple

import numpy as np
from mmcv.transforms.utils import cache_randomness

from mmvis_plugin.registry import TRANSFORMS
from .pseudo_motion import PseudoMotion, crop_and_turn


@TRANSFORMS.register_module()
class PseudoRotation(PseudoMotion):
    """Rotate each frame a little further than the one before it.

    One angle per frame of the video is drawn; sorted, they turn the camera
    about one point, to the left or to the right alike. To be used inside a
    ``TransformBroadcaster`` with ``share_random_params=True``, whose frames
    share the draw. Objects that leave a frame are absent from it; the boxes
    of the others become the tight boxes of their masks.

    Args:
        max_angle (float): Largest rotation, degrees, about a point between
            0.4 and 0.6 of each side. Defaults to 15.
        fill (Sequence[int]): Colour (BGR) of what comes in from outside.
            Defaults to the mean of ImageNet.

    Source: clips of COCO images in the released code of CAVIS.
    """

    def __init__(
            self,
            max_angle: float = 15.,
            fill: Sequence[int] = (104, 116, 124),
    ) -> None:
        super().__init__((1., 1.), max_angle, fill)

    def transform(self, results: dict) -> dict:
        """Rotate one frame.

        Args:
            results (dict): ``img`` and the ``gt_*`` entries of a frame, its
                ``frame_id`` and the ``ori_video_length``.
        """
        angles, centre = self._draw_clip(results['ori_video_length'])
        height, width = results['img'].shape[:2]
        return self._move(
            results,
            crop_and_turn(
                np.ones(2), np.zeros(2), angles[results['frame_id']],
                centre * (width, height)))

    @cache_randomness
    def _draw_clip(self, num_frames: int) -> Tuple[np.ndarray, np.ndarray]:
        """Return an angle per frame and the centre in parts of the sides."""
        angles = np.sort(
            np.random.uniform(-self.max_angle, self.max_angle, num_frames))
        if np.random.rand() < 0.5:
            angles = angles[::-1]
        return angles, np.random.uniform(0.4, 0.6, size=2)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(max_angle={self.max_angle}, '
                f'fill={self.fill})')
