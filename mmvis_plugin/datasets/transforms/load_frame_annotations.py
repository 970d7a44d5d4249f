"""Turn the instances of one frame into arrays and bitmaps."""
from typing import List

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.structures.mask import BitmapMasks
from pycocotools import mask as mask_utils

from mmvis_plugin.registry import TRANSFORMS
from mmvis_plugin.utils.errors import AnnotationError
from ..rle_checks import polygons_to_rle


@TRANSFORMS.register_module()
class LoadFrameAnnotations(BaseTransform):
    """Load boxes, labels, track ids and masks of a frame.

    Differs from ``LoadTrackAnnotations`` of mmdet: the masks of a frame are
    decoded in one call, frames without objects keep shapes and types, and a
    broken mask is an error instead of an ignored instance.

    Args:
        with_mask (bool): Whether masks are loaded. Defaults to False.

    Shape:
        - ``gt_bboxes``: ``(N, 4)`` float32, x1, y1, x2, y2 in pixels.
        - ``gt_bboxes_labels``: ``(N, )`` int64.
        - ``gt_instances_ids``: ``(N, )`` int32.
        - ``gt_ignore_flags``: ``(N, )`` bool.
        - ``gt_masks``: BitmapMasks of ``(N, H, W)`` uint8.
    """

    def __init__(self, with_mask: bool = False) -> None:
        self.with_mask = with_mask

    def transform(self, results: dict) -> dict:
        """Add the ``gt_*`` entries.

        Args:
            results (dict): ``instances`` of the frame, ``ori_shape``.

        Raises:
            AnnotationError: If a mask is wanted and absent.
        """
        instances = results['instances']

        def column(key: str, dtype: type) -> np.ndarray:
            return np.array([obj[key] for obj in instances], dtype=dtype)

        results['gt_bboxes'] = column('bbox', np.float32).reshape(-1, 4)
        results['gt_bboxes_labels'] = column('bbox_label', np.int64)
        results['gt_instances_ids'] = column('instance_id', np.int32)
        results['gt_ignore_flags'] = column('ignore_flag', bool)
        if self.with_mask:
            height, width = results['ori_shape']
            masks = self._decode(results, height, width)
            results['gt_masks'] = BitmapMasks(masks, height, width)
        return results

    def _decode(self, results: dict, height: int, width: int) -> np.ndarray:
        rles: List[dict] = []
        for instance in results['instances']:
            mask = instance.get('mask')
            if mask is None:
                raise AnnotationError(
                    f'instance {instance["instance_id"]} of video '
                    f'{results.get("video_name")}, frame '
                    f'{results.get("frame_id")} has no mask; use '
                    'with_mask=False for data with boxes only')
            if isinstance(mask, list):
                mask = polygons_to_rle(mask, height, width)
            rles.append(mask)
        if not rles:
            return np.zeros((0, height, width), dtype=np.uint8)
        return np.ascontiguousarray(mask_utils.decode(rles).transpose(2, 0, 1))

    def __repr__(self) -> str:
        return f'{type(self).__name__}(with_mask={self.with_mask})'
