"""Choice of columns by rows that come one after the other."""
from typing import NamedTuple

import torch
from torch import Tensor


class Choice(NamedTuple):
    """What each row has chosen.

    Attributes:
        columns (Tensor): ``(N, )`` int64, the best free column.
        scores (Tensor): ``(N, )``, its score; 0 if none is left.
        taken (Tensor): ``(N, )`` bool, whether the row has taken it.
    """
    columns: Tensor
    scores: Tensor
    taken: Tensor


def serial_choice(scores: Tensor, can_take: Tensor,
                  threshold: float) -> Choice:
    """Let each row, in order, look at its best free column and maybe take it.

    A column is free for a row if no earlier row has taken it; one that is
    not counts with score 0. A row takes its best column if the score exceeds
    ``threshold`` and ``can_take`` allows the pair; it does not look for a
    second best otherwise.

    Instead of walking through the rows, all rows look at once and each
    column keeps the first row that wants it, which turns later rows away,
    until nobody is: as all columns have the same order of preference, that is
    the same assignment (deferred acceptance, Gale and Shapley, 1962). The
    number of rounds is that of the longest chain of rejections, usually one
    or two, not the number of rows.

    Args:
        scores (Tensor): Scores of pairs, >= 0. On a CPU: each round looks at
            values.
        can_take (Tensor): Pairs in which the row may take the column.
        threshold (float): See above.

    Returns:
        Choice: Columns, scores and whether they were taken.

    Shape:
        - scores, can_take: ``(N, M)`` with ``M >= 1``.
    """
    rows = torch.arange(len(scores))
    open_scores = scores.clone()
    while True:
        best, columns = open_scores.max(dim=1)
        proposes = (best > threshold) & can_take[rows, columns]
        first = torch.full((scores.size(1), ), len(scores))
        first.scatter_reduce_(0, columns[proposes], rows[proposes], 'amin')
        rejected = (best > 0) & (first[columns] < rows)
        if not rejected.any():
            break
        open_scores[rows[rejected], columns[rejected]] = 0
    return Choice(columns, best, proposes)
