"""Render the pixels of one frame of MovingShapes."""
import numpy as np
from mmcv.transforms import BaseTransform

from mmvis_plugin.registry import TRANSFORMS
from ..synthetic.generate import generate_frame


@TRANSFORMS.register_module()
class LoadSyntheticFrames(BaseTransform):
    """Take the place of ``LoadVideoFrame`` for ``SyntheticVideoDataset``.

    Shape:
        - ``img``: ``(H, W, 3)`` uint8, BGR.
    """

    def transform(self, results: dict) -> dict:
        """Add ``img``, its shapes and neutral values of the geometry.

        Args:
            results (dict): ``synth_source`` of the record: configuration,
                split, index of the video and frame.

        Raises:
            KeyError: If the record is not from ``SyntheticVideoDataset``.
        """
        if 'synth_source' not in results:
            raise KeyError(
                f'{results.get("img_path")}: no synth_source in the record; '
                'use LoadVideoFrame for frames in files and '
                'LoadSyntheticFrames for SyntheticVideoDataset only')
        frame = generate_frame(*results['synth_source'])
        img = np.ascontiguousarray(frame[..., ::-1])
        results.update(
            img=img,
            img_shape=img.shape[:2],
            ori_shape=img.shape[:2],
            scale_factor=(1., 1.),
            flip=False,
            flip_direction=None)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
