"""Losses of the two training stages of HybridTracker."""
from typing import Callable, Dict, List, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..losses.dml_loss import match_accuracy
from ..losses.shared_count import shared_count
from .similarity_fusion import SimilarityFusion


class EmbeddedPair(NamedTuple):
    """Two frames of a clip, the earlier one first.

    Attributes:
        emb_prev (Tensor): ``(m, C)``, embeddings.
        emb_cur (Tensor): ``(n, C)``.
        ids_prev (Tensor): ``(m, )``, identities.
        ids_cur (Tensor): ``(n, )``.
    """
    emb_prev: Tensor
    emb_cur: Tensor
    ids_prev: Tensor
    ids_cur: Tensor


class SimilarPair(NamedTuple):
    """Two frames of a clip, compared.

    Attributes:
        inst_sim (Tensor): ``(m, n)``, similarity of looks.
        pix_sim (Tensor): ``(m, n)``, similarity of places.
        ids_prev (Tensor): ``(m, )``, identities.
        ids_cur (Tensor): ``(n, )``.
    """
    inst_sim: Tensor
    pix_sim: Tensor
    ids_prev: Tensor
    ids_cur: Tensor


def instance_losses(pairs: List[EmbeddedPair],
                    loss_match: Callable) -> Dict[str, Tensor]:
    """Losses of the stage that trains the embeddings.

    Args:
        pairs (list[EmbeddedPair]): At least one.
        loss_match (Callable): :class:`DMLLoss`.

    Returns:
        dict[str, Tensor]: ``loss_match``, the mean over the pairs, and
        ``match_acc``, the share of the instances with a partner whose
        largest logit is its; 0 if there is none.
    """
    loss = torch.stack([loss_match(*pair) for pair in pairs]).mean()
    counts = torch.stack(
        [_has_partner(pair.ids_prev, pair.ids_cur).sum() for pair in pairs])
    accuracies = torch.stack([match_accuracy(*pair) for pair in pairs])
    right = (accuracies.nan_to_num() * counts).sum()
    return dict(loss_match=loss, match_acc=right / counts.sum().clamp(min=1))


def fusion_losses(pairs: List[SimilarPair],
                  fusion: SimilarityFusion,
                  factor: float = 10.) -> Dict[str, Tensor]:
    """Losses of the stage that trains the weights of the fusion.

    Cross entropy of the rows of the fused similarity, times a factor, over
    all rows of all pairs that have a partner; their number is the
    :func:`shared_count` of all processes.

    Source: ours; the paper trains the weights or not, without a word on it.

    Args:
        pairs (list[SimilarPair]): At least one.
        fusion (SimilarityFusion): What is trained.
        factor (float): Similarities lie in [0, 1], too narrow for a
            softmax. Defaults to 10.

    Returns:
        dict[str, Tensor]: ``loss_fusion`` and ``match_acc``, the share of
        those rows whose largest similarity is right; 0 if there is none.
    """
    terms, right = [], []
    for inst_sim, pix_sim, ids_prev, ids_cur in pairs:
        rows = _has_partner(ids_prev, ids_cur).nonzero()[:, 0]
        fused = fusion.fuse(inst_sim, pix_sim)[rows]
        partners = (ids_prev[rows, None] == ids_cur).long()
        if len(rows) == 0:
            terms.append(fused.new_zeros(0))
            right.append(fused.new_zeros(0))
            continue
        partners = partners.argmax(dim=1)
        terms.append(
            F.cross_entropy(factor * fused, partners, reduction='none'))
        right.append((fused.argmax(dim=1) == partners).to(fused))
    terms, right = torch.cat(terms), torch.cat(right)
    # without any row, the weights have a gradient of zero
    attached = sum(p.sum() for p in fusion.parameters()) * 0
    loss = terms.sum() / shared_count(len(terms), terms.device) + attached
    return dict(loss_fusion=loss, match_acc=right.sum() / max(len(right), 1))


def _has_partner(ids_prev: Tensor, ids_cur: Tensor) -> Tensor:
    return (ids_prev[:, None] == ids_cur).any(dim=1)
