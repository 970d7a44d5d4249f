"""Transformer layers under the names of the released weights.

Sequences come as ``(B, length, C)``; there is no positional encoding.
"""
import torch.nn as nn
from torch import Tensor


class SelfAttentionLayer(nn.Module):
    """Self-attention with a residual, then LayerNorm.

    Args:
        embed_dims (int): C.
        num_heads (int): Heads.
    """

    def __init__(self, embed_dims: int, num_heads: int) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(
            embed_dims, num_heads, batch_first=True)
        self.norm = nn.LayerNorm(embed_dims)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(B, length, C)`` of the same."""
        return self.norm(x + self.self_attn(x, x, x, need_weights=False)[0])


class CrossAttentionLayer(nn.Module):
    """Cross-attention whose residual is a tensor of its own.

    Args:
        embed_dims (int): C.
        num_heads (int): Heads.
    """

    def __init__(self, embed_dims: int, num_heads: int) -> None:
        super().__init__()
        self.multihead_attn = nn.MultiheadAttention(
            embed_dims, num_heads, batch_first=True)
        self.norm = nn.LayerNorm(embed_dims)

    def forward(self, identity: Tensor, query: Tensor, key: Tensor,
                value: Tensor) -> Tensor:
        """Return ``(B, Q, C)``.

        Args:
            identity (Tensor): ``(B, Q, C)``, the residual.
            query (Tensor): ``(B, Q, C)``.
            key (Tensor): ``(B, K, C)``.
            value (Tensor): ``(B, K, C)``.
        """
        read = self.multihead_attn(query, key, value, need_weights=False)[0]
        return self.norm(identity + read)


class FFNLayer(nn.Module):
    """Two linear layers with a residual, then LayerNorm.

    Args:
        embed_dims (int): C.
        feedforward_channels (int): Width in between.
    """

    def __init__(self, embed_dims: int, feedforward_channels: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(embed_dims, feedforward_channels)
        self.linear2 = nn.Linear(feedforward_channels, embed_dims)
        self.norm = nn.LayerNorm(embed_dims)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(B, length, C)`` of the same."""
        return self.norm(x + self.linear2(self.linear1(x).relu()))


def xavier_init(*modules: nn.Module) -> None:
    """Draw all matrices of some modules from Xavier's uniform distribution.

    Args:
        *modules (nn.Module): Attention layers and FFNs.
    """
    for module in modules:
        for param in module.parameters():
            if param.dim() > 1:
                nn.init.xavier_uniform_(param)
