"""Matching of slots and objects that holds over a clip."""
from typing import Dict, List, Tuple, Union

import numpy as np
import torch
import torch.nn.functional as F
from mmdet.structures.bbox import bbox_overlaps
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from mmvis_plugin.registry import TASK_UTILS
from ..layers.precision import at_least_fp32
from .padded_gt import PaddedGT

ArrayLike = Union[np.ndarray, Tensor]


@TASK_UTILS.register_module()
class TemporallyConsistentMatcher:
    r"""Match slots to the objects of a clip so that an object keeps its slot.

    On the first frame objects are matched to slots at the least total cost.
    Later, an object that has a slot keeps it, also after an absence; a new
    object is matched among the slots that never had one. The slot of an
    absent object is background and is not given away. With sigmoid
    probability :math:`\rho` of the class of the object the cost is

    .. math:: \lambda_{cls} \big[\alpha (1-\rho)^\gamma (-\log\rho)
        - (1-\alpha) \rho^\gamma (-\log(1-\rho))\big]
        + \lambda_{L1} \lVert \hat b_i - \hat b_g \rVert_1
        - \lambda_{giou} \mathrm{GIoU}(b_i, b_g),

    where :math:`\hat b` is divided by the size of the image.

    Source: InsPro section 3.3 and Eq. 3. The paper leaves the stages open:
    here an object with a slot uses it at every stage, a new one is matched
    at each stage for itself, and the last stage decides which slot it keeps.

    Args:
        match_mode (str): 'per_stage' as above; 'last_stage' matches new
            objects on the last stage only and uses the result at all stages.
            Defaults to 'per_stage'.
        tcm (bool): False forgets the slots after each frame (the ablation
            without temporal consistency). Defaults to True.
        cost_cls (float): :math:`\lambda_{cls}`. Defaults to 2.
        cost_l1 (float): :math:`\lambda_{L1}`. Defaults to 5.
        cost_giou (float): :math:`\lambda_{giou}`. Defaults to 2.
        alpha (float): Defaults to 0.25.
        gamma (float): Defaults to 2.

    Shape:
        ``B`` clips, ``T`` frames, ``S`` stages, ``N`` slots, ``K`` classes,
        ``G`` objects of a frame with padding.
    """
    MATCH_MODES = ('per_stage', 'last_stage')
    # far above any true cost, low enough to leave float64 sums exact
    _MAX_COST = 1e6

    def __init__(self,
                 match_mode: str = 'per_stage',
                 tcm: bool = True,
                 cost_cls: float = 2.,
                 cost_l1: float = 5.,
                 cost_giou: float = 2.,
                 alpha: float = 0.25,
                 gamma: float = 2.) -> None:
        if match_mode not in self.MATCH_MODES:
            raise ValueError(f'match_mode={match_mode!r} is unknown, expected '
                             f'one of {self.MATCH_MODES}')
        self.match_mode = match_mode
        self.tcm = tcm
        self.cost_cls = cost_cls
        self.cost_l1 = cost_l1
        self.cost_giou = cost_giou
        self.alpha = alpha
        self.gamma = gamma

    def match_clips(self, logits: Tensor, boxes: Tensor,
                    gt: PaddedGT) -> Tensor:
        """Match all clips of an iteration with one copy from the device.

        Args:
            logits (Tensor): ``(B, T, S, N, K)``.
            boxes (Tensor): ``(B, T, S, N, 4)``, xyxy pixels.
            gt (PaddedGT): Objects of the clips.

        Returns:
            Tensor: ``(B, T, S, N)`` long **on the CPU**: index of the object
            in the padded dimension, -1 for background.
        """
        size = logits.shape[:2]
        costs = self.cost(
            logits.flatten(0, 1), boxes.flatten(0, 1), gt.labels.flatten(0, 1),
            gt.boxes.flatten(0, 1), gt.whwh.flatten(0, 1))
        ids = gt.ids.masked_fill(~gt.valid, -1)
        ids, costs = _to_host(ids, costs.unflatten(0, size))
        return torch.stack([
            self.match(clip_cost, clip_ids, clip_ids >= 0)
            for clip_cost, clip_ids in zip(costs, ids)
        ])

    @torch.no_grad()
    def cost(self, logits: Tensor, boxes: Tensor, gt_labels: Tensor,
             gt_boxes: Tensor, whwh: Tensor) -> Tensor:
        """Return the cost of every slot for every object of its frame.

        Args:
            logits (Tensor): ``(T, S, N, K)``.
            boxes (Tensor): ``(T, S, N, 4)``, xyxy pixels.
            gt_labels (Tensor): ``(T, G)`` long; padding holds any class.
            gt_boxes (Tensor): ``(T, G, 4)``, xyxy pixels.
            whwh (Tensor): ``(T, 4)``, size of the un-padded images.

        Returns:
            Tensor: ``(T, S, N, G)``, float32 at least, finite: the cost of a
            prediction that is not finite is above every other.
        """
        num_stages, num_slots = logits.shape[1:3]
        logits = at_least_fp32(logits).flatten(1, 2)  # (T, S·N, K)
        boxes = at_least_fp32(boxes).flatten(1, 2)
        gt_boxes, whwh = gt_boxes.to(boxes), whwh.to(boxes)[:, None]

        labels = gt_labels[:, None].expand(-1, logits.size(1), -1)
        logits = logits.gather(-1, labels)  # (T, S·N, G)
        probs = logits.sigmoid()
        positive = self.alpha * (1 - probs)**self.gamma * F.softplus(-logits)
        negative = (1 - self.alpha) * probs**self.gamma * F.softplus(logits)

        l1 = torch.cdist(boxes / whwh, gt_boxes / whwh, p=1)
        giou = bbox_overlaps(boxes, gt_boxes, mode='giou')
        cost = (
            self.cost_cls * (positive - negative) + self.cost_l1 * l1 -
            self.cost_giou * giou)
        worst = self._MAX_COST
        cost = cost.nan_to_num(worst, worst, worst).clamp(-worst, worst)
        return cost.unflatten(1, (num_stages, num_slots))

    def match(self, cost: ArrayLike, gt_ids: ArrayLike,
              gt_valid: ArrayLike) -> Tensor:
        """Match the frames of one clip in order.

        Args:
            cost (np.ndarray or Tensor): ``(T, S, N, G)`` on the CPU, finite.
            gt_ids (np.ndarray or Tensor): ``(T, G)`` ids, unique per frame.
            gt_valid (np.ndarray or Tensor): ``(T, G)``, False for padding.

        Returns:
            Tensor: ``(T, S, N)`` long: index of the object in the padded
            dimension, -1 for background.

        Raises:
            ValueError: If an id stands twice on a frame.
        """
        cost, gt_ids = np.asarray(cost), np.asarray(gt_ids)
        assigned = np.full(cost.shape[:3], -1, dtype=np.int64)
        slot_of: Dict[int, int] = {}
        for frame, valid in enumerate(np.asarray(gt_valid)):
            columns = np.flatnonzero(valid).tolist()
            ids = gt_ids[frame].tolist()
            if self.tcm:
                _check_unique(frame, [ids[col] for col in columns])
            else:
                slot_of = {}
            known = [col for col in columns if ids[col] in slot_of]
            fresh = [col for col in columns if ids[col] not in slot_of]
            slots = [slot_of[ids[col]] for col in known]
            assigned[frame][:, slots] = known
            free = np.ones(cost.shape[2], dtype=bool)
            free[list(slot_of.values())] = False
            pairs = self._match_fresh(cost[frame], np.flatnonzero(free),
                                      np.array(fresh, dtype=int),
                                      assigned[frame])
            slot_of.update((ids[col], slot) for slot, col in pairs)
        return torch.from_numpy(assigned)

    def _match_fresh(self, cost: np.ndarray, free: np.ndarray,
                     fresh: np.ndarray,
                     assigned: np.ndarray) -> List[Tuple[int, int]]:
        """Match objects without a slot on one frame, writing ``assigned``.

        Args:
            cost (np.ndarray): ``(S, N, G)``.
            free (np.ndarray): Slots that never had an object.
            fresh (np.ndarray): Columns of the objects without a slot.
            assigned (np.ndarray): ``(S, N)``, changed in place.

        Returns:
            list[tuple[int, int]]: Pairs of slot and column of the last stage.
        """
        last = len(cost) - 1
        first = last if self.match_mode == 'last_stage' else 0
        slots = columns = fresh[:0]
        for stage in range(first, last + 1):
            rows, picks = linear_sum_assignment(cost[stage][np.ix_(
                free, fresh)])
            slots, columns = free[rows], fresh[picks]
            assigned[stage, slots] = columns
        assigned[:first, slots] = columns
        return list(zip(slots.tolist(), columns.tolist()))


def _check_unique(frame: int, ids: List[int]) -> None:
    if len(set(ids)) < len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise ValueError(
            f'frame {frame} of a clip: object id {twice} stands '
            f'{ids.count(twice)} times in instances_ids, expected once; '
            'correct the ids of the annotation')


def _to_host(ids: Tensor, costs: Tensor) -> Tuple[Tensor, Tensor]:
    """Copy int64 ids and float32 costs to the CPU together, bit by bit."""
    ids, costs = ids.contiguous(), costs.float().contiguous()
    bits = [ids.view(torch.int32).flatten(), costs.view(torch.int32).flatten()]
    host_ids, host_costs = torch.cat(bits).cpu().split(
        [len(part) for part in bits])
    return (host_ids.view(torch.int64).view(ids.shape),
            host_costs.view(torch.float32).view(costs.shape))
