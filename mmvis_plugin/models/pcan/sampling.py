"""Proposals for training."""
from typing import Any, List, Sequence

from mmdet.models.task_modules.samplers import SamplingResult
from mmdet.models.utils import unpack_gt_instances
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import Tensor


def sample_proposals(head: Any, feats: Sequence[Tensor],
                     proposals: List[InstanceData],
                     samples: List[DetDataSample]) -> List[SamplingResult]:
    """Assign proposals to objects and sample positives and negatives.

    Args:
        head (Any): With ``bbox_assigner`` and ``bbox_sampler``.
        feats (Sequence[Tensor]): Pyramid of the frames, ``(B, C, H, W)``
            per level.
        proposals (list[InstanceData]): ``bboxes`` of each frame; not changed.
        samples (list[DetDataSample]): The annotated frames.

    Returns:
        list[SamplingResult]: One per frame.
    """
    objects, ignored, _ = unpack_gt_instances(samples)
    results = []
    for i, found in enumerate(proposals):
        priors = InstanceData(priors=found.bboxes)
        assigned = head.bbox_assigner.assign(priors, objects[i], ignored[i])
        results.append(
            head.bbox_sampler.sample(
                assigned,
                priors,
                objects[i],
                feats=[level[i][None] for level in feats]))
    return results
