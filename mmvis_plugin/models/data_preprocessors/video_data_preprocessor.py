"""Batch clips together with their masks and maps."""
from typing import Sequence

import torch.nn.functional as F
from mmdet.models.data_preprocessors import TrackDataPreprocessor
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.structures import PixelData

from mmvis_plugin.registry import MODELS


@MODELS.register_module()
class VideoDataPreprocessor(TrackDataPreprocessor):
    """Normalise and pad clips; in training, pad what is annotated too.

    Frames of a batch get the size of the largest one, rounded up. Masks are
    padded with 0, semantic maps with 255 (unknown) and panoptic maps with 0
    (void), each if a sample has it.

    Args:
        pad_mask (bool): Whether the masks of ``gt_instances`` and
            ``ignored_instances`` are padded. Defaults to True.
        pad_seg (bool): Whether ``gt_sem_seg`` and ``gt_panoptic_seg`` are
            padded. Defaults to True.
        seg_pad_value (int): Label of what lies outside. Defaults to 255.
        **kwargs: Arguments of ``TrackDataPreprocessor``.

    Shape:
        - ``inputs``: ``(N, T, 3, H, W)`` float32.
        - per frame: ``masks`` ``(n, H, W)``, ``sem_seg`` and ``pan_seg``
          ``(1, H, W)``.

    Differs from ``TrackDataPreprocessor`` of mmdet: it pads maps and the
    masks of ignored instances, and samples may differ in what they have.
    """

    def __init__(self,
                 *args,
                 pad_mask: bool = True,
                 pad_seg: bool = True,
                 seg_pad_value: int = 255,
                 **kwargs) -> None:
        super().__init__(
            *args,
            pad_mask=pad_mask,
            pad_seg=pad_seg,
            seg_pad_value=seg_pad_value,
            **kwargs)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Return the batch on the device of the model.

        Args:
            data (dict): ``inputs``, a list of clips ``(T, 3, H, W)``, and
                ``data_samples``.
            training (bool): Whether annotations are padded. Defaults to
                False.
        """
        data = super().forward(data, training)
        if training and self.pad_seg and data['data_samples'] is not None:
            for clip in data['data_samples']:
                for frame in clip.video_data_samples:
                    self._pad_maps(frame)
        return data

    def pad_track_gt_masks(self,
                           data_samples: Sequence[TrackDataSample]) -> None:
        """Pad the masks of all instances, in place.

        Args:
            data_samples (Sequence[TrackDataSample]): Clips of the batch.
        """
        for clip in data_samples:
            for frame in clip.video_data_samples:
                for name in ('gt_instances', 'ignored_instances'):
                    instances = frame.get(name)
                    if instances is not None and 'masks' in instances:
                        instances.masks = instances.masks.pad(
                            frame.batch_input_shape,
                            pad_val=self.mask_pad_value)

    def _pad_maps(self, frame: DetDataSample) -> None:
        if 'gt_sem_seg' in frame:
            frame.gt_sem_seg = _padded(frame.gt_sem_seg, 'sem_seg',
                                       frame.batch_input_shape,
                                       self.seg_pad_value)
        if 'gt_panoptic_seg' in frame:
            frame.gt_panoptic_seg = _padded(frame.gt_panoptic_seg, 'pan_seg',
                                            frame.batch_input_shape, 0)


def _padded(data: PixelData, key: str, size: Sequence[int],
            value: int) -> PixelData:
    """Return the data with one map of a larger size."""
    seg_map = data.get(key)
    height, width = seg_map.shape[-2:]
    seg_map = F.pad(
        seg_map, (0, size[1] - width, 0, size[0] - height), value=value)
    # a PixelData cannot change its size
    return PixelData(metainfo=data.metainfo, **{key: seg_map})
