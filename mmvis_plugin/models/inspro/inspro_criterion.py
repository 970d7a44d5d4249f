"""Training losses of InsPro."""
from typing import Dict, List, Optional, Tuple

import torch
import torch.nn.functional as F
from mmdet.structures.bbox import bbox_overlaps
from mmdet.utils import reduce_mean
from mmengine.model import BaseModule
from torch import Tensor

from mmvis_plugin.registry import MODELS, TASK_UTILS
from ..losses.clip_mask_loss import mask_dice_loss, mask_focal_loss
from ..task_modules.padded_gt import PaddedGT
from .inspro_state import StageOutputs


@MODELS.register_module()
class InsProCriterion(BaseModule):
    r"""Match the slots of a clip and sum the losses of every stage.

    Each term is summed over slots or pairs, divided by the number of visible
    objects of the frame (mean over processes, at least 1) and averaged over
    the frames:

    .. math:: L = \frac1T \sum_t \frac1{n_t} \sum_s \big(
        2 L_{cls} + 5 L_{L1} + 2 L_{giou} + L_{dedup}
        + 5 L_{dice} + 5 L_{focal} \big).

    Source: InsPro section 3.4, Eq. 4-6; the mean over the pixels in the
    mask focal term and the squared dice are ours, the paper names neither.

    Args:
        matcher (dict): Config of :class:`TemporallyConsistentMatcher`.
        loss_dedup (dict, optional): Config of :class:`BoxDedupLoss`; None
            switches it off.
        loss_weights (dict): Factors of ``cls``, ``bbox``, ``iou``, ``dice``
            and ``mask_focal``; absent names keep the paper's 2, 5, 2, 5, 5.
        mask_stages (tuple[int], optional): Stages whose masks are
            supervised; None means all. Defaults to None.
        alpha (float): Of the focal losses. Defaults to 0.25.
        gamma (float): Of the focal losses. Defaults to 2.
    """
    WEIGHTS = dict(cls=2., bbox=5., iou=2., dice=5., mask_focal=5.)

    def __init__(self,
                 matcher: dict,
                 loss_dedup: Optional[dict] = None,
                 loss_weights: Optional[dict] = None,
                 mask_stages: Optional[Tuple[int, ...]] = None,
                 alpha: float = 0.25,
                 gamma: float = 2.) -> None:
        super().__init__()
        unknown = set(loss_weights or ()) - set(self.WEIGHTS)
        if unknown:
            raise KeyError(f'loss_weights: unknown {sorted(unknown)}, '
                           f'expected some of {sorted(self.WEIGHTS)}')
        self.matcher = TASK_UTILS.build(matcher)
        self.loss_dedup = MODELS.build(loss_dedup) if loss_dedup else None
        self.weights = {**self.WEIGHTS, **(loss_weights or {})}
        self.mask_stages = mask_stages
        self.alpha = alpha
        self.gamma = gamma

    def forward(self,
                outs: StageOutputs,
                gt: PaddedGT,
                mask_head: Optional[torch.nn.Module] = None,
                mask_targets: Optional[Tensor] = None,
                frames: Optional[List[int]] = None,
                prefix: str = 's') -> Dict[str, Tensor]:
        """Return the losses of a batch of clips.

        Args:
            outs (StageOutputs): Stacked outputs of the clips.
            gt (PaddedGT): Objects of the clips.
            mask_head (nn.Module, optional): :class:`DynamicMaskHead`.
            mask_targets (Tensor, optional): ``(B, T, G, h, w)`` at the
                resolution of the mask logits, float or bool.
            frames (list[int], optional): Frames that give losses; all
                frames take part in the matching. Defaults to all.
            prefix (str): Log keys read ``{prefix}{stage}.loss_*``.

        Returns:
            dict[str, Tensor]: Scalars.
        """
        assigned = self.matcher.match_clips(outs.logits.detach(),
                                            outs.boxes.detach(), gt)
        if frames is not None:
            outs, gt, assigned, mask_targets = _keep_frames(
                outs, gt, assigned, mask_targets, frames)
        scale = self._frame_scale(gt)  # (T, )
        pairs = _Pairs.from_assigned(assigned, outs.logits.device)
        losses = dict(
            loss_cls=self._cls_loss(outs.logits, gt, pairs, scale),
            **self._box_losses(outs.boxes, gt, pairs, scale))
        if self.loss_dedup is not None:
            losses['loss_dedup'] = self._dedup_loss(outs.boxes, gt, pairs,
                                                    scale)
        if mask_head is not None:
            losses.update(
                self._mask_losses(outs, mask_targets, pairs, scale, mask_head))
        return {
            f'{prefix}{stage}.{name}': value
            for name, per_stage in losses.items()
            for stage, value in enumerate(per_stage)
        }

    @staticmethod
    def _frame_scale(gt: PaddedGT) -> Tensor:
        """1 / (T n_t) of each frame; one reduction for all frames."""
        count = gt.valid.sum(dim=(0, 2)).float()
        count = reduce_mean(count).clamp(min=1)
        return 1 / (count * len(count))

    def _cls_loss(self, logits: Tensor, gt: PaddedGT, pairs: '_Pairs',
                  scale: Tensor) -> Tensor:
        target = torch.zeros_like(logits, dtype=torch.float32)
        labels = gt.labels[pairs.b, pairs.t, pairs.g]
        target[pairs.b, pairs.t, pairs.s, pairs.n, labels] = 1
        logits = logits.float()
        prob = logits.sigmoid()
        ce = F.binary_cross_entropy_with_logits(
            logits, target, reduction='none')
        p_t = prob * target + (1 - prob) * (1 - target)
        alpha_t = self.alpha * target + (1 - self.alpha) * (1 - target)
        loss = (alpha_t * (1 - p_t)**self.gamma * ce).sum(dim=(0, 3, 4))
        return self.weights['cls'] * (loss * scale[:, None]).sum(0)  # (S, )

    def _box_losses(self, boxes: Tensor, gt: PaddedGT, pairs: '_Pairs',
                    scale: Tensor) -> Dict[str, Tensor]:
        pred = boxes[pairs.b, pairs.t, pairs.s, pairs.n].float()
        target = gt.boxes[pairs.b, pairs.t, pairs.g]
        whwh = gt.whwh[pairs.b, pairs.t]
        l1 = ((pred - target) / whwh).abs().sum(-1)
        giou = bbox_overlaps(pred, target, mode='giou', is_aligned=True)
        num_stages = boxes.size(2)
        keep_graph = boxes.sum() * 0
        return dict(
            loss_bbox=self.weights['bbox'] *
            pairs.sum_per_stage(l1, scale, num_stages) + keep_graph,
            loss_iou=self.weights['iou'] *
            pairs.sum_per_stage(1 - giou, scale, num_stages) + keep_graph)

    def _dedup_loss(self, boxes: Tensor, gt: PaddedGT, pairs: '_Pairs',
                    scale: Tensor) -> Tensor:
        batch, num_frames, num_stages, num_slots = boxes.shape[:4]
        matched = torch.zeros(
            boxes.shape[:4], dtype=torch.bool, device=boxes.device)
        matched[pairs.b, pairs.t, pairs.s, pairs.n] = True
        size = (batch, num_frames, num_stages, gt.valid.size(-1))
        per_gt = self.loss_dedup(boxes, gt.boxes[:, :, None].expand(*size, 4),
                                 gt.valid[:, :, None].expand(size),
                                 matched)  # (B, T, S, G)
        return (per_gt.sum(dim=(0, 3)) * scale[:, None]).sum(0)

    def _mask_losses(self, outs: StageOutputs, targets: Tensor,
                     pairs: '_Pairs', scale: Tensor,
                     mask_head: torch.nn.Module) -> Dict[str, Tensor]:
        pairs = pairs.of_stages(self.mask_stages)
        num_stages = outs.logits.size(2)
        # a rank without objects still reaches the mask branch
        keep_graph = 0 * (outs.mask_feats.sum() + outs.mask_params.sum())
        if len(pairs.b) == 0:
            zero = outs.mask_feats.new_zeros(num_stages) + keep_graph
            return dict(loss_dice=zero, loss_mask_focal=zero)
        where = (pairs.b, pairs.t, pairs.s, pairs.n)
        num_frames = outs.logits.size(1)
        logits = mask_head.forward_flat(
            outs.mask_feats.flatten(0, 1), outs.mask_params[where],
            outs.boxes[where].detach(), pairs.b * num_frames + pairs.t)
        targets = targets[pairs.b, pairs.t, pairs.g].float()
        dice = mask_dice_loss(logits, targets)
        focal = mask_focal_loss(logits, targets, self.alpha, self.gamma)
        return dict(
            loss_dice=self.weights['dice'] *
            pairs.sum_per_stage(dice, scale, num_stages) + keep_graph,
            loss_mask_focal=self.weights['mask_focal'] *
            pairs.sum_per_stage(focal, scale, num_stages) + keep_graph)


class _Pairs:
    """Index vectors ``b, t, s, n, g`` of matched (slot, object) pairs.

    Args:
        index (Tensor): ``(P, 5)`` on the CPU.
        device (torch.device): Of the index vectors.
    """

    def __init__(self, index: Tensor, device: torch.device) -> None:
        self._index = index
        self._device = device
        self.b, self.t, self.s, self.n, self.g = index.to(device).unbind(1)

    @classmethod
    def from_assigned(cls, assigned: Tensor, device: torch.device) -> '_Pairs':
        """Read the pairs from ``(B, T, S, N)`` object indices, -1 = none.

        ``assigned`` is on the CPU, so finding its entries does not wait for
        the device.
        """
        where = assigned >= 0
        index = torch.cat([where.nonzero(), assigned[where][:, None]], dim=1)
        return cls(index, device)

    def of_stages(self, stages: Optional[Tuple[int, ...]]) -> '_Pairs':
        """Keep the pairs of some stages; None keeps all."""
        if stages is None:
            return self
        wanted = torch.isin(self._index[:, 2], torch.tensor(list(stages)))
        return _Pairs(self._index[wanted], self._device)

    def sum_per_stage(self, values: Tensor, scale: Tensor,
                      num_stages: int) -> Tensor:
        """Sum ``values (P, )``, weighted by frame, into ``(S, )``."""
        total = values.new_zeros(num_stages)
        return total.index_add(0, self.s, values * scale[self.t])


def _keep_frames(outs: StageOutputs, gt: PaddedGT, assigned: Tensor,
                 mask_targets: Optional[Tensor], frames: List[int]) -> tuple:

    def keep(tensor: Optional[Tensor]) -> Optional[Tensor]:
        return None if tensor is None else tensor[:, frames]

    outs = StageOutputs(
        keep(outs.logits),
        keep(outs.boxes),
        keep(outs.mask_params),
        mask_feats=keep(outs.mask_feats))
    gt = PaddedGT(**{name: keep(value) for name, value in vars(gt).items()})
    return outs, gt, keep(assigned), keep(mask_targets)
