"""Matching of the queries of two frames."""
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ..layers.precision import at_least_fp32

MATCH_MODES = ('fixed', 'legacy')


@torch.no_grad()
def match_queries(ref: Tensor, cur: Tensor, mode: str = 'fixed') -> Tensor:
    """Order the queries of a frame like those of a reference.

    Pairs are chosen at the least total cosine distance; the distance of what
    is not a number is zero.

    Args:
        ref (Tensor): Ordered embeddings, one per slot.
        cur (Tensor): Embeddings to be ordered.
        mode (str): 'fixed': entry i is the query of slot i, so that
            ``cur[output]`` is aligned with ``ref``. 'legacy': entry j is the
            slot of query j, the inverse permutation, which the released code
            uses as if it were the first; weights that come from it need it.
            Both are equal as long as queries only swap places in pairs.
            Defaults to 'fixed'.

    Returns:
        Tensor: A permutation on the device of ``cur``.

    Raises:
        ValueError: If the mode is unknown.

    Shape:
        - ref, cur: ``(Q, C)``.
        - output: ``(Q, )`` long.
    """
    check_match_mode(mode)
    with torch.autocast(cur.device.type, enabled=False):
        distances = 1 - _unit(ref) @ _unit(cur).t()
    costs = distances.nan_to_num(nan=0.).cpu().numpy()
    picks = linear_sum_assignment(costs if mode == 'fixed' else costs.T)[1]
    return torch.from_numpy(picks).to(cur.device)


def check_match_mode(mode: str) -> None:
    """Raise ValueError if there is no such way to match.

    Args:
        mode (str): As of :func:`match_queries`.
    """
    if mode not in MATCH_MODES:
        raise ValueError(f'match mode {mode!r} is unknown, expected one of '
                         f'{MATCH_MODES}')


def reorder_slots(values: Tensor, indices: Tensor) -> Tensor:
    """Bring what belongs to queries into the order of slots.

    Args:
        values (Tensor): Logits, masks or embeddings of the queries.
        indices (Tensor): Query of each slot.

    Shape:
        - values: ``(..., Q, *)`` with any trailing dimensions.
        - indices: ``(..., Q)`` long with the same leading ones.
        - output: as ``values``.
    """
    dim = indices.dim() - 1
    trailing = values.shape[indices.dim():]
    index = indices.reshape(*indices.shape, *[1] * len(trailing))
    return values.gather(dim, index.expand(*indices.shape, *trailing))


def _unit(embeds: Tensor) -> Tensor:
    embeds = at_least_fp32(embeds)
    return embeds / (embeds.norm(dim=1, keepdim=True) + 1e-6)
