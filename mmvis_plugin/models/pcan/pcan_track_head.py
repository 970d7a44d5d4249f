"""Embedding head of PCAN, with its quasi-dense losses."""
from typing import Dict, List, Sequence

from mmdet.models.task_modules.samplers import SamplingResult
from mmdet.models.tracking_heads import QuasiDenseTrackHead
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import Tensor

from mmvis_plugin.registry import MODELS
from .sampling import sample_proposals
from .training_pairs import partner_indices


@MODELS.register_module()
class PCANTrackHead(QuasiDenseTrackHead):
    """Track head whose training pairs are found by identity.

    Differs from ``QuasiDenseTrackHead.loss`` of mmdet: an object with id 0
    has a partner, reference boxes are judged by the ignored regions of their
    own frame, proposals are left as they are, and a frame without positives
    gives zero loss.
    """

    def losses(self, feats: Sequence[Tensor], ref_feats: Sequence[Tensor],
               proposals: List[InstanceData],
               ref_proposals: List[InstanceData], samples: List[DetDataSample],
               ref_samples: List[DetDataSample]) -> Dict[str, Tensor]:
        """Quasi-dense losses of B pairs of frames.

        Args:
            feats (Sequence[Tensor]): Pyramid of the key frames.
            ref_feats (Sequence[Tensor]): Pyramid of the reference frames.
            proposals (list[InstanceData]): ``bboxes`` of each key frame.
            ref_proposals (list[InstanceData]): Of each reference frame.
            samples (list[DetDataSample]): Annotated key frames.
            ref_samples (list[DetDataSample]): Annotated reference frames.

        Returns:
            dict[str, Tensor]: ``loss_track`` and ``loss_track_aux``.
        """
        sampled = sample_proposals(self, feats, proposals, samples)
        ref_sampled = sample_proposals(self, ref_feats, ref_proposals,
                                       ref_samples)
        embeds = self.embed(feats, [res.pos_priors for res in sampled])
        ref_embeds = self.embed(ref_feats, [res.priors for res in ref_sampled])
        partners = [
            partner_indices(key.gt_instances.instances_ids,
                            ref.gt_instances.instances_ids)
            for key, ref in zip(samples, ref_samples)
        ]
        return self._losses_by_embeds(embeds, ref_embeds, sampled, ref_sampled,
                                      partners)

    def _losses_by_embeds(self, embeds: Tensor, ref_embeds: Tensor,
                          sampled: List[SamplingResult],
                          ref_sampled: List[SamplingResult],
                          partners: List[Tensor]) -> Dict[str, Tensor]:
        head = self.embed_head
        nothing = (embeds.sum() + ref_embeds.sum()) * 0
        losses = dict(loss_track=nothing)
        if head.loss_track_aux is not None:
            losses['loss_track_aux'] = nothing
        dots, cosines = head.match(embeds, ref_embeds, sampled, ref_sampled)
        targets, weights = head.get_targets(partners, sampled, ref_sampled)
        for dot, cosine, target, weight in zip(dots, cosines, targets,
                                               weights):
            if dot.numel() == 0:
                continue
            losses['loss_track'] = losses['loss_track'] + head.loss_track(
                dot, target, weight, avg_factor=weight.sum()) / len(dots)
            if head.loss_track_aux is not None:
                losses['loss_track_aux'] = losses['loss_track_aux'] + \
                    head.loss_track_aux(cosine, target) / len(dots)
        return losses

    def embed(self, feats: Sequence[Tensor], boxes: List[Tensor]) -> Tensor:
        """Return the embeddings of boxes.

        Args:
            feats (Sequence[Tensor]): Pyramid of B frames.
            boxes (list[Tensor]): ``(n, 4)`` of each frame, input pixels.

        Shape:
            - output: ``(N, C)``, N boxes of all frames.
        """
        return self.embed_head(self.extract_roi_feats(feats, boxes))
