"""Similarity of the embeddings of two sets of objects."""
import torch.nn.functional as F
from torch import Tensor

METRICS = ('bisoftmax', 'softmax', 'cosine')


def match_scores(current: Tensor, memory: Tensor, metric: str) -> Tensor:
    """Score every pair of a current and a remembered object.

    Args:
        current (Tensor): Embeddings of the current objects.
        memory (Tensor): Embeddings of the remembered objects.
        metric (str): 'bisoftmax': mean of the softmax of the dot products
            over the memory and over the current objects. 'softmax': the
            first of the two. 'cosine': cosine similarity.

    Returns:
        Tensor: Scores, higher for more similar.

    Raises:
        ValueError: For another metric.

    Shape:
        - current: ``(N, C)``; memory: ``(M, C)``; output: ``(N, M)``.

    Source: Pang et al., Quasi-Dense Similarity Learning for Multiple Object
    Tracking, CVPR 2021, section 3.3.
    """
    if metric == 'cosine':
        return F.normalize(current, dim=1) @ F.normalize(memory, dim=1).t()
    if metric not in METRICS:
        raise ValueError(f'match_metric={metric!r}, expected one of {METRICS}')
    similarity = current @ memory.t()
    scores = similarity.softmax(dim=1)
    if metric == 'bisoftmax':
        scores = (scores + similarity.softmax(dim=0)) / 2
    return scores
