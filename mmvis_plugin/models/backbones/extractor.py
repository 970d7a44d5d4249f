"""What a pyramid of tokens reads from a vision transformer."""
from typing import Optional, Sequence, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.ops import MultiScaleDeformableAttention
from mmengine.model import BaseModule, ModuleList
from torch import Tensor
from torch.utils.checkpoint import checkpoint

Size = Tuple[int, int]


class _DWConv(nn.Module):
    """One depthwise convolution for the maps of all scales."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(
            channels, channels, 3, padding=1, groups=channels)

    def forward(self, tokens: Tensor, sizes: Sequence[Size]) -> Tensor:
        parts = tokens.transpose(1, 2).split([h * w for h, w in sizes], dim=2)
        maps = [
            self.dwconv(part.unflatten(2, size)).flatten(2)
            for part, size in zip(parts, sizes)
        ]
        return torch.cat(maps, dim=2).transpose(1, 2)


class ConvFFN(BaseModule):
    """Feed-forward network with a depthwise convolution inside.

    Source: ViT-Adapter.

    Args:
        embed_dims (int): C.
        hidden_dims (int): Width inside.
    """

    def __init__(self, embed_dims: int, hidden_dims: int) -> None:
        super().__init__(dict(type='TruncNormal', layer='Linear', std=0.02))
        self.fc1 = nn.Linear(embed_dims, hidden_dims)
        self.dwconv = _DWConv(hidden_dims)
        self.fc2 = nn.Linear(hidden_dims, embed_dims)

    def forward(self, tokens: Tensor, sizes: Sequence[Size]) -> Tensor:
        """Return the new tokens, without those that came in.

        Args:
            tokens (Tensor): Maps of several scales, row by row.
            sizes (Sequence[tuple]): Height and width of each map.

        Shape:
            - tokens, output: ``(B, N, C)``, ``N`` the sum over the maps.
        """
        return self.fc2(F.gelu(self.dwconv(self.fc1(tokens), sizes)))


class Extractor(BaseModule):
    """Deformable attention from pyramid tokens to patches, then a ConvFFN.

    Source: ViT-Adapter, its multi-scale feature extractor. Differs from
    there: drop path is left out.

    Args:
        embed_dims (int): C.
        num_heads (int): Of the attention. Defaults to 16.
        num_points (int): Per head. Defaults to 4.
        ffn_ratio (float): Width inside the ConvFFN, in C. Defaults to 0.25.
    """

    def __init__(self,
                 embed_dims: int,
                 num_heads: int = 16,
                 num_points: int = 4,
                 ffn_ratio: float = 0.25) -> None:
        super().__init__()
        self.query_norm = nn.LayerNorm(embed_dims, eps=1e-6)
        self.feat_norm = nn.LayerNorm(embed_dims, eps=1e-6)
        self.attn = MultiScaleDeformableAttention(
            embed_dims,
            num_heads,
            num_levels=1,
            num_points=num_points,
            dropout=0.,
            batch_first=True)
        self.ffn = ConvFFN(embed_dims, int(embed_dims * ffn_ratio))
        self.ffn_norm = nn.LayerNorm(embed_dims, eps=1e-6)

    def forward(self, tokens: Tensor, sizes: Sequence[Size],
                patches: Tensor) -> Tensor:
        """Return the tokens after they have read the patches.

        Args:
            tokens (Tensor): Maps of several scales, row by row.
            sizes (Sequence[tuple]): Height and width of each map.
            patches (Tensor): Map of the transformer.

        Shape:
            - tokens, output: ``(B, N, C)``; patches: ``(B, C, h, w)``.
        """
        shape = torch.tensor([patches.shape[-2:]], device=patches.device)
        tokens = self.attn(
            self.query_norm(tokens),
            value=self.feat_norm(patches.flatten(2).transpose(1, 2)),
            identity=tokens,
            reference_points=cell_centres(sizes, tokens)[None, :, None],
            spatial_shapes=shape,
            level_start_index=shape.new_zeros(1))
        return tokens + self.ffn(self.ffn_norm(tokens), sizes)


class Interaction(BaseModule):
    """Extractors that read the same patches one after the other.

    Source: ViT-Adapter, whose injectors CAVIS leaves out: nothing goes back
    to the transformer.

    Args:
        embed_dims (int): C.
        num_extra (int): Extractors after the first one. Defaults to 0.
        with_cp (bool): Whether activations inside the extractors are computed
            again for the gradient and not kept. Defaults to False.
        **kwargs: Of :class:`Extractor`.
    """

    def __init__(self,
                 embed_dims: int,
                 num_extra: int = 0,
                 with_cp: bool = False,
                 **kwargs) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.extractor = Extractor(embed_dims, **kwargs)
        self.extra_extractors: Optional[ModuleList] = None
        if num_extra > 0:
            self.extra_extractors = ModuleList(
                [Extractor(embed_dims, **kwargs) for _ in range(num_extra)])

    def forward(self, tokens: Tensor, sizes: Sequence[Size],
                patches: Tensor) -> Tensor:
        """Return the tokens after they have read the patches.

        Args:
            tokens (Tensor): As of :class:`Extractor`.
            sizes (Sequence[tuple]): As of :class:`Extractor`.
            patches (Tensor): As of :class:`Extractor`.

        Shape:
            - tokens, output: ``(B, N, C)``; patches: ``(B, C, h, w)``.
        """
        for extractor in [self.extractor, *(self.extra_extractors or ())]:
            if self.with_cp and torch.is_grad_enabled():
                tokens = checkpoint(
                    extractor, tokens, sizes, patches, use_reentrant=False)
            else:
                tokens = extractor(tokens, sizes, patches)
        return tokens


def cell_centres(sizes: Sequence[Size], like: Tensor) -> Tensor:
    """Return the centres of the cells of maps, as parts of the sides.

    Args:
        sizes (Sequence[tuple]): Height and width of each map.
        like (Tensor): Tells type, float32 at least, and device.

    Shape:
        - output: ``(N, 2)``, x before y, row by row.
    """
    cells = dict(
        dtype=torch.promote_types(like.dtype, torch.float32),
        device=like.device)
    rows = []
    for size in sizes:
        axes = ((torch.arange(n, **cells) + 0.5) / n for n in size)
        # not cartesian_prod, which ONNX lacks
        y, x = torch.meshgrid(*axes, indexing='ij')
        rows.append(torch.stack([x, y], dim=-1).flatten(0, 1))
    return torch.cat(rows)
