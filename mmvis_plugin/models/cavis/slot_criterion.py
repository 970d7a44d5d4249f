"""Classification and mask losses of slots that are matched to objects."""
from typing import Dict, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmcv.ops import point_sample
from mmdet.models.utils import get_uncertain_point_coords_with_randomness
from mmdet.utils import reduce_mean
from mmengine.model import BaseModule
from torch import Tensor

from mmvis_plugin.registry import MODELS, TASK_UTILS
from ..layers.precision import at_least_fp32
from .clip_targets import ClipTargets


@MODELS.register_module()
class SlotCriterion(BaseModule):
    """Losses of one layer of predictions, with a given assignment.

    An item is what has one vector of classes and one mask per slot: a frame
    for the segmenter and the tracker, a clip whose frames are stacked for the
    refiner. Classes are weighed, "no object" less than the others; masks are
    compared at points, most of them where they are uncertain. Half precision
    is computed in float32, also under autocast. Mask losses are divided by
    the number of pairs of a process, classes by the sum of their weights;
    both are means over the processes, so that several with one clip each
    train like one with all clips.

    Source: Mask2Former, section 3.2 and 3.3; CAVIS, Eq. 13. Differs from the
    released code: there every process has its own sum of weights of classes.

    Args:
        num_classes (int): K, without "no object".
        cls_weight (float): Defaults to 2.0.
        mask_weight (float): Of binary cross-entropy. Defaults to 5.0.
        dice_weight (float): Defaults to 5.0.
        no_object_weight (float): Weight of slots without an object among
            the classes. Defaults to 0.1.
        num_points (int): Points per mask and frame. Defaults to 12544.
        oversample_ratio (float): Points that the uncertain ones are chosen
            from, per point. Defaults to 3.0.
        importance_sample_ratio (float): Share of uncertain points. Defaults
            to 0.75.
        matcher (dict): Config of :class:`FirstAppearanceMatcher`.
    """

    def __init__(self,
                 num_classes: int,
                 cls_weight: float = 2.0,
                 mask_weight: float = 5.0,
                 dice_weight: float = 5.0,
                 no_object_weight: float = 0.1,
                 num_points: int = 12544,
                 oversample_ratio: float = 3.0,
                 importance_sample_ratio: float = 0.75,
                 matcher: Optional[dict] = None) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.cls_weight = cls_weight
        self.mask_weight = mask_weight
        self.dice_weight = dice_weight
        self.no_object_weight = no_object_weight
        self.num_points = num_points
        self.oversample_ratio = oversample_ratio
        self.importance_sample_ratio = importance_sample_ratio
        matcher = matcher or dict(num_points=num_points)
        self.matcher = TASK_UTILS.build(
            dict(dict(type='FirstAppearanceMatcher'), **matcher))

    def match(self,
              cls_logits: Tensor,
              mask_logits: Tensor,
              targets: ClipTargets,
              num_frames: int = 1) -> Tensor:
        """Return the slot of each object of a clip, or of an item.

        Args:
            cls_logits (Tensor): ``(T, Q, K + 1)``.
            mask_logits (Tensor): ``(T, Q, h, w)``.
            targets (ClipTargets): N objects on T frames.
            num_frames (int): As of :meth:`forward`.

        Shape:
            - output: ``(N, )`` long, -1 for an object without a slot.
        """
        return self.matcher.match(cls_logits.detach(), mask_logits.detach(),
                                  targets, num_frames)

    def forward(self,
                cls_logits: Tensor,
                mask_logits: Tensor,
                labels: Sequence[Tensor],
                masks: Sequence[Tensor],
                slots: Sequence[Tensor],
                num_frames: int = 1) -> Dict[str, Tensor]:
        """Return ``loss_cls``, ``loss_mask`` and ``loss_dice``.

        Args:
            cls_logits (Tensor): ``(I, Q, K + 1)``.
            mask_logits (Tensor): ``(I, Q, h, w)``.
            labels (Sequence[Tensor]): ``(N, )`` of each item.
            masks (Sequence[Tensor]): ``(N, H, W)`` of each item, bool.
            slots (Sequence[Tensor]): ``(N, )`` of :meth:`match`.
            num_frames (int): Frames that are stacked in an item. Defaults
                to 1.
        """
        with torch.autocast(mask_logits.device.type, enabled=False):
            found, wanted = _matched(mask_logits, masks, slots)
            loss_cls, weight = self._class_loss(cls_logits, labels, slots)
            total, weight = reduce_mean(
                torch.stack([weight.new_tensor(float(len(found))), weight]))
            loss_mask, loss_dice = self._mask_losses(found, wanted,
                                                     total.clamp(min=1),
                                                     num_frames)
            return dict(
                loss_cls=loss_cls / weight,
                loss_mask=loss_mask,
                loss_dice=loss_dice)

    def _class_loss(self, cls_logits: Tensor, labels: Sequence[Tensor],
                    slots: Sequence[Tensor]) -> Tuple[Tensor, Tensor]:
        """Return the sum over all slots, and that of their weights."""
        targets = torch.full(
            cls_logits.shape[:2], self.num_classes, device=cls_logits.device)
        for row, (item, where) in enumerate(zip(labels, slots)):
            targets[row, where[where >= 0]] = item[where >= 0]
        logits = at_least_fp32(cls_logits)
        weight = logits.new_ones(self.num_classes + 1)
        weight[-1] = self.no_object_weight
        loss = self.cls_weight * F.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), weight, reduction='sum')
        return loss, weight[targets].sum()

    def _mask_losses(self, found: Tensor, wanted: Tensor, total: Tensor,
                     num_frames: int) -> Tuple[Tensor, Tensor]:
        """Losses of ``(M, 1, h, w)`` logits and ``(M, 1, H, W)`` masks."""
        if len(found) == 0:
            return found.sum(), found.sum()
        with torch.no_grad():
            points = get_uncertain_point_coords_with_randomness(
                found, None, self.num_points * num_frames,
                self.oversample_ratio, self.importance_sample_ratio)
            truth = point_sample(wanted.to(found), points)[:, 0]
        logits = point_sample(found, points)[:, 0]
        bce = F.binary_cross_entropy_with_logits(
            logits, truth, reduction='none').mean(dim=1)
        probs = logits.sigmoid()
        dice = 1 - (2 * (probs * truth).sum(1) + 1) / (
            probs.sum(1) + truth.sum(1) + 1)
        return (self.mask_weight * bce.sum() / total,
                self.dice_weight * dice.sum() / total)


def _matched(mask_logits: Tensor, masks: Sequence[Tensor],
             slots: Sequence[Tensor]) -> Tuple[Tensor, Tensor]:
    """Collect logits and masks of all pairs, ``(M, 1, h, w)`` each."""
    found = torch.cat(
        [item[where[where >= 0]] for item, where in zip(mask_logits, slots)])
    wanted = torch.cat([item[where >= 0] for item, where in zip(masks, slots)])
    return at_least_fp32(found)[:, None], wanted[:, None]
