"""Targets of a batch of images."""
from dataclasses import dataclass
from typing import Sequence, Tuple

import torch
from torch import Tensor

from .stuff_targets import soft_labels, stuff_targets, to_canvas
from .thing_targets import ThingTargets, thing_targets


@dataclass(frozen=True)
class ImageTargets:
    """Ground truth of an image without padding.

    Attributes:
        masks (Tensor): ``(n, H, W)``, things; any type.
        boxes (Tensor): ``(n, 4)``, x1, y1, x2, y2 in pixels.
        labels (Tensor): ``(n, )`` int64, classes of things.
        sem (Tensor): ``(H, W)``, classes of the semantic map; others, as
            255, are unknown.
    """
    masks: Tensor
    boxes: Tensor
    labels: Tensor
    sem: Tensor

    def enlarged(self, factor: int) -> 'ImageTargets':
        """Return the ground truth of the enlarged image.

        Args:
            factor (int): Each pixel becomes a square of this side.
        """
        if factor == 1:
            return self
        masks, sem = (
            x.repeat_interleave(factor, -1).repeat_interleave(factor, -2)
            for x in (self.masks, self.sem))
        return ImageTargets(masks, factor * self.boxes, self.labels, sem)


@dataclass(frozen=True)
class PanopticFCNTargets:
    """What the heads should give for a batch.

    Attributes:
        masks (Tensor): ``(n, H / 4, W / 4)``, soft masks of the things of
            all images.
        labels (Tensor): ``(n, )``, their classes.
        images (Tensor): ``(n, )``, their images.
        things (tuple[ThingTargets]): Centres, one per level.
        shares (Tensor): ``(B, C, H / 4, W / 4)``, soft masks of the classes
            of the semantic map.
        regions (tuple[Tensor]): ``(B, C, h, w)`` of each level.
    """
    masks: Tensor
    labels: Tensor
    images: Tensor
    things: Tuple[ThingTargets, ...]
    shares: Tensor
    regions: Tuple[Tensor, ...]


@torch.no_grad()
def build_targets(images: Sequence[ImageTargets],
                  canvas: Tuple[int, int],
                  level_sizes: Sequence[Tuple[int, int]],
                  num_things: int,
                  num_semantic: int,
                  scales: Sequence[Tuple[float, float]],
                  center: str = 'mass',
                  overlap: float = 0.7) -> PanopticFCNTargets:
    """Build the targets of a batch.

    Things that vanish at a stride of 4 are left out: they have no centre.

    Args:
        images (Sequence[ImageTargets]): Ground truth.
        canvas (tuple[int, int]): Height and width of the padded input over
            4.
        level_sizes (Sequence[tuple[int, int]]): Height and width of the
            levels.
        num_things (int): Classes of things.
        num_semantic (int): Classes of the semantic map.
        scales (Sequence[tuple[float, float]]): Range of sizes of things of
            each level in pixels.
        center (str): See :func:`thing_targets`. Defaults to 'mass'.
        overlap (float): See :func:`thing_targets`. Defaults to 0.7.

    Returns:
        PanopticFCNTargets: Without gradient.
    """
    masks = torch.cat([to_canvas(image.masks, canvas) for image in images])
    boxes = torch.cat([image.boxes for image in images])
    labels = torch.cat([image.labels for image in images])
    counts = torch.tensor([len(image.labels) for image in images],
                          device=labels.device)
    owners = torch.arange(
        len(images), device=labels.device).repeat_interleave(counts)
    kept = masks.flatten(1).any(dim=1)
    masks, boxes, labels, owners = (
        part[kept] for part in (masks, boxes, labels, owners))
    shares = torch.stack(
        [soft_labels(image.sem, num_semantic, canvas) for image in images])
    things = thing_targets(masks, boxes, labels, owners, len(images),
                           num_things, level_sizes, scales, center, overlap)
    return PanopticFCNTargets(masks, labels, owners, things, shares,
                              stuff_targets(shares, level_sizes))
