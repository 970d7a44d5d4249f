"""Panoptic segments of a video from its slots."""
from dataclasses import dataclass
from typing import Dict, List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor

from .slot_scores import SlotPicks
from .video_instances import LogitsOf, original_masks


@dataclass
class PanopticTubes:
    """Segments of a video, whose ids are the same on all frames.

    Attributes:
        codes (list[Tensor]): Per frame ``(H, W)`` on the CPU, rank of the
            slot that owns a pixel; the number of slots for none.
        ids (Tensor): ``(n + 1, )``, segment id of each code; 0 for void.
        labels (Tensor): ``(n + 1, )``, class of each code; the number of
            classes for void.
        segments (list[dict]): ``id``, ``isthing``, ``category`` (label) and
            ``slot`` of each segment.
    """
    codes: List[Tensor]
    ids: Tensor
    labels: Tensor
    segments: List[dict]

    def __len__(self) -> int:
        return len(self.codes)

    def id_map(self, frame: int) -> Tensor:
        """Return ``(H, W)`` segment ids of a frame; 0 for void."""
        return self.ids[self.codes[frame].long()]

    def sem_seg(self, frame: int) -> Tensor:
        """Return ``(1, H, W)`` int32 label + 1000 * id of a frame.

        Void has the number of classes and the id 0.
        """
        values = self.labels + 1000 * self.ids
        return values.int()[self.codes[frame].long()][None]


class _Areas(NamedTuple):
    """Pixels of n slots: owned, probable, and both; summed over frames."""
    owned: Tensor
    probable: Tensor
    both: Tensor


def tube_panoptic_postprocess(picks: SlotPicks,
                              logits_of: LogitsOf,
                              metas: Sequence[dict],
                              num_things: int,
                              num_classes: int,
                              overlap_thr: float = 0.8,
                              mask_thr: float = 0.5) -> PanopticTubes:
    """Turn slots into panoptic segments that last over a video.

    A pixel is owned by the slot of the highest score times probability.
    A slot is dropped if it owns less than ``overlap_thr`` of the pixels where
    its probability reaches ``mask_thr``, counted over all frames. Pixels
    with a lower probability of their owner, and those of dropped slots, are
    void. Slots of one stuff class are one segment.

    Masks are computed frame by frame; what is kept is one small integer per
    pixel.

    Source: CAVIS, released code.

    Args:
        picks (SlotPicks): Slots in their order, :func:`pick_segments`.
        logits_of (Callable): Gives the mask logits of some slots on a frame.
        metas (Sequence[dict]): Metainfo of all frames.
        num_things (int): Labels below it are things.
        num_classes (int): Number of classes, the label of void.
        overlap_thr (float): Defaults to 0.8.
        mask_thr (float): Defaults to 0.5.

    Returns:
        PanopticTubes: Ids count up from 1 in the order of the slots.
    """
    codes, counts = [], []
    for index, meta in enumerate(metas):
        logits = logits_of(index, picks.slots)
        owners, areas = _owners(
            original_masks(logits, meta, with_sigmoid=True), picks.scores,
            mask_thr)
        codes.append(owners)
        counts.append(areas)
    areas = _Areas(*(torch.stack(x).sum(dim=0).cpu() for x in zip(*counts)))
    shares = areas.owned.double() / areas.probable.clamp(min=1)
    accepted = (areas.both > 0) & (shares >= overlap_thr)
    labels = picks.labels.tolist()
    ids, segments = _number(labels, picks.slots.tolist(), accepted.tolist(),
                            num_things)
    classes = [
        label if number else num_classes for label, number in zip(labels, ids)
    ]
    return PanopticTubes(codes, torch.tensor(ids + [0]),
                         torch.tensor(classes + [num_classes]), segments)


def _owners(probs: Tensor, scores: Tensor,
            mask_thr: float) -> Tuple[Tensor, _Areas]:
    """Return the codes of a frame from ``(n, H, W)``, and its areas."""
    num = len(probs)
    small = torch.uint8 if num < 256 else torch.int16
    if num == 0:
        none = scores.new_zeros(0, dtype=torch.long)
        codes = torch.zeros(probs.shape[1:], dtype=small)
        return codes, _Areas(none, none, none)
    probable = probs >= mask_thr
    owners = (probs * scores[:, None, None]).argmax(dim=0, keepdim=True)
    solid = probable.gather(0, owners)
    codes = owners.masked_fill(~solid, num)
    areas = _Areas(owners.flatten().bincount(minlength=num),
                   probable.flatten(1).sum(dim=1),
                   codes.flatten().bincount(minlength=num + 1)[:num])
    return codes[0].to(small).cpu(), areas


def _number(labels: Sequence[int], slots: Sequence[int],
            accepted: Sequence[bool],
            num_things: int) -> Tuple[List[int], List[dict]]:
    """Return the segment id of each slot, 0 if dropped, and the segments."""
    ids, segments = [], []
    stuff: Dict[int, int] = {}
    for label, slot, keep in zip(labels, slots, accepted):
        is_thing = label < num_things
        if not keep:
            ids.append(0)
        elif not is_thing and label in stuff:
            ids.append(stuff[label])
        else:
            ids.append(len(segments) + 1)
            stuff[label] = ids[-1]
            segments.append(
                dict(id=ids[-1], isthing=is_thing, category=label, slot=slot))
    return ids, segments
