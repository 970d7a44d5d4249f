"""Turn the panoptic map of one frame into codes, boxes and bitmaps."""
from typing import List

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.structures.mask import BitmapMasks

from mmvis_plugin.registry import TRANSFORMS
from mmvis_plugin.structures import PanopticSegments, read_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError
from ..panoptic_codes import code_masks, encode_codes, segment_codes

_SHOWN = 5


@TRANSFORMS.register_module()
class LoadFramePanoptic(BaseTransform):
    """Load the panoptic map of a frame and hold it against its record.

    ``gt_seg_map`` becomes a map of codes: the position of a segment in
    ``segments_info`` (plus 1 from 255 on), 255 for void. Transforms treat it
    like a semantic map; ``PackClipInputs`` turns codes into segment ids and
    labels. Boxes, labels, ids and masks are those of the things; things with
    ``iscrowd`` or ``ignore_flag`` are ignored instances. A frame without
    annotation gets a void map and no things.

    Args:
        with_mask (bool): Whether masks of things are made. Defaults to True.

    Shape:
        - ``gt_seg_map``: ``(H, W)`` uint8; int16 above 255 segments.
        - ``gt_bboxes``: ``(N, 4)`` float32, tight boxes x1, y1, x2, y2 with
          x2 = xmax + 1, in pixels.
        - ``gt_bboxes_labels``: ``(N, )`` int64.
        - ``gt_instances_ids``: ``(N, )`` int32.
        - ``gt_ignore_flags``: ``(N, )`` bool.
        - ``gt_masks``: BitmapMasks of ``(N, H, W)`` uint8.

    Differs from ``LoadPanopticAnnotations`` of mmdet: no need of
    panopticapi, instances keep their identity, and a map that disagrees with
    its record is an error.
    """

    def __init__(self, with_mask: bool = True) -> None:
        self.with_mask = with_mask

    def transform(self, results: dict) -> dict:
        """Add ``gt_seg_map`` and the ``gt_*`` entries of the things.

        Args:
            results (dict): ``seg_map_path``, ``segments_info``, ``has_ann``,
                ``ori_shape`` and, if there, ``void_ids`` of the frame.

        Raises:
            FileNotFoundError: If the map of an annotated frame is missing.
            AnnotationError: If the map and the record disagree.
        """
        segments = results.get('segments_info') or []
        results['segments_info'] = segments
        height, width = results['ori_shape']
        if results.get('has_ann', True):
            ids = self._read(results, height, width)
        else:
            ids = np.zeros((height, width), dtype=np.uint32)
        segment_ids = [segment['id'] for segment in segments]
        boxes = _check(ids, segments, results)
        codes = encode_codes(ids, segment_ids)
        results['gt_seg_map'] = codes
        at = [i for i, segment in enumerate(segments) if segment['is_thing']]
        things = [segments[i] for i in at]
        results['gt_bboxes'] = boxes[at].astype(np.float32).reshape(-1, 4)
        results['gt_bboxes_labels'] = _column(things, 'category', np.int64)
        results['gt_instances_ids'] = _column(things, 'instance_id', np.int32)
        results['gt_ignore_flags'] = np.array([
            bool(thing['iscrowd'] or thing.get('ignore_flag'))
            for thing in things
        ],
                                              dtype=bool)
        if self.with_mask:
            masks = code_masks(codes, segment_codes(len(segments))[at])
            results['gt_masks'] = BitmapMasks(masks, height, width)
        return results

    @staticmethod
    def _read(results: dict, height: int, width: int) -> np.ndarray:
        path = results['seg_map_path']
        try:
            ids = read_panoptic_map(path)
        except FileNotFoundError:
            raise FileNotFoundError(_where(results)) from None
        if ids.shape != (height, width):
            raise AnnotationError(
                f'{_where(results)}: map of size {ids.shape}, expected '
                f'{(height, width)} (height, width) as the image; resize '
                'both alike')
        return ids

    def __repr__(self) -> str:
        return f'{type(self).__name__}(with_mask={self.with_mask})'


def _where(results: dict) -> str:
    return (f'{results["seg_map_path"]} (video {results.get("video_name")}, '
            f'frame {results.get("frame_id")})')


def _column(things: List[dict], key: str, dtype: type) -> np.ndarray:
    return np.array([thing[key] for thing in things], dtype=dtype)


def _check(ids: np.ndarray, segments: List[dict], results: dict) -> np.ndarray:
    """Return the boxes (x1, y1, x2, y2) of the segments of a record."""
    found = PanopticSegments.from_map(ids)
    listed = np.array([s['id'] for s in segments], dtype=np.int64)
    unlisted = np.setdiff1d(found.ids,
                            [*listed, *(results.get('void_ids') or [])])
    if len(unlisted):
        raise AnnotationError(
            f'{_where(results)}: ids {unlisted[:_SHOWN].tolist()} have pixels '
            'but are not in segments_info; map and annotation file do not '
            'belong together')
    absent = np.setdiff1d(listed, found.ids)
    if len(absent):
        raise AnnotationError(
            f'{_where(results)}: ids {absent[:_SHOWN].tolist()} are in '
            'segments_info but have no pixels; map and annotation file do '
            'not belong together')
    at = np.searchsorted(found.ids, listed)
    stated = np.array([s['area'] for s in segments], dtype=np.float64)
    wrong = np.flatnonzero(found.areas[at] != stated)[:_SHOWN]
    if len(wrong):
        pairs = ', '.join(f'{listed[i]}: {found.areas[at[i]]} instead of '
                          f'{stated[i]:.0f}' for i in wrong)
        raise AnnotationError(
            f'{_where(results)}: ids whose number of pixels is not the area '
            f'in segments_info: {pairs}; map and annotation file do not '
            'belong together')
    boxes = found.boxes[at]
    boxes[:, 2:] += boxes[:, :2]
    return boxes
