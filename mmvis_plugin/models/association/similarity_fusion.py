"""One similarity of two frames out of looks and motion."""
from typing import Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..layers.precision import at_least_fp32


def instance_similarity(emb_prev: Tensor,
                        emb_cur: Tensor,
                        temperature: float = 1.,
                        dustbin: bool = False) -> Tensor:
    """Probability of each later instance to be the one of a row.

    Softmax over the later instances of the dot products of embeddings.
    Never in half precision, where products of long embeddings overflow.

    Source: HybridTracker, Eq. 4.

    Args:
        emb_prev (Tensor): Embeddings of the earlier instances.
        emb_cur (Tensor): Embeddings of the later instances.
        temperature (float): Divides the products. Defaults to 1.
        dustbin (bool): Let "none of them" with logit 0 take part, so that a
            single candidate is not certain. Defaults to False.

    Returns:
        Tensor: Rows sum to 1, with ``dustbin`` to less.

    Shape:
        - emb_prev: ``(m, C)``; emb_cur: ``(n, C)``; output: ``(m, n)``.
    """
    logits = match_logits(emb_prev, emb_cur, temperature, dustbin)
    return logits.softmax(dim=1)[:, :len(emb_cur)]


def match_logits(emb_prev: Tensor,
                 emb_cur: Tensor,
                 temperature: float = 1.,
                 dustbin: bool = False) -> Tensor:
    """Logits of :func:`instance_similarity`.

    Args:
        emb_prev (Tensor): Embeddings of the earlier instances.
        emb_cur (Tensor): Embeddings of the later instances.
        temperature (float): Divides the products. Defaults to 1.
        dustbin (bool): Append a column of zeros. Defaults to False.

    Returns:
        Tensor: In float32 or wider.

    Shape:
        - emb_prev: ``(m, C)``; emb_cur: ``(n, C)``.
        - output: ``(m, n)``, or ``(m, n + 1)`` with ``dustbin``.
    """
    with torch.autocast(emb_prev.device.type, enabled=False):
        logits = at_least_fp32(emb_prev) @ at_least_fp32(emb_cur).t()
    logits = logits / temperature
    return F.pad(logits, (0, 1)) if dustbin else logits


def fuse_similarities(inst_sim: Tensor,
                      pix_sim: Tensor,
                      weights: Sequence[float] = (1 / 3, 2 / 3),
                      bias: float = 0.,
                      cls_prev: Optional[Tensor] = None,
                      cls_cur: Optional[Tensor] = None) -> Tensor:
    """Weighted sum of two similarities, 0 between classes.

    Source: HybridTracker, a 1x1 convolution. Differs from the paper: the
    gate by class and the starting weights, which it does not give.

    Args:
        inst_sim (Tensor): Similarity of looks.
        pix_sim (Tensor): Similarity of places.
        weights (Sequence[float]): Of the two. Defaults to (1/3, 2/3).
        bias (float): Added to the sum. Defaults to 0.
        cls_prev (Tensor, optional): Classes of the rows.
        cls_cur (Tensor, optional): Classes of the columns. Without classes
            there is no gate. Defaults to None.

    Returns:
        Tensor: float64 if either similarity is.

    Shape:
        - inst_sim, pix_sim and output: ``(m, n)``.
        - cls_prev: ``(m, )``; cls_cur: ``(n, )``.
    """
    inst_sim, pix_sim = torch.as_tensor(inst_sim), torch.as_tensor(pix_sim)
    fused = weights[0] * inst_sim + weights[1] * pix_sim + bias
    if cls_prev is None or cls_cur is None:
        return fused
    return class_gate(fused, cls_prev, cls_cur)


def class_gate(sim: Tensor, cls_prev: Tensor, cls_cur: Tensor) -> Tensor:
    """Set the similarity of instances of different classes to zero.

    Args:
        sim (Tensor): Similarities.
        cls_prev (Tensor): Classes of the rows.
        cls_cur (Tensor): Classes of the columns.

    Returns:
        Tensor: A new matrix.

    Shape:
        - sim and output: ``(m, n)``; cls_prev: ``(m, )``; cls_cur:
          ``(n, )``.
    """
    rows, columns = torch.as_tensor(cls_prev), torch.as_tensor(cls_cur)
    return torch.as_tensor(sim).masked_fill(rows[:, None] != columns, 0.)
