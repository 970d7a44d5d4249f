"""One segment per pixel out of masks that overlap."""
from typing import List, NamedTuple, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


class PanopticSegments(NamedTuple):
    """A segment map and the list of its segments, things first.

    Attributes:
        seg_map (Tensor): ``(H, W)`` int32, 0 for no segment, else row of the
            list + 1.
        labels (Tensor): ``(S, )`` int64.
        is_thing (Tensor): ``(S, )`` bool.
        scores (Tensor): ``(S, )``; 1 for stuff.
    """
    seg_map: Tensor
    labels: Tensor
    is_thing: Tensor
    scores: Tensor

    def local_ids(self) -> Tensor:
        """Return the segment map with zeros in place of stuff.

        As things come first, ids are 1 to their number.
        """
        num_things = int(self.is_thing.sum())
        return self.seg_map * (self.seg_map <= num_things)

    def segments_info(self, offset: int = 1000) -> List[dict]:
        """Return the list of segments as :func:`to_panoptic_map` writes them.

        Args:
            offset (int): Factor on the numbers of things. Defaults to 1000.

        Returns:
            list[dict]: ``id`` (value on the map), ``category`` (label),
            ``isthing`` and ``score``.
        """
        rows = zip(self.labels.tolist(), self.is_thing.tolist(),
                   self.scores.tolist())
        return [
            dict(
                id=label + offset * number * isthing,
                category=label,
                isthing=isthing,
                score=score)
            for number, (label, isthing, score) in enumerate(rows, 1)
        ]


def resize_probs(probs: Tensor, img_shape: Tuple[int, int],
                 ori_shape: Tuple[int, int]) -> Tensor:
    """Bring maps of stride 4 to the size of the original image.

    Args:
        probs (Tensor): Maps of the padded input.
        img_shape (tuple[int, int]): Height and width without padding.
        ori_shape (tuple[int, int]): Height and width of the result.

    Returns:
        Tensor: Same type.

    Shape:
        - probs: ``(K, h, w)``; output: ``(K, *ori_shape)``.
    """
    if len(probs) == 0:
        return probs.new_zeros((0, *ori_shape))
    probs = F.interpolate(
        probs[None], scale_factor=4, mode='bilinear', align_corners=False)
    probs = probs[..., :img_shape[0], :img_shape[1]]
    return F.interpolate(
        probs, size=tuple(ori_shape), mode='bilinear', align_corners=False)[0]


def resize_masks(probs: Tensor,
                 img_shape: Tuple[int, int],
                 ori_shape: Tuple[int, int],
                 mask_thr: float,
                 chunk_size: int = 16) -> Tensor:
    """Masks of the size of the original image.

    Args:
        probs (Tensor): Probabilities at stride 4 of the padded input.
        img_shape (tuple[int, int]): Height and width without padding.
        ori_shape (tuple[int, int]): Height and width of the result.
        mask_thr (float): Probability above which a pixel is in a mask.
        chunk_size (int): Masks that are resized at once, which bounds the
            memory. Defaults to 16.

    Returns:
        Tensor: bool.

    Shape:
        - probs: ``(K, h, w)``; output: ``(K, *ori_shape)``.
    """
    return torch.cat([
        resize_probs(part, img_shape, ori_shape) > mask_thr
        for part in probs.split(chunk_size)
    ])


def merge_panoptic(masks: Tensor,
                   labels: Tensor,
                   scores: Tensor,
                   sem_map: Tensor,
                   sem_to_label: Tensor,
                   score_thr: float = 0.2,
                   overlap_thr: float = 0.5,
                   stuff_area: int = 4096) -> PanopticSegments:
    """Put things, best first, on an empty map and stuff into what is free.

    Things without a pixel and things of which more than ``overlap_thr`` is
    taken are skipped, others get what is free of them. Then every class of
    stuff gets its free pixels if these are ``stuff_area`` or more.

    Whether a thing is skipped depends on those before: things are put one
    after the other, in the box of each.

    Source: PanopticFCN, section 3.2.4; Panoptic Feature Pyramid Networks,
    section 4.

    Args:
        masks (Tensor): Things by falling score, bool.
        labels (Tensor): Their classes.
        scores (Tensor): Their scores.
        sem_map (Tensor): Most likely semantic class of every pixel; -1 where
            there is none.
        sem_to_label (Tensor): Class of the result of each semantic class, -1
            for one that is not written.
        score_thr (float): Things from this score on are put.
            Defaults to 0.2.
        overlap_thr (float): See above. Defaults to 0.5.
        stuff_area (int): In pixels. Defaults to 4096.

    Returns:
        PanopticSegments: Map and list.

    Shape:
        - masks: ``(K, H, W)``; labels, scores: ``(K, )``.
        - sem_map: ``(H, W)`` int64; sem_to_label: ``(C, )``.
    """
    seg_map = torch.zeros_like(sem_map, dtype=torch.int32)
    placed = []
    for row in (scores >= score_thr).nonzero()[:, 0].tolist():
        if _place(seg_map, masks[row], len(placed) + 1, overlap_thr):
            placed.append(row)
    classes = _free_classes(seg_map, sem_map, sem_to_label, stuff_area)
    number = torch.zeros(
        len(sem_to_label) + 1, dtype=torch.int32, device=sem_map.device)
    number[classes] = torch.arange(
        len(placed) + 1,
        len(placed) + len(classes) + 1,
        dtype=torch.int32,
        device=sem_map.device)
    # class -1 looks up the last entry, which is zero
    seg_map = torch.where(seg_map > 0, seg_map, number[sem_map])
    return PanopticSegments(
        seg_map, torch.cat([labels[placed], sem_to_label[classes]]),
        torch.arange(len(placed) + len(classes), device=labels.device)
        < len(placed),
        torch.cat([scores[placed],
                   scores.new_ones(len(classes))]))


def _place(seg_map: Tensor, mask: Tensor, number: int,
           overlap_thr: float) -> bool:
    """Write the free part of a mask into the map, if it is large enough."""
    rows, columns = (mask.any(dim=axis).nonzero()[:, 0] for axis in (1, 0))
    if len(rows) == 0:
        return False
    box = (slice(int(rows[0]),
                 int(rows[-1]) + 1),
           slice(int(columns[0]),
                 int(columns[-1]) + 1))
    mask, below = mask[box], seg_map[box]
    free = mask & (below == 0)
    area, num_free = int(mask.sum()), int(free.sum())
    if (area - num_free) / area > overlap_thr:
        return False
    below[free] = number
    return True


def _free_classes(seg_map: Tensor, sem_map: Tensor, sem_to_label: Tensor,
                  stuff_area: int) -> Tensor:
    """Semantic classes that are written, ascending."""
    free = sem_map[(seg_map == 0) & (sem_map >= 0)]
    areas = free.bincount(minlength=len(sem_to_label))
    written = (areas >= max(stuff_area, 1)) & (sem_to_label >= 0)
    return written.nonzero()[:, 0]


def semantic_map(probs: Tensor, classes: Tensor) -> Tensor:
    """Most likely class of every pixel among those that are there.

    Args:
        probs (Tensor): Probabilities.
        classes (Tensor): Their classes, ascending.

    Returns:
        Tensor: int64; -1 everywhere if there is no class.

    Shape:
        - probs: ``(S, H, W)``; classes: ``(S, )``; output: ``(H, W)``.
    """
    if len(classes) == 0:
        return torch.full(
            probs.shape[1:], -1, dtype=torch.long, device=probs.device)
    return classes[probs.argmax(dim=0)]


def drop_small_things(segments: PanopticSegments,
                      min_area: int) -> PanopticSegments:
    """Remove things of which few pixels are left.

    Args:
        segments (PanopticSegments): After the merge.
        min_area (int): Things below this visible area become void.

    Returns:
        PanopticSegments: Numbered anew.
    """
    seg_map, _, is_thing, _ = segments
    areas = seg_map.flatten().long().bincount(minlength=len(is_thing) + 1)[1:]
    kept = ~is_thing | (areas >= min_area)
    number = torch.zeros(
        len(kept) + 1, dtype=torch.int32, device=seg_map.device)
    number[1:][kept] = torch.arange(
        1, int(kept.sum()) + 1, dtype=torch.int32, device=seg_map.device)
    return PanopticSegments(number[seg_map.long()],
                            *(part[kept] for part in segments[1:]))


def to_panoptic_map(segments: PanopticSegments,
                    num_classes: int,
                    ids: Optional[Tensor] = None,
                    offset: int = 1000) -> Tensor:
    """Write labels and identities into one map.

    Args:
        segments (PanopticSegments): A frame.
        num_classes (int): Classes, also the value of pixels without segment.
        ids (Tensor, optional): Identities of the things, from 1. None
            numbers them in the order of the list. Defaults to None.
        offset (int): Factor on identities. Defaults to 1000, mmdet's.

    Returns:
        Tensor: int64, label + ``offset`` x identity of things, label of
        stuff.

    Shape:
        - ids: ``(n, )``, n the number of things; output: ``(H, W)``.
    """
    labels, is_thing = segments.labels, segments.is_thing
    num_things = int(is_thing.sum())
    if ids is None:
        ids = torch.arange(1, num_things + 1, device=labels.device)
    values = labels.new_full((len(labels) + 1, ), num_classes)
    values[1:] = labels
    values[1:num_things + 1] += offset * ids.to(labels)
    return values[segments.seg_map.long()]
