"""CondInst as the one-stage detector of PCAN."""
from typing import Dict, List, Sequence, Tuple

import torch
from mmcv.ops import roi_align
from mmdet.models.detectors import CondInst
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox2roi
from mmdet.structures.mask import mask_target
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor

from mmvis_plugin.registry import MODELS, TASK_UTILS
from ..losses.shared_count import shared_mean
from .training_pairs import PositiveRoIs, learns


@MODELS.register_module()
class PCANCondInst(CondInst):
    """CondInst whose masks are cropped to boxes, to be refined.

    Our design. The one-stage model of the paper (on SipMask) was not
    published; what this shares with it is the refine head and the fusion of
    three pyramid levels.

    Args:
        mask_roi_extractor (dict): Config of the extractor of the features
            that the refine head gets.
        assigner (dict): Config of the assigner that finds which detections
            train the refine head.
        mask_size (int): Side of the cropped masks. Defaults to 28.
        **kwargs: Arguments of ``CondInst``.
    """

    def __init__(self,
                 *args,
                 mask_roi_extractor: dict,
                 assigner: dict,
                 mask_size: int = 28,
                 **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.mask_roi_extractor = MODELS.build(mask_roi_extractor)
        self.assigner = TASK_UTILS.build(assigner)
        self.mask_size = mask_size

    def losses(
        self, feats: Sequence[Tensor], samples: List[DetDataSample]
    ) -> Tuple[Dict[str, Tensor], List[InstanceData]]:
        """Return losses of what learns, and the detections of B frames.

        Args:
            feats (Sequence[Tensor]): Pyramid, ``(B, C, H, W)`` per level.
            samples (list[DetDataSample]): The annotated frames.

        Returns:
            tuple[dict, list[InstanceData]]: Nothing or ``loss_cls``,
            ``loss_bbox``, ``loss_centerness`` and ``loss_mask``; ``bboxes``
            and what masks are made from of each frame.
        """
        losses = {}
        if learns(self.bbox_head, feats) or learns(self.mask_head, feats):
            losses = self.bbox_head.loss(feats, samples)
            losses['loss_mask'] = self._mask_loss(feats, samples)
        return losses, self.propose(feats, samples)

    def _mask_loss(self, feats: Sequence[Tensor],
                   samples: List[DetDataSample]) -> Tensor:
        """Return the mean loss of the masks of all processes."""
        positives = self.bbox_head.get_positive_infos()
        if not any(len(found) for found in positives):
            return shared_mean(self._no_mask_loss(feats, positives), 0)
        compared = []  # the head may leave out some of many
        with self.mask_head.loss_mask.register_forward_hook(
                lambda _, preds, __: compared.append(len(preds[0]))):
            loss = self.mask_head.loss(
                feats, samples, positive_infos=positives)['loss_mask']
        return shared_mean(loss, sum(compared))

    def _no_mask_loss(self, feats: Sequence[Tensor],
                      positives: List[InstanceData]) -> Tensor:
        """Return 0 that reaches every parameter: a rank may see no object."""
        maps = self.mask_head.mask_feature_head(feats)
        params = torch.cat([found.param_preds for found in positives])
        return 0 * (maps.sum() + params.sum())

    @torch.no_grad()
    def propose(self, feats: Sequence[Tensor],
                samples: List[DetDataSample]) -> List[InstanceData]:
        """Return the detections of B frames, without masks."""
        return self.bbox_head.predict(feats, samples, rescale=False)

    def positives(self, feats: Sequence[Tensor], proposals: List[InstanceData],
                  samples: List[DetDataSample]) -> PositiveRoIs:
        """Return the detections of annotated objects with their masks."""
        found, gt_inds = [], []
        for objects, sample in zip(proposals, samples):
            priors = InstanceData(priors=objects.bboxes)
            assigned = self.assigner.assign(priors, sample.gt_instances,
                                            sample.get('ignored_instances'))
            keep = assigned.gt_inds > 0
            found.append(objects[keep])
            gt_inds.append(assigned.gt_inds[keep] - 1)
        boxes = [objects.bboxes for objects in found]
        # the crop clips what it gets, in place on a CPU
        targets = mask_target(
            [box.clone() for box in boxes], gt_inds,
            [sample.gt_instances.masks for sample in samples],
            ConfigDict(mask_size=self.mask_size))
        mask_feats, logits = self.crop_masks(feats, found)
        return PositiveRoIs(boxes, gt_inds, mask_feats, logits, targets)

    def crop_masks(self, feats: Sequence[Tensor],
                   found: List[InstanceData]) -> Tuple[Tensor, Tensor]:
        """Return features and mask logits inside the boxes of detections.

        Args:
            feats (Sequence[Tensor]): Pyramid of B frames.
            found (list[InstanceData]): Detections of each frame.

        Shape:
            - outputs: ``(N, C, h, w)`` and ``(N, 1, 2h, 2w)``.
        """
        rois = bbox2roi([objects.bboxes for objects in found])
        num_levels = self.mask_roi_extractor.num_inputs
        mask_feats = self.mask_roi_extractor(feats[:num_levels], rois)
        # RoIAlign reads memory as if it were contiguous
        maps = torch.cat(self.mask_head(feats, found)[0]).contiguous()
        logits = maps.new_zeros((0, 1, self.mask_size, self.mask_size))
        if len(maps) > 0:
            rows = torch.arange(len(maps), device=maps.device)
            rois = torch.cat([rows[:, None].to(rois), rois[:, 1:]], dim=1)
            logits = roi_align(
                maps.reshape(len(maps), 1,
                             *maps.shape[-2:]), rois, self.mask_size,
                1 / self.mask_head.mask_out_stride, 0, 'avg', True)
        return mask_feats, logits

    def detect(self, feats: Sequence[Tensor], metainfo: dict) -> InstanceData:
        """Return the detections of one frame.

        Args:
            feats (Sequence[Tensor]): Pyramid of the frame.
            metainfo (dict): Of the frame.

        Returns:
            InstanceData: ``bboxes`` (input pixels), ``scores``, ``labels``,
            ``mask_feats`` ``(N, C, h, w)``, ``mask_logits``
            ``(N, 1, 2h, 2w)``.
        """
        found = self.propose(feats, [DetDataSample(metainfo=metainfo)])[0]
        mask_feats, logits = self.crop_masks(feats, [found])
        return InstanceData(
            bboxes=found.bboxes,
            scores=found.scores,
            labels=found.labels,
            mask_feats=mask_feats,
            mask_logits=logits)
