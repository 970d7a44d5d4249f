"""Classes and scores of slots."""
from typing import NamedTuple, Optional

import torch
from torch import Tensor

from ..layers.precision import at_least_fp32


class SlotPicks(NamedTuple):
    """What is reported of a video.

    Attributes:
        slots (Tensor): ``(n, )`` long.
        labels (Tensor): ``(n, )`` long.
        scores (Tensor): ``(n, )``.
    """
    slots: Tensor
    labels: Tensor
    scores: Tensor


def slot_class_probs(logits: Tensor,
                     aux_logits: Optional[Tensor] = None) -> Tensor:
    """Return the class probabilities of the slots of a video.

    Args:
        logits (Tensor): Class logits, "no object" last: of the refiner, or
            the mean over the frames of those of the tracker.
        aux_logits (Tensor, optional): With a refiner, the mean logits of the
            tracker: the larger probability of a class counts. That of "no
            object" stays the refiner's. Defaults to None.

    Shape:
        - logits, aux_logits, output: ``(Q, K + 1)``.
    """
    probs = at_least_fp32(logits).softmax(dim=-1)
    if aux_logits is not None:
        aux = at_least_fp32(aux_logits).softmax(dim=-1)
        merged = torch.maximum(probs, aux)[..., :-1]
        probs = torch.cat([merged, probs[..., -1:]], dim=-1)
    return probs


def pick_instances(probs: Tensor, topk: int) -> SlotPicks:
    """Pick the best pairs of slot and class; a slot may come repeatedly.

    Args:
        probs (Tensor): :func:`slot_class_probs`.
        topk (int): Number of pairs: 20 for OVIS, 10 for YouTube-VIS.

    Returns:
        SlotPicks: By falling score.

    Shape:
        - probs: ``(Q, K + 1)``.
    """
    probs = probs[:, :-1]
    scores, flat = probs.flatten().topk(min(topk, probs.numel()))
    slots = torch.div(flat, probs.size(1), rounding_mode='floor')
    return SlotPicks(slots, flat % probs.size(1), scores)


def pick_segments(probs: Tensor, score_thr: float = 0.8) -> SlotPicks:
    """Pick the slots that are some object with enough certainty.

    Args:
        probs (Tensor): :func:`slot_class_probs`.
        score_thr (float): A score must be above it. Defaults to 0.8.

    Returns:
        SlotPicks: In the order of the slots.

    Shape:
        - probs: ``(Q, K + 1)``.
    """
    scores, labels = probs.max(dim=1)
    kept = (labels < probs.size(1) - 1) & (scores > score_thr)
    slots = kept.nonzero()[:, 0]
    return SlotPicks(slots, labels[slots], scores[slots])
