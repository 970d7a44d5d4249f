"""InsPro on still images, for pre-training and image evaluation."""
from typing import Dict, List, Optional

import torch
from mmdet.models.detectors import BaseDetector
from mmdet.structures import DetDataSample, TrackDataSample
from torch import Tensor

from mmvis_plugin.registry import MODELS
from .inspro_network import InsProNetwork, image_whwh
from .inspro_results import TestCfg, image_results


@MODELS.register_module()
class InsProImageDetector(InsProNetwork, BaseDetector):
    """The network of InsPro on single images: no propagation, no bank.

    Parameter names equal those of :class:`InsPro`, which starts from it.

    Source: InsPro section 4.2 (COCO pre-training).

    Args:
        backbone (dict): Config of the backbone.
        neck (dict): Config of the FPN.
        rpn_head (dict): Config of ``EmbeddingRPNHead``.
        roi_head (dict): Config of :class:`InsProHead`, without
            ``intra_query``.
        test_cfg (dict, optional): Fields of ``TestCfg``;
            ``max_per_video`` counts detections per image.
        data_preprocessor (dict, optional): Config of the preprocessor.
        init_cfg (dict, optional): Initialisation config.
    """

    def __init__(self,
                 backbone: dict,
                 neck: dict,
                 rpn_head: dict,
                 roi_head: dict,
                 test_cfg: Optional[dict] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(
            data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self._build_network(backbone, neck, rpn_head, roi_head)
        if self.roi_head.intra_query is not None:
            raise ValueError('roi_head.intra_query must be None: single '
                             'images have no feature bank')
        self.test_cfg = TestCfg(**(test_cfg or {}))

    def extract_feat(self, batch_inputs: Tensor) -> List[Tensor]:
        """Return FPN levels and mask features of ``(B, 3, H, W)``."""
        return self.encode(batch_inputs)

    def loss(self, batch_inputs: Tensor,
             batch_data_samples: List[DetDataSample]) -> Dict[str, Tensor]:
        """Losses of images: clips of one frame.

        Args:
            batch_inputs (Tensor): ``(B, 3, H, W)``.
            batch_data_samples (list[DetDataSample]): With ``gt_instances``.
        """
        clips = [_as_clip(sample) for sample in batch_data_samples]
        return self._clip_loss(batch_inputs[:, None], clips, 'K')

    def predict(self,
                batch_inputs: Tensor,
                batch_data_samples: List[DetDataSample],
                rescale: bool = True) -> List[DetDataSample]:
        """Add ``pred_instances`` in original coordinates to the samples.

        Args:
            batch_inputs (Tensor): ``(B, 3, H, W)``.
            batch_data_samples (list[DetDataSample]): With metainfo.
            rescale (bool): Must be True: boxes and masks are always returned
                at the original size.
        """
        if not rescale:
            raise ValueError('rescale=False is not supported: results are '
                             'returned at the original size')
        feats = self.encode(batch_inputs)
        for i, sample in enumerate(batch_data_samples):
            whwh = image_whwh([sample.metainfo], batch_inputs.device)
            output, _ = self._advance([f[i:i + 1]
                                       for f in feats], sample.metainfo,
                                      self._initial_state(whwh))
            sample.pred_instances = image_results(output, self.test_cfg,
                                                  self.roi_head.mask_head)
        return batch_data_samples

    def _forward(self, batch_inputs: Tensor, batch_data_samples=None) -> tuple:
        """Return class logits, boxes and mask parameters of all stages."""
        height, width = batch_inputs.shape[-2:]
        whwh = batch_inputs.new_tensor([[width, height] * 2
                                        ]).expand(len(batch_inputs), 4)
        levels, _ = self._split_feats(self.encode(batch_inputs))
        outs, _ = self.roi_head.step(
            levels, self._initial_state(whwh), whwh, propagate=False)
        return outs.logits, outs.boxes, outs.mask_params


def _as_clip(sample: DetDataSample) -> TrackDataSample:
    gt = sample.gt_instances
    gt.instances_ids = torch.arange(len(gt), device=gt.labels.device)
    clip = TrackDataSample()
    clip.video_data_samples = [sample]
    return clip
