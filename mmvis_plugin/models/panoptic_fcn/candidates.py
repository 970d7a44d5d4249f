"""Positions of an image that may be objects, with their kernels."""
from typing import NamedTuple, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Candidates(NamedTuple):
    """Kernels of objects.

    Attributes:
        kernels (Tensor): ``(K, D)``.
        labels (Tensor): ``(K, )`` int64.
        scores (Tensor): ``(K, )`` in [0, 1].
    """
    kernels: Tensor
    labels: Tensor
    scores: Tensor

    def choose(self, rows: Tensor) -> 'Candidates':
        """Return some candidates.

        Args:
            rows (Tensor): Indices or a mask.
        """
        return Candidates(*(part[rows] for part in self))


def thing_candidates(centers: Sequence[Tensor], kernels: Sequence[Tensor],
                     pool_sizes: Sequence[int], max_per_level: int,
                     score_thr: float) -> Candidates:
    """Peaks of the centre maps of an image, best first.

    The probability of a cell is averaged with the mean over its surrounding;
    peaks are cells that no neighbour of 3 x 3 exceeds.

    Source: PanopticFCN, section 3.2.4 and its published code.

    Args:
        centers (Sequence[Tensor]): Logits ``(C, h, w)`` of each level.
        kernels (Sequence[Tensor]): ``(D, h, w)`` of each level.
        pool_sizes (Sequence[int]): Side of the surrounding at each level.
        max_per_level (int): Twice the peaks of a level.
        score_thr (float): Peaks above it count.

    Returns:
        Candidates: Of all levels.
    """
    found = []
    for logit, kernel, side in zip(centers, kernels, pool_sizes):
        score = logit.float().sigmoid()
        score = (score + F.avg_pool2d(score, side, 1, side // 2)) / 2
        peak = score == F.max_pool2d(score, 3, 1, 1)
        num_cells = score.size(1) * score.size(2)
        scores, index = (score * peak).flatten().topk(
            min(num_cells, max_per_level // 2))
        index, scores = index[scores > score_thr], scores[scores > score_thr]
        found.append(
            Candidates(
                kernel.flatten(1).t()[index % num_cells], index // num_cells,
                scores))
    merged = Candidates(*map(torch.cat, zip(*found)))
    return merged.choose(merged.scores.argsort(descending=True, stable=True))


def stuff_candidates(regions: Sequence[Tensor], kernels: Sequence[Tensor],
                     score_thr: float) -> Candidates:
    """Regions in which a class is the most likely one, level by level.

    The kernel is the sum over the region divided by the cells of the level,
    the score the mean probability in the region.

    Source: PanopticFCN, section 3.2.4 and its published code.

    Args:
        regions (Sequence[Tensor]): Logits ``(C, h, w)`` of each level.
        kernels (Sequence[Tensor]): ``(D, h, w)`` of each level.
        score_thr (float): Regions above it count.

    Returns:
        Candidates: Of all levels, classes ascending in a level.
    """
    found = []
    for logit, kernel in zip(regions, kernels):
        probs = logit.float().sigmoid().flatten(1)
        best, winner = probs.max(dim=0)
        counts = winner.bincount(minlength=len(probs))
        sums = best.new_zeros(len(probs)).index_add_(0, winner, best)
        scores = sums / counts.clamp(min=1)
        labels = (scores > score_thr).nonzero()[:, 0]
        masks = (winner == labels[:, None]).to(kernel)
        pooled = masks @ kernel.flatten(1).t() / kernel[0].numel()
        found.append(Candidates(pooled, labels, scores[labels]))
    return Candidates(*map(torch.cat, zip(*found)))


def fuse_thing_kernels(things: Candidates, sim_thr: float) -> Candidates:
    """Merge kernels of one class that look alike, best first.

    A candidate is related to a later one of its class if the cosine of
    their kernels reaches ``sim_thr``. One without earlier relative is kept;
    each of the others goes into its first relative if that one is kept, and
    is lost otherwise. A kernel becomes the mean of what went into it, class
    and score stay.

    Source: PanopticFCN, section 3.2.4. That a candidate can be lost is left
    to its published code.

    Args:
        things (Candidates): After the embedding, by falling score.
        sim_thr (float): See above.

    Returns:
        Candidates: Those that are kept.
    """
    kernels, labels, _ = things
    if len(kernels) == 0:
        return things
    unit = F.normalize(kernels, dim=1)
    related = unit @ unit.t() >= sim_thr
    related &= labels[:, None] == labels
    related.fill_diagonal_(True)
    related = related.triu()
    # argmax of booleans does not promise the first
    first = related.int().argmax(dim=0)
    kept = first == torch.arange(len(first), device=first.device)
    into = kept[first]
    sums = torch.zeros_like(kernels).index_add_(0, first[into], kernels[into])
    counts = first[into].bincount(minlength=len(kernels))
    means = sums / counts.clamp(min=1)[:, None]
    return things._replace(kernels=means).choose(kept)


def fuse_stuff_kernels(stuff: Candidates, num_classes: int) -> Candidates:
    """Mean of kernels and scores of each class.

    Source: PanopticFCN, section 3.2.4.

    Args:
        stuff (Candidates): After the embedding.
        num_classes (int): Classes.

    Returns:
        Candidates: One per class that is present, ascending.
    """
    kernels, labels, scores = stuff
    counts = labels.bincount(minlength=num_classes)
    present = counts.nonzero()[:, 0]
    counts = counts.clamp(min=1)
    sums = kernels.new_zeros((num_classes, kernels.size(1)))
    means = sums.index_add_(0, labels, kernels) / counts[:, None]
    total = scores.new_zeros(num_classes).index_add_(0, labels, scores)
    return Candidates(means[present], present, (total / counts)[present])


def rescore(things: Candidates, probs: Tensor, mask_thr: float,
            score_thr: float, max_num: int) -> Tuple[Candidates, Tensor]:
    """Multiply scores by how sure masks are, and keep the best.

    Args:
        things (Candidates): After the fusion of kernels.
        probs (Tensor): Their masks.
        mask_thr (float): Probability above which a pixel is in a mask.
        score_thr (float): Smaller scores are dropped.
        max_num (int): Kept at most.

    Returns:
        tuple[Candidates, Tensor]: By falling score, and their masks.

    Shape:
        - probs: ``(K, h, w)``.
    """
    inside = probs > mask_thr
    sums = (probs * inside).sum(dim=(1, 2))
    sure = sums / inside.sum(dim=(1, 2)).clamp(min=1)
    things = things._replace(scores=things.scores * sure)
    order = things.scores.argsort(descending=True, stable=True)
    order = order[things.scores[order] >= score_thr][:max_num]
    return things.choose(order), probs[order]
