"""Pairs of instances out of a matrix of similarities."""
import torch
from torch import Tensor


def mutual_check(sim: Tensor, thr: float = 1e-5) -> Tensor:
    """Pair instances that are each other's best.

    ``(i, j)`` is a pair if column ``j`` is the best of row ``i``, row ``i``
    is the best of column ``j`` and their similarity exceeds ``thr``. Of
    equal similarities the first counts. No row and no column is in two
    pairs.

    Source: HybridTracker, the mutual check of its matching.

    Args:
        sim (Tensor): Similarities, higher for more similar; of any floating
            type.
        thr (float): See above. Defaults to 1e-5.

    Returns:
        Tensor: int64, row and column of each pair, by ascending rows.

    Shape:
        - sim: ``(m, n)``; output: ``(P, 2)``.
    """
    sim = torch.as_tensor(sim)
    if sim.numel() == 0:
        return torch.zeros((0, 2), dtype=torch.long, device=sim.device)
    return _pairs(sim, sim.argmax(dim=1), thr)


def best_row_check(sim: Tensor, thr: float = 1e-5) -> Tensor:
    """Pair every column with its best row, without asking the row.

    A row that is the best of several columns goes to the one with the
    largest similarity; the others stay without partner.

    Source: the ablation without mutual check of HybridTracker, table V; the
    paper does not say how rows are shared.

    Args:
        sim (Tensor): Similarities, higher for more similar.
        thr (float): Smaller or equal similarities are no pairs.
            Defaults to 1e-5.

    Returns:
        Tensor: int64, row and column of each pair, by ascending rows.

    Shape:
        - sim: ``(m, n)``; output: ``(P, 2)``.
    """
    sim = torch.as_tensor(sim)
    if sim.numel() == 0:
        return torch.zeros((0, 2), dtype=torch.long, device=sim.device)
    rows = torch.arange(len(sim), device=sim.device)
    wanted = sim.argmax(dim=0) == rows[:, None]
    wishes = sim.masked_fill(~wanted, -torch.inf)
    return _pairs(sim, wishes.argmax(dim=1), thr)


def _pairs(sim: Tensor, columns: Tensor, thr: float) -> Tensor:
    """Keep choices of columns that are returned and above the threshold."""
    rows = torch.arange(len(sim), device=sim.device)
    returned = sim.argmax(dim=0)[columns] == rows
    kept = returned & (sim[rows, columns] > thr)
    return torch.stack([rows, columns], dim=1)[kept]
