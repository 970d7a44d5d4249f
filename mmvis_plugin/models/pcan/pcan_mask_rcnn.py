"""Mask R-CNN as the two-stage detector of PCAN."""
from typing import Dict, List, Sequence, Tuple

import torch
from mmdet.models.detectors import MaskRCNN
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import Tensor

from mmvis_plugin.registry import MODELS
from .training_pairs import PositiveRoIs, class_free, learns


@MODELS.register_module()
class PCANMaskRCNN(MaskRCNN):
    """Mask R-CNN on features that are given, with a :class:`PCANRoIHead`.

    Differs from ``MaskRCNN``: a loss is computed only if it has something to
    train, labels of the samples are not overwritten, and detections come
    with mask features and logits.
    """

    def losses(
        self, feats: Sequence[Tensor], samples: List[DetDataSample]
    ) -> Tuple[Dict[str, Tensor], List[InstanceData]]:
        """Return losses of what learns, and the proposals of B frames.

        Args:
            feats (Sequence[Tensor]): Pyramid, ``(B, C, H, W)`` per level.
            samples (list[DetDataSample]): The annotated frames.

        Returns:
            tuple[dict, list[InstanceData]]: Some of ``loss_rpn_cls``,
            ``loss_rpn_bbox``, ``loss_cls``, ``loss_bbox``, ``acc`` and
            ``loss_mask``; ``bboxes`` of each frame.
        """
        losses, head = {}, self.roi_head
        proposal_cfg = self.train_cfg.rpn_proposal
        if learns(self.rpn_head, feats):
            losses, proposals = self.rpn_head.loss_and_predict(
                feats, [class_free(sample) for sample in samples],
                proposal_cfg=proposal_cfg)
        else:
            proposals = self.rpn_head.predict_by_feat(
                *self.rpn_head(feats),
                batch_img_metas=[sample.metainfo for sample in samples],
                cfg=proposal_cfg)
        with_box = learns(head.bbox_head, feats)
        with_mask = head.with_mask and learns(head.mask_head, feats)
        if with_box or with_mask:
            sampled = head.sample(feats, proposals, samples)
        if with_box:
            losses.update(head.box_losses(feats, sampled))
        if with_mask:
            losses.update(head.mask_losses(feats, sampled, samples))
        return losses, proposals

    @torch.no_grad()
    def propose(self, feats: Sequence[Tensor],
                samples: List[DetDataSample]) -> List[InstanceData]:
        """Return the proposals of a test: ``bboxes`` of each frame."""
        return self.rpn_head.predict(feats, samples, rescale=False)

    def positives(self, feats: Sequence[Tensor], proposals: List[InstanceData],
                  samples: List[DetDataSample]) -> PositiveRoIs:
        """Return positive proposals of B frames with their base masks."""
        sampled = self.roi_head.sample(feats, proposals, samples)
        return self.roi_head.positives(feats, sampled, samples)

    def detect(self, feats: Sequence[Tensor], metainfo: dict) -> InstanceData:
        """Return the detections of one frame; see :class:`PCANRoIHead`."""
        proposals = self.propose(feats, [DetDataSample(metainfo=metainfo)])
        return self.roi_head.detect(feats, metainfo, proposals[0])
