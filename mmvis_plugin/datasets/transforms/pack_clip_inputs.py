"""Pack the frames of a clip for a video model."""
from typing import List, Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.structures import DetDataSample, TrackDataSample
from mmdet.structures.bbox import BaseBoxes
from mmengine.structures import InstanceData, PixelData

from mmvis_plugin.registry import TRANSFORMS
from mmvis_plugin.utils.errors import AnnotationError
from ..panoptic_codes import decode_codes

UNKNOWN_LABEL = 255
META_KEYS = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor',
             'flip', 'flip_direction', 'frame_id', 'src_frame', 'video_id',
             'video_name', 'video_length', 'ori_video_length', 'has_ann',
             'instances', 'segments_info', 'seg_map_path', 'void_ids',
             'src_img_id')

_FIELDS = dict(
    gt_bboxes=('bboxes', torch.float32),
    gt_bboxes_labels=('labels', torch.int64),
    gt_instances_ids=('instances_ids', torch.int32))


@TRANSFORMS.register_module()
class PackClipInputs(BaseTransform):
    """Pack per-frame lists into ``inputs`` and a ``TrackDataSample``.

    Differs from ``PackTrackInputs`` of mmdet: boxes are always float32
    tensors, semantic and panoptic maps are packed instead of dropped, and
    frames of several sizes are reported by name.

    Args:
        meta_keys (Sequence[str]): Keys to be packed as metainfo of a frame,
            next to ``META_KEYS``. Defaults to ().

    Shape:
        - ``inputs``: ``(T, 3, H, W)`` uint8.
        - per frame, ``gt_instances`` and ``ignored_instances``: ``bboxes``
          ``(N, 4)`` float32, ``labels`` ``(N, )`` int64, ``instances_ids``
          ``(N, )`` int32, ``masks`` BitmapMasks of ``(N, H, W)``.
        - per frame, ``gt_sem_seg.sem_seg``: ``(1, H, W)`` uint8 labels, 255
          where unknown, if there is a ``gt_seg_map``.
        - per frame, ``gt_panoptic_seg.pan_seg``: ``(1, H, W)`` int32 segment
          ids, 0 for void, with metainfo ``segments_info`` (as in the record,
          areas of the original frame), if there are panoptic maps.
    """

    def __init__(self, meta_keys: Sequence[str] = ()) -> None:
        self.meta_keys = META_KEYS + tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """Return ``inputs`` and ``data_samples`` of a clip.

        Args:
            results (dict): Lists with one entry per frame.

        Raises:
            AnnotationError: If the frames differ in size.
        """
        frames = []
        for t in range(len(results['img'])):
            frame = DetDataSample(metainfo={
                key: results[key][t]
                for key in self.meta_keys if key in results
            })
            self._pack_instances(frame, results, t)
            if results.get('gt_seg_map') is not None:
                self._pack_maps(frame, results, t)
            frames.append(frame)
        clip = TrackDataSample()
        clip.video_data_samples = frames
        if 'key_frame_flags' in results:
            flags = np.asarray(results['key_frame_flags'])
            clip.set_metainfo(
                dict(
                    key_frames_inds=np.flatnonzero(flags).tolist(),
                    ref_frames_inds=np.flatnonzero(~flags).tolist()))
        return dict(inputs=self._stack(results), data_samples=clip)

    @staticmethod
    def _pack_maps(frame: DetDataSample, results: dict, t: int) -> None:
        seg_map = np.ascontiguousarray(results['gt_seg_map'][t])
        if 'segments_info' in results:
            segments = results['segments_info'][t] or []
            ids = decode_codes(seg_map, [s['id'] for s in segments], 0,
                               np.int32)
            frame.gt_panoptic_seg = PixelData(
                metainfo=dict(segments_info=segments),
                pan_seg=torch.from_numpy(ids)[None])
            seg_map = decode_codes(seg_map, [s['category'] for s in segments],
                                   UNKNOWN_LABEL, np.uint8)
        frame.gt_sem_seg = PixelData(
            sem_seg=torch.from_numpy(seg_map).to(torch.uint8)[None])

    @staticmethod
    def _stack(results: dict) -> torch.Tensor:
        images: List[np.ndarray] = results['img']
        for t, image in enumerate(images):
            if image.shape != images[0].shape:
                raise AnnotationError(
                    f'{results["img_path"][t]}: frame size '
                    f'{image.shape[:2]}, expected {images[0].shape[:2]} '
                    '(height, width) as in the other frames of its clip')
        stacked = torch.from_numpy(np.stack(images))
        return stacked.permute(0, 3, 1, 2).contiguous()

    @staticmethod
    def _pack_instances(frame: DetDataSample, results: dict, t: int) -> None:
        valid, ignored = InstanceData(), InstanceData()
        if 'gt_bboxes' in results:
            is_ignored = np.asarray(results['gt_ignore_flags'][t], dtype=bool)
            for key, (name, dtype) in _FIELDS.items():
                values = results[key][t]
                if isinstance(values, BaseBoxes):
                    values = values.tensor
                values = torch.as_tensor(values).to(dtype)
                valid[name] = values[torch.from_numpy(~is_ignored)]
                ignored[name] = values[torch.from_numpy(is_ignored)]
            if 'gt_masks' in results:
                masks = results['gt_masks'][t]
                valid.masks = masks[~is_ignored]
                ignored.masks = masks[is_ignored]
        frame.gt_instances = valid
        frame.ignored_instances = ignored

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'
