"""Identities of the instances of a frame, given those of frames before."""
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor

from .mutual_check import best_row_check, mutual_check

TEMPORAL = ('none', 'forward', 'bidirectional')


class SkipFrame(NamedTuple):
    """A frame before the last one.

    Attributes:
        ids (Tensor): ``(m, )`` int64, identities of its instances.
        forward (Callable): Returns the similarity ``(m, n)`` from it to the
            current frame. Called only if it can change anything, as it costs
            a run of the flow network.
        backward (Callable): Returns the similarity ``(n, m)`` from the
            current frame to it; called only in the bidirectional step.
    """
    ids: Tensor
    forward: Callable[[], Tensor]
    backward: Callable[[], Tensor]


class Assignment(NamedTuple):
    """Identities of a frame and where they come from.

    Attributes:
        ids (Tensor): ``(n, )`` int64.
        next_id (int): First identity that is still free.
        pairs (Tensor): ``(P, 2)`` int64, row of the last frame and column.
        temporal_pairs (Tensor): ``(Q, 3)`` int64: number of the skip frame,
            row in it, column.
    """
    ids: Tensor
    next_id: int
    pairs: Tensor
    temporal_pairs: Tensor


def assign_ids(num: int,
               next_id: int,
               prev_ids: Optional[Tensor] = None,
               sim: Optional[Tensor] = None,
               skips: Sequence[SkipFrame] = (),
               thr: float = 1e-5,
               theta: float = 0.01,
               mutual: bool = True,
               temporal: str = 'bidirectional',
               unique_ids: bool = True) -> Assignment:
    """Give every instance of a frame an identity.

    First the last frame is asked; what is left over looks for a partner in
    older frames, the most recent first; what then is left gets new
    identities in the order of the instances.

    An identity of the last frame that found no partner may still be claimed
    through an older frame by another instance.

    Source: HybridTracker, Eq. 8 and figure 7. Differs from the paper:
    its equation is a product over three frames, which says nothing where
    the object is missing in the middle one; the step here is that of its
    figure 7. Identities are unique in a frame; the published scores of
    single frames show that theirs were not.

    Args:
        num (int): Instances of the frame, ``n``.
        next_id (int): First free identity; they start at 1.
        prev_ids (Tensor, optional): Identities of the last frame; None for
            the first frame of a video.
        sim (Tensor, optional): Similarity from the last frame to this one.
        skips (Sequence[SkipFrame]): Older frames, the most recent first.
        thr (float): Threshold on ``sim``. Defaults to 1e-5.
        theta (float): Threshold on the similarity to an older frame, in
            every direction that is used. Defaults to 0.01.
        mutual (bool): Pairs by :func:`mutual_check`, else by
            :func:`best_row_check`. Defaults to True.
        temporal (str): 'none', 'forward' or 'bidirectional'.
            Defaults to 'bidirectional'.
        unique_ids (bool): Whether an identity that is already in the frame
            cannot be claimed again. Defaults to True.

    Returns:
        Assignment: Identities and pairs.

    Raises:
        ValueError: For an unknown ``temporal``.

    Shape:
        - prev_ids: ``(m, )``; sim: ``(m, n)``.
    """
    if temporal not in TEMPORAL:
        raise ValueError(f'temporal={temporal!r}, expected one of {TEMPORAL}')
    ids = torch.zeros(num, dtype=torch.long)
    pairs = torch.zeros((0, 2), dtype=torch.long)
    if prev_ids is not None:
        check = mutual_check if mutual else best_row_check
        pairs = check(torch.as_tensor(sim).cpu(), thr)
        ids[pairs[:, 1]] = torch.as_tensor(prev_ids).cpu()[pairs[:, 0]]
    found: List[Tensor] = [torch.zeros((0, 3), dtype=torch.long)]
    for k, skip in enumerate(skips if temporal != 'none' else ()):
        ids, triples = _claim(ids, skip, k, theta, temporal == 'bidirectional',
                              unique_ids)
        found.append(triples)
    new = (ids == 0).nonzero()[:, 0]
    ids[new] = torch.arange(next_id, next_id + len(new))
    return Assignment(ids, next_id + len(new), pairs, torch.cat(found))


def _claim(ids: Tensor, skip: SkipFrame, number: int, theta: float,
           bidirectional: bool, unique_ids: bool) -> Tuple[Tensor, Tensor]:
    """Give identities of an older frame to instances without one."""
    old_ids = torch.as_tensor(skip.ids).cpu()
    free = ~torch.isin(old_ids, ids) if unique_ids else old_ids > 0
    rows, columns = free.nonzero()[:, 0], (ids == 0).nonzero()[:, 0]
    if len(rows) == 0 or len(columns) == 0:
        return ids, torch.zeros((0, 3), dtype=torch.long)
    forward = torch.as_tensor(skip.forward()).cpu()
    forward = forward[rows[:, None], columns]
    backward = forward
    if bidirectional:
        backward = torch.as_tensor(skip.backward()).cpu()
        backward = backward[columns[:, None], rows].t()
    pairs = temporal_check(forward, backward, theta)
    rows, columns = rows[pairs[:, 0]], columns[pairs[:, 1]]
    ids = ids.clone()
    ids[columns] = old_ids[rows]
    return ids, torch.stack([torch.full_like(rows, number), rows, columns], 1)


def temporal_check(forward: Tensor, backward: Tensor, theta: float) -> Tensor:
    """Pair instances that agree in both directions of time.

    A pair is the mutual best in the mean of both similarities and exceeds
    ``theta`` in each.

    Args:
        forward (Tensor): Similarity from the older to the later frame.
        backward (Tensor): Similarity from the later to the older frame,
            transposed.
        theta (float): See above.

    Returns:
        Tensor: int64, row and column of each pair, by ascending rows.

    Shape:
        - forward, backward: ``(m, n)``; output: ``(P, 2)``.
    """
    pairs = mutual_check((forward + backward) / 2, -torch.inf)
    rows, columns = pairs.unbind(1)
    kept = (forward[rows, columns] > theta) & (backward[rows, columns] > theta)
    return pairs[kept]
