"""Vision transformer of DINOv2."""
from typing import List, Optional

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from mmvis_plugin.registry import MODELS
from ..layers.precision import at_least_fp32
from .patch_kernel import resize_patch_kernel

# added to the number of patches before interpolation, as DINOv2 does
_GRID_OFFSET = 0.1


class _PatchEmbed(nn.Module):

    def __init__(self, patch_size: int, embed_dims: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, embed_dims, patch_size, stride=patch_size)

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(images)


class _Attention(nn.Module):

    def __init__(self, embed_dims: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(embed_dims, 3 * embed_dims)
        self.proj = nn.Linear(embed_dims, embed_dims)

    def forward(self, tokens: Tensor) -> Tensor:
        # (B, N, 3 * C) to three of (B, heads, N, C / heads)
        qkv = self.qkv(tokens).unflatten(-1, (3, self.num_heads, -1))
        heads = F.scaled_dot_product_attention(
            *qkv.permute(2, 0, 3, 1, 4).unbind(0))
        return self.proj(heads.transpose(1, 2).flatten(2))


class _LayerScale(nn.Module):

    def __init__(self, embed_dims: int, value: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((embed_dims, ), value))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * self.gamma


class _MLP(nn.Module):

    def __init__(self, embed_dims: int, hidden_dims: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(embed_dims, hidden_dims)
        self.fc2 = nn.Linear(hidden_dims, embed_dims)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(tokens)))


class _Block(nn.Module):

    def __init__(self, embed_dims: int, num_heads: int, mlp_ratio: int,
                 layer_scale: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(embed_dims, eps=1e-6)
        self.attn = _Attention(embed_dims, num_heads)
        self.ls1 = _LayerScale(embed_dims, layer_scale)
        self.norm2 = nn.LayerNorm(embed_dims, eps=1e-6)
        self.mlp = _MLP(embed_dims, mlp_ratio * embed_dims)
        self.ls2 = _LayerScale(embed_dims, layer_scale)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        return tokens + self.ls2(self.mlp(self.norm2(tokens)))


@MODELS.register_module()
class DINOv2ViT(BaseModule):
    """Vision transformer whose depth is read at several places.

    The names of the parameters are those of the released weights of DINOv2.
    A patch kernel of another size is resized when weights are loaded
    (:func:`resize_patch_kernel`), so both those with patches of 14 pixels and
    those with patches of 16 fit. ``mask_token`` and ``norm`` are there for
    the sake of the weights only.

    Source: DINOv2, and its use in CAVIS with patches of 16 pixels: an image
    of 592 has the 37 x 37 patches that one of 518 has with 14.

    Args:
        embed_dims (int): C. Defaults to 1024.
        depth (int): Number of blocks. Defaults to 24.
        num_heads (int): Defaults to 16.
        mlp_ratio (int): Hidden width of the MLPs, in C. Defaults to 4.
        patch_size (int): Pixels. Defaults to 16.
        img_size (int): Side, in pixels, of the image that the position
            embedding belongs to; others interpolate it. Defaults to 592.
        layer_scale (float): Initial factor of each branch. Defaults to 1e-5.
        num_groups (int): The blocks are read after each of so many groups of
            equal length. Defaults to 4.
        with_cp (bool): Whether activations inside the blocks are computed
            again for the gradient and not kept. Defaults to False.
        init_cfg (dict, optional): Initialisation config.

    Raises:
        ValueError: If ``depth`` is no multiple of ``num_groups`` or
            ``img_size`` none of ``patch_size``.
    """

    def __init__(self,
                 embed_dims: int = 1024,
                 depth: int = 24,
                 num_heads: int = 16,
                 mlp_ratio: int = 4,
                 patch_size: int = 16,
                 img_size: int = 592,
                 layer_scale: float = 1e-5,
                 num_groups: int = 4,
                 with_cp: bool = False,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(
            init_cfg or dict(type='TruncNormal', layer='Linear', std=0.02))
        _check_multiple('depth', depth, 'num_groups', num_groups)
        _check_multiple('img_size', img_size, 'patch_size', patch_size)
        self.embed_dims = embed_dims
        self.patch_size = patch_size
        self.grid = img_size // patch_size
        self.group_depth = depth // num_groups
        self.with_cp = with_cp
        self.cls_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        self.pos_embed = nn.Parameter(
            torch.zeros(1, self.grid**2 + 1, embed_dims))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        self.mask_token = nn.Parameter(
            torch.zeros(1, embed_dims), requires_grad=False)
        self.patch_embed = _PatchEmbed(patch_size, embed_dims)
        self.blocks = nn.ModuleList(
            _Block(embed_dims, num_heads, mlp_ratio, layer_scale)
            for _ in range(depth))
        self.norm = nn.LayerNorm(embed_dims, eps=1e-6).requires_grad_(False)

    def forward(self, images: Tensor) -> List[Tensor]:
        """Return the patches after each group of blocks.

        Args:
            images (Tensor): Normalised images whose sides are multiples of
                the patch.

        Returns:
            list[Tensor]: Maps at the stride of a patch, without the class
            token and before any final norm.

        Raises:
            ValueError: If a side is no multiple of the patch.

        Shape:
            - images: ``(B, 3, H, W)``.
            - output: ``num_groups`` of ``(B, C, H / 16, W / 16)``.
        """
        height, width = images.shape[-2:]
        if height % self.patch_size or width % self.patch_size:
            raise ValueError(
                f'image of {height} x {width} pixels in DINOv2ViT, expected '
                f'multiples of patch_size={self.patch_size}; set '
                'pad_size_divisor of the data preprocessor')
        patches = self.patch_embed(images)
        size = patches.shape[-2:]
        tokens = patches.flatten(2).transpose(1, 2)
        cls_token = self.cls_token.to(tokens).expand(len(tokens), -1, -1)
        tokens = torch.cat([cls_token, tokens], dim=1)
        tokens = tokens + self.position_embedding(*size)
        maps = []
        for index, block in enumerate(self.blocks, 1):
            if self.with_cp and tokens.requires_grad:
                tokens = checkpoint(block, tokens, use_reentrant=False)
            else:
                tokens = block(tokens)
            if index % self.group_depth == 0:
                maps.append(tokens[:, 1:].transpose(1, 2).unflatten(2, size))
        return maps

    def position_embedding(self, height: int, width: int) -> Tensor:
        """Return the position embedding of a number of patches.

        The one of the training size as it is, others by bicubic
        interpolation with the scale of DINOv2, ``(patches + 0.1) / 37``.

        Args:
            height (int): In patches.
            width (int): In patches.

        Shape:
            - output: ``(1, 1 + height * width, C)``, class token first.
        """
        if height == width == self.grid:
            return self.pos_embed
        pos_embed = at_least_fp32(self.pos_embed)
        channels_first = pos_embed[:, 1:].transpose(1, 2)
        square = channels_first.unflatten(2, (self.grid, self.grid))
        with torch.autocast(square.device.type, enabled=False):
            resized = F.interpolate(
                square,
                # of numbers also where shapes are traced, as for export
                scale_factor=tuple((int(n) + _GRID_OFFSET) / self.grid
                                   for n in (height, width)),
                mode='bicubic')
        patches = resized.flatten(2).transpose(1, 2)
        return torch.cat([pos_embed[:, :1], patches],
                         dim=1).to(self.pos_embed.dtype)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args,
                              **kwargs) -> None:
        key = prefix + 'patch_embed.proj.weight'
        if key in state_dict:
            state_dict[key] = resize_patch_kernel(
                state_dict[key], (self.patch_size, self.patch_size))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _check_multiple(name: str, value: int, of: str, step: int) -> None:
    if value % step:
        raise ValueError(f'{name}={value} of DINOv2ViT, expected a multiple '
                         f'of {of}={step}')
