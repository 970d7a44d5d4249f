"""Fusion of queries and their surroundings."""
import torch
from mmdet.models.layers import MLP
from mmengine.model import caffe2_xavier_init
from torch import Tensor


class ContextEmbed(MLP):
    """Three layers from a query and its surroundings to one embedding.

    Source: CAVIS, Eq. 7. Differs from the paper, as the released code does:
    no activation after the last layer. The names of the parameters are those
    of ``reid_embed`` in the released code.

    Args:
        embed_dims (int): C. Defaults to 256.
    """

    def __init__(self, embed_dims: int = 256) -> None:
        super().__init__(2 * embed_dims, embed_dims, embed_dims, 3)
        for layer in self.layers:
            caffe2_xavier_init(layer)

    def forward(self, queries: Tensor, surroundings: Tensor) -> Tensor:
        """Return context-aware embeddings, not normalised.

        Args:
            queries (Tensor): Queries after the norm of the decoder.
            surroundings (Tensor): :func:`surrounding_features`.

        Shape:
            - queries, surroundings, output: ``(..., C)``.
        """
        return super().forward(torch.cat([queries, surroundings], dim=-1))
