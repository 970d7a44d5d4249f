"""One assignment of slots and objects for a whole clip."""
from typing import Sequence

import torch
from mmcv.ops import point_sample
from mmengine.structures import InstanceData
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from mmvis_plugin.registry import TASK_UTILS
from ..layers.precision import at_least_fp32
from .clip_targets import ClipTargets


@TASK_UTILS.register_module()
class FirstAppearanceMatcher:
    """Match each object on the frame where it appears first.

    The frames are taken in order. The objects that are new on a frame are
    matched to the slots that are still free, at the least total cost of the
    predictions of that frame. The pairs hold for all frames of the clip.

    Source: CAVIS, Eq. 13. Differs from the released code: with more objects
    than slots the rest stay without one; there they share slots.

    Args:
        match_costs (list[dict]): Costs of mmdet, which get ``scores`` (class
            logits) and ``masks`` (logits at random points).
        num_points (int): Random points of a frame, shared by all masks.
            Defaults to 12544.
    """
    # far above any true cost, low enough to leave float64 sums exact
    _MAX_COST = 1e6

    def __init__(self,
                 match_costs: Sequence[dict] = (
                     dict(type='ClassificationCost', weight=2.0),
                     dict(
                         type='CrossEntropyLossCost',
                         weight=5.0,
                         use_sigmoid=True),
                     dict(type='DiceCost', weight=5.0, pred_act=True,
                          eps=1.0)),
                 num_points: int = 12544) -> None:
        self.match_costs = [TASK_UTILS.build(cost) for cost in match_costs]
        self.num_points = num_points

    @torch.no_grad()
    def match(self,
              cls_logits: Tensor,
              mask_logits: Tensor,
              targets: ClipTargets,
              num_stacked: int = 1) -> Tensor:
        """Match the objects of one clip.

        Args:
            cls_logits (Tensor): Class logits of the slots, "no object" last.
            mask_logits (Tensor): Their mask logits.
            targets (ClipTargets): Objects; their masks may be larger.
            num_stacked (int): Frames that are stacked in one picture; each
                of them gets ``num_points``. Defaults to 1.

        Returns:
            Tensor: Slot of each object, -1 if none is left, on the device
            of the logits.

        Shape:
            - cls_logits: ``(T, Q, K + 1)``; mask_logits: ``(T, Q, h, w)``.
            - output: ``(N, )`` long.
        """
        slots = targets.labels.new_full((len(targets), ), -1).cpu()
        first = targets.first_frames.cpu()
        free = torch.ones(cls_logits.size(1), dtype=torch.bool)
        for frame in first.unique().tolist():
            fresh = (first == frame).nonzero()[:, 0]
            rows = fresh.to(targets.labels.device)
            cost = self.cost(cls_logits[frame], mask_logits[frame],
                             targets.labels[rows], targets.masks[rows, frame],
                             num_stacked)
            open_slots = free.nonzero()[:, 0]
            picks, columns = linear_sum_assignment(cost.cpu()[open_slots])
            slots[fresh[columns]] = open_slots[picks]
            free[open_slots[picks]] = False
        return slots.to(cls_logits.device)

    @torch.no_grad()
    def cost(self,
             cls_logits: Tensor,
             mask_logits: Tensor,
             gt_labels: Tensor,
             gt_masks: Tensor,
             num_stacked: int = 1) -> Tensor:
        """Return the cost of each slot for each object of a frame.

        Args:
            cls_logits (Tensor): ``(Q, K + 1)``.
            mask_logits (Tensor): ``(Q, h, w)``.
            gt_labels (Tensor): ``(N, )``.
            gt_masks (Tensor): ``(N, H, W)``.
            num_stacked (int): As of :meth:`match`.

        Shape:
            - output: ``(Q, N)``, float32 at least, finite.
        """
        with torch.autocast(mask_logits.device.type, enabled=False):
            masks = at_least_fp32(mask_logits)
            points = torch.rand(1, num_stacked * self.num_points, 2).to(masks)
            found = InstanceData(
                scores=at_least_fp32(cls_logits),
                masks=_at_points(masks, points))
            wanted = InstanceData(
                labels=gt_labels, masks=_at_points(gt_masks.to(masks), points))
            total = sum(
                cost(pred_instances=found, gt_instances=wanted)
                for cost in self.match_costs)
        worst = self._MAX_COST
        return total.nan_to_num(worst, worst, worst).clamp(-worst, worst)


def _at_points(masks: Tensor, points: Tensor) -> Tensor:
    """Sample ``(N, H, W)`` at ``(1, P, 2)`` to ``(N, P)``."""
    points = points.expand(len(masks), -1, -1)
    return point_sample(masks[:, None], points, align_corners=False)[:, 0]
