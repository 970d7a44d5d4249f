"""PanopticFCN as a model: images or frames in, panoptic maps out."""
from typing import Dict, List, Sequence, Tuple, Union

import torch.nn.functional as F
from mmdet.models.detectors import BaseDetector
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.structures import PixelData
from torch import Tensor

from mmvis_plugin.registry import MODELS
from ..online_video_model import as_track_sample
from .panoptic_fcn_outputs import PanopticFCNOutputs
from .panoptic_merge import PanopticSegments, to_panoptic_map

Samples = Union[List[DetDataSample], List[TrackDataSample]]


@MODELS.register_module()
class PanopticFCN(BaseDetector):
    """Panoptic segmentation of single images by kernels.

    It takes images, ``(B, 3, H, W)`` with ``DetDataSample``, and clips,
    ``(B, T, 3, H, W)`` with ``TrackDataSample``, whose frames it takes for
    images: it has no idea of identities.

    The prediction of an image is ``pred_panoptic_seg.sem_seg``, label + 1000
    x number of things, label of stuff, and the number of classes where there
    is no segment, as of mmdet's panoptic models. Things are numbered from 1
    by falling score, on every image anew. The metainfo ``segments_info`` of
    ``pred_panoptic_seg`` lists the segments: ``id`` (their value on the
    map), ``category`` (label), ``isthing`` and ``score``.

    Source: PanopticFCN (CVPR 2021).

    Args:
        backbone (dict): Config of the backbone.
        neck (dict): Config of the pyramid, P2 to P7.
        panoptic_head (dict): Config of :class:`PanopticFCNHead`.
        input_scale (int): Images are enlarged by it before the backbone: the
            finest level has a stride of 4, which is coarse for small frames.
            Results have the size that they have without. Defaults to 1.
        data_preprocessor (dict, optional): Config of the preprocessor.
            Defaults to None.
        init_cfg (dict, optional): Initialisation config. Defaults to None.

    Shape:
        - ``pred_panoptic_seg.sem_seg``: ``(1, H, W)`` int64 of the original
          size.
    """

    def __init__(self,
                 backbone: dict,
                 neck: dict,
                 panoptic_head: dict,
                 input_scale: int = 1,
                 data_preprocessor: dict = None,
                 init_cfg: dict = None) -> None:
        super().__init__(
            data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        if not isinstance(input_scale, int) or input_scale < 1:
            raise ValueError(f'input_scale={input_scale} of PanopticFCN, '
                             'expected a whole number from 1 on')
        self.input_scale = input_scale
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck)
        self.panoptic_head = MODELS.build(panoptic_head)
        # the names that mmdet's panoptic models have
        self.num_things_classes = self.panoptic_head.num_things
        self.num_stuff_classes = self.panoptic_head.num_stuff

    def extract_feat(self, batch_inputs: Tensor) -> Tuple[Tensor, ...]:
        """Return P2 to P7 of images ``(B, 3, H, W)``."""
        if self.input_scale > 1:
            batch_inputs = F.interpolate(
                batch_inputs,
                scale_factor=self.input_scale,
                mode='bilinear',
                align_corners=False)
        return self.neck(self.backbone(batch_inputs))

    def loss(self, batch_inputs: Tensor,
             batch_data_samples: Samples) -> Dict[str, Tensor]:
        """Return the losses of annotated images, or of all frames of clips.

        Args:
            batch_inputs (Tensor): ``(B, 3, H, W)`` or ``(B, T, 3, H, W)``.
            batch_data_samples (list): ``B`` samples; for the ground truth of
                each image see :func:`image_targets`.

        Returns:
            dict[str, Tensor]: ``loss_pos_th``, ``loss_pos_st``,
            ``loss_seg_th`` and ``loss_seg_st``.
        """
        if batch_inputs.dim() == 5:
            batch_inputs = batch_inputs.flatten(0, 1)
            batch_data_samples = [
                frame for clip in batch_data_samples for frame in clip
            ]
        return self.panoptic_head.loss(
            self.extract_feat(batch_inputs), batch_data_samples,
            self.input_scale)

    def predict(self,
                batch_inputs: Tensor,
                batch_data_samples: Samples,
                rescale: bool = True) -> Samples:
        """Segment images, or the frames of clips one after the other.

        Args:
            batch_inputs (Tensor): ``(B, 3, H, W)`` or ``(B, T, 3, H, W)``.
            batch_data_samples (list): ``B`` samples with ``img_shape`` and
                ``ori_shape``.
            rescale (bool): Whether maps have the size of the original image
                instead of that of the input without padding.
                Defaults to True.

        Returns:
            list: The samples of images, with ``pred_panoptic_seg``; for
            clips, new ones with the metainfo of their frames.
        """
        if batch_inputs.dim() == 5:
            return [
                self._predict_clip(frames, clip, rescale)
                for frames, clip in zip(batch_inputs, batch_data_samples)
            ]
        results = self.panoptic_head.predict(
            self.extract_feat(batch_inputs), batch_data_samples, rescale,
            self.input_scale)
        for sample, segments in zip(batch_data_samples, results):
            sample.pred_panoptic_seg = self._as_map(segments)
        return batch_data_samples

    def _predict_clip(self, frames: Tensor, clip: TrackDataSample,
                      rescale: bool) -> TrackDataSample:
        results = []
        for image, sample in zip(frames, clip):
            segments, = self.panoptic_head.predict(
                self.extract_feat(image[None]), [sample], rescale,
                self.input_scale)
            results.append(dict(pred_panoptic_seg=self._as_map(segments)))
        return as_track_sample([frame.metainfo for frame in clip], results)

    def _as_map(self, segments: PanopticSegments) -> PixelData:
        head = self.panoptic_head
        num_classes = head.num_things + head.num_stuff
        return PixelData(
            sem_seg=to_panoptic_map(segments, num_classes)[None],
            metainfo=dict(segments_info=segments.segments_info()))

    def _forward(self,
                 batch_inputs: Tensor,
                 batch_data_samples: Sequence = None) -> PanopticFCNOutputs:
        """Return the maps of all heads for images ``(B, 3, H, W)``."""
        return self.panoptic_head(self.extract_feat(batch_inputs))
