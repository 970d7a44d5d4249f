"""A frame whose pixels nobody needs."""
import numpy as np
from mmcv.transforms import BaseTransform

from mmvis_plugin.registry import TRANSFORMS
from mmvis_plugin.utils.errors import AnnotationError
from ..image_size import frame_name


@TRANSFORMS.register_module()
class SkipVideoFrame(BaseTransform):
    """Stand in for ``LoadVideoFrame`` where only annotations count.

    The image has the size of its record and no channel: it takes no memory,
    and flips, crops and packing treat it as any other. The preprocessor must
    not have a mean. Nothing is decoded, so a missing or wrong image is not
    found.

    Shape:
        - ``img``: ``(H, W, 0)`` uint8.
    """

    def transform(self, results: dict) -> dict:
        """Add ``img``, its shapes and neutral values of the geometry.

        Args:
            results (dict): ``height`` and ``width`` of the record.

        Raises:
            AnnotationError: If the record has no size.
        """
        if 'height' not in results or 'width' not in results:
            raise AnnotationError(
                f'{frame_name(results)}: its record has no height and width, '
                'expected both with SkipVideoFrame; use LoadVideoFrame')
        size = results['height'], results['width']
        results.update(
            img=np.zeros((*size, 0), dtype=np.uint8),
            img_shape=size,
            ori_shape=size,
            scale_factor=(1., 1.),
            flip=False,
            flip_direction=None)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
