"""RoI head that hands out what the refine head needs."""
from typing import Dict, List, Sequence, Tuple

import torch
from mmdet.models.roi_heads import StandardRoIHead
from mmdet.models.task_modules.samplers import SamplingResult
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox2roi
from mmengine.structures import InstanceData
from torch import Tensor

from mmvis_plugin.registry import MODELS
from ..losses.shared_count import shared_mean
from .sampling import sample_proposals
from .training_pairs import PositiveRoIs


@MODELS.register_module()
class PCANRoIHead(StandardRoIHead):
    """Box and mask head of Mask R-CNN, open in the middle.

    Differs from ``StandardRoIHead``: detections come with their mask
    features and logits instead of pasted masks, single losses can be asked
    for (training in stages), and proposals are not changed.
    """

    def sample(self, feats: Sequence[Tensor], proposals: List[InstanceData],
               samples: List[DetDataSample]) -> List[SamplingResult]:
        """Sample proposals of B frames for training."""
        return sample_proposals(self, feats, proposals, samples)

    def box_losses(self, feats: Sequence[Tensor],
                   sampled: List[SamplingResult]) -> Dict[str, Tensor]:
        """Return ``loss_cls`` and ``loss_bbox``."""
        return self.bbox_loss(feats, sampled)['loss_bbox']

    def mask_losses(self, feats: Sequence[Tensor],
                    sampled: List[SamplingResult],
                    samples: List[DetDataSample]) -> Dict[str, Tensor]:
        """Return ``loss_mask``, the mean over the positives.

        Differs from the released code: their number is the
        :func:`shared_count` of all processes. That of the boxes in
        :meth:`box_losses` is the same everywhere already, unless a frame has
        fewer proposals than are sampled.
        """
        objects = [sample.gt_instances for sample in samples]
        rois = bbox2roi([res.pos_priors for res in sampled])
        results = self._mask_forward(feats, rois)
        losses = self.mask_head.loss_and_target(results['mask_preds'], sampled,
                                                objects,
                                                self.train_cfg)['loss_mask']
        return dict(loss_mask=shared_mean(losses['loss_mask'], len(rois)))

    def base_masks(self, feats: Sequence[Tensor],
                   boxes: List[Tensor]) -> Tuple[Tensor, Tensor]:
        """Return mask features and base mask logits of boxes.

        Args:
            feats (Sequence[Tensor]): Pyramid of B frames.
            boxes (list[Tensor]): ``(n, 4)`` of each frame, input pixels.

        Shape:
            - outputs: ``(N, C, h, w)`` and ``(N, classes, 2h, 2w)``.
        """
        results = self._mask_forward(feats, bbox2roi(boxes))
        return results['mask_feats'], results['mask_preds']

    def positives(self, feats: Sequence[Tensor], sampled: List[SamplingResult],
                  samples: List[DetDataSample]) -> PositiveRoIs:
        """Return the positive proposals of B frames with their base masks."""
        boxes = [res.pos_priors for res in sampled]
        labels = torch.cat([res.pos_gt_labels for res in sampled])
        mask_feats, logits = self.base_masks(feats, boxes)
        targets = self.mask_head.get_targets(
            sampled, [sample.gt_instances for sample in samples],
            self.train_cfg)
        return PositiveRoIs(boxes,
                            [res.pos_assigned_gt_inds for res in sampled],
                            mask_feats, class_logits(logits, labels), targets)

    def detect(self, feats: Sequence[Tensor], metainfo: dict,
               proposals: InstanceData) -> InstanceData:
        """Return the detections of one frame.

        Args:
            feats (Sequence[Tensor]): Pyramid of the frame.
            metainfo (dict): Of the frame.
            proposals (InstanceData): ``bboxes``.

        Returns:
            InstanceData: ``bboxes`` (input pixels), ``scores``, ``labels``,
            ``mask_feats`` ``(N, C, h, w)``, ``mask_logits``
            ``(N, classes, 2h, 2w)``; the last two without pixels if there is
            no mask head.
        """
        found = self.predict_bbox(
            feats, [metainfo], [proposals], self.test_cfg, rescale=False)[0]
        if self.with_mask:
            found.mask_feats, found.mask_logits = self.base_masks(
                feats, [found.bboxes])
        else:
            nothing = found.bboxes.new_zeros((len(found), 1, 0, 0))
            found.mask_feats = found.mask_logits = nothing
        return found


def class_logits(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mask logits of the class of each object.

    Args:
        logits (Tensor): One channel per class, or one for all.
        labels (Tensor): Class of each object.

    Shape:
        - logits: ``(N, classes, h, w)``; labels: ``(N, )``; output:
          ``(N, 1, h, w)``.
    """
    if logits.size(1) == 1:
        return logits
    rows = torch.arange(len(logits), device=logits.device)
    return logits[rows, labels][:, None]
