"""Differentiable matching loss of HybridTracker."""
import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmvis_plugin.registry import MODELS
from ..association.similarity_fusion import match_logits

LOSSES = ('bce', 'ce')


def differentiable_matching_loss(emb_prev: Tensor,
                                 emb_cur: Tensor,
                                 ids_prev: Tensor,
                                 ids_cur: Tensor,
                                 loss: str = 'bce',
                                 temperature: float = 1.,
                                 dustbin: bool = False) -> Tensor:
    """Make embeddings of one identity find each other.

    The equation is that of :class:`DMLLoss`.

    Args:
        emb_prev (Tensor): Embeddings of the earlier instances.
        emb_cur (Tensor): Embeddings of the later instances.
        ids_prev (Tensor): Identities of the earlier instances.
        ids_cur (Tensor): Identities of the later instances.
        loss (str): 'bce' or 'ce'. Defaults to 'bce'.
        temperature (float): Divides the dot products. Defaults to 1.
        dustbin (bool): Let "none of them" with logit 0 take part in the
            softmax. Defaults to False.

    Returns:
        Tensor: Scalar in float32 or wider; 0, attached to the graph of both
        embeddings, if the frames share no identity.

    Raises:
        ValueError: For another ``loss``.

    Shape:
        - emb_prev: ``(m, C)``; emb_cur: ``(n, C)``.
        - ids_prev: ``(m, )``; ids_cur: ``(n, )``, integers.
    """
    if loss not in LOSSES:
        raise ValueError(f'loss={loss!r}, expected one of {LOSSES}')
    logits = match_logits(emb_prev, emb_cur, temperature, dustbin)
    num = len(emb_cur)
    if len(emb_prev) == 0 or num == 0:
        return (emb_prev.sum() + emb_cur.sum()).to(logits) * 0
    same = ids_prev[:, None] == ids_cur
    norm = logits.logsumexp(dim=1, keepdim=True)
    terms = torch.where(same, norm - logits[:, :num], 0.)
    # with a single candidate there is none to push away
    if loss == 'bce' and logits.size(1) > 1:
        others = _logsumexp_of_others(logits)[:, :num]
        terms = torch.where(same, terms, norm - others)
    found = same.any(dim=1)
    per_row = terms.sum(dim=1).masked_fill(~found, 0.)
    return per_row.sum() / found.sum().clamp(min=1)


def _logsumexp_of_others(logits: Tensor) -> Tensor:
    """For every entry, the log-sum-exp of the other entries of its row.

    ``log1p(-p)`` would lose all digits where ``p`` comes close to 1.
    """
    itself = torch.eye(logits.size(1), dtype=torch.bool, device=logits.device)
    others = logits[:, None].masked_fill(itself, -torch.inf)  # (m, n, n)
    return others.logsumexp(dim=2)


def match_accuracy(emb_prev: Tensor, emb_cur: Tensor, ids_prev: Tensor,
                   ids_cur: Tensor) -> Tensor:
    """Share of the instances whose best partner is the right one.

    Args:
        emb_prev (Tensor): Embeddings of the earlier instances.
        emb_cur (Tensor): Embeddings of the later instances.
        ids_prev (Tensor): Identities of the earlier instances.
        ids_cur (Tensor): Identities of the later instances.

    Returns:
        Tensor: Scalar in [0, 1] over the earlier instances whose identity is
        in the later frame; NaN if there is none.

    Shape:
        - emb_prev: ``(m, C)``; emb_cur: ``(n, C)``.
        - ids_prev: ``(m, )``; ids_cur: ``(n, )``.
    """
    same = ids_prev[:, None] == ids_cur
    if same.numel() == 0:
        return emb_prev.new_full((), torch.nan)
    best = match_logits(emb_prev.detach(), emb_cur.detach()).argmax(dim=1)
    right = same.gather(1, best[:, None])[:, 0]
    return right.sum() / same.any(dim=1).sum()


@MODELS.register_module()
class DMLLoss(BaseModule):
    r"""Loss of the differentiable matching layer.

    With :math:`Z = M N^T` of the embeddings of two frames and its row
    softmax :math:`p`, for the rows :math:`V` whose identity has a partner
    :math:`j^*` in the later frame,

    .. math:: L = \frac{1}{\max(|V|, 1)} \sum_{i \in V} \Big[
        -\log p_{ij^*} - \sum_{j \ne j^*} \log(1 - p_{ij}) \Big];

    'ce' leaves the second sum out. Both logarithms are differences of
    log-sum-exps, so loss and gradient stay finite for logits of any size
    that float32 holds; products of embeddings that are not normalised reach
    several hundred. Rows without partner are left out: no softmax is zero
    everywhere.

    Memory and time grow with :math:`m n^2`.

    Source: HybridTracker, Eq. 4 and 6. The paper's sum can be read in other
    ways; one term per row would push the right partner away.

    Args:
        loss (str): 'bce', the whole equation, or 'ce'. Defaults to 'bce'.
        temperature (float): Divides :math:`Z`. Defaults to 1.
        dustbin (bool): Append a logit of 0 to the rows before the softmax.
            Defaults to False.
        symmetric (bool): Mean of both directions of time instead of forward
            only. Defaults to False.
        loss_weight (float): Factor on the result. Defaults to 1.

    Shape:
        - emb_prev: ``(m, C)``; emb_cur: ``(n, C)``.
        - ids_prev: ``(m, )``; ids_cur: ``(n, )``, integers.
        - output: scalar.
    """

    def __init__(self,
                 loss: str = 'bce',
                 temperature: float = 1.,
                 dustbin: bool = False,
                 symmetric: bool = False,
                 loss_weight: float = 1.) -> None:
        super().__init__()
        if loss not in LOSSES:
            raise ValueError(f'loss={loss!r}, expected one of {LOSSES}')
        if temperature <= 0:
            raise ValueError(f'temperature must be > 0, got {temperature}')
        self.loss = loss
        self.temperature = temperature
        self.dustbin = dustbin
        self.symmetric = symmetric
        self.loss_weight = loss_weight

    def forward(self, emb_prev: Tensor, emb_cur: Tensor, ids_prev: Tensor,
                ids_cur: Tensor) -> Tensor:
        """Return the weighted loss of a pair of frames.

        Args:
            emb_prev (Tensor): Embeddings of the earlier instances.
            emb_cur (Tensor): Embeddings of the later instances.
            ids_prev (Tensor): Identities of the earlier instances.
            ids_cur (Tensor): Identities of the later instances.

        Returns:
            Tensor: Scalar.
        """
        options = (self.loss, self.temperature, self.dustbin)
        value = differentiable_matching_loss(emb_prev, emb_cur, ids_prev,
                                             ids_cur, *options)
        if self.symmetric:
            back = differentiable_matching_loss(emb_cur, emb_prev, ids_cur,
                                                ids_prev, *options)
            value = (value + back) / 2
        return self.loss_weight * value
