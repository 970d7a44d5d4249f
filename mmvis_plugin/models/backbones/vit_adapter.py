"""Pyramid of features from a frozen vision transformer."""
from typing import List, Optional

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule, ModuleList
from torch import Tensor

from mmvis_plugin.registry import MODELS
from .dinov2_vit import DINOv2ViT
from .extractor import Interaction
from .spatial_prior import SpatialPrior

_STRIDES = (4, 8, 16, 32)


@MODELS.register_module()
class ViTAdapter(BaseModule):
    """Vision transformer of DINOv2 and an adapter that makes a pyramid of it.

    A small convolutional pyramid reads the transformer after each group of
    its blocks; the transformer does not see the pyramid. It is frozen by
    default: it runs in evaluation mode and without a graph.

    Source: ViT-Adapter, as CAVIS and DVIS++ use it: no injectors, and values
    of full width in the deformable attention. The names of the parameters are
    those of the released weights of CAVIS.

    Args:
        vit (dict, optional): Arguments of :class:`DINOv2ViT` but groups and
            checkpoints; weights of DINOv2 can be given there as ``init_cfg``.
            None is ViT-L.
        stem_channels (int): Of :class:`SpatialPrior`. Defaults to 64.
        num_heads (int): Of the deformable attention. Defaults to 16.
        num_points (int): Of the deformable attention. Defaults to 4.
        ffn_ratio (float): Of :class:`Extractor`. Defaults to 0.25.
        num_extra (int): Further extractors after the last group. Defaults to
            2.
        freeze_vit (bool): Whether the transformer is left as it is. Defaults
            to True.
        norm_cfg (dict): Config of the norms. SyncBN is plain batch norm where
            training is not distributed; distributed training on CPUs needs
            'BN'. Defaults to SyncBN.
        with_cp (bool): Whether activations inside extractors, and inside
            blocks that are trained, are computed again for the gradient and
            not kept. Layers with batch norm always keep theirs, so that
            their statistics see each batch once. Defaults to False.
        init_cfg (dict, optional): Initialisation config.
    """

    def __init__(
        self,
        vit: Optional[dict] = None,
        stem_channels: int = 64,
        num_heads: int = 16,
        num_points: int = 4,
        ffn_ratio: float = 0.25,
        num_extra: int = 2,
        freeze_vit: bool = True,
        norm_cfg: dict = dict(type='SyncBN'),
        with_cp: bool = False,
        init_cfg: Optional[dict] = None,
    ) -> None:
        super().__init__(
            init_cfg
            or dict(type='Kaiming', layer=['Conv2d', 'ConvTranspose2d']))
        num_groups = len(_STRIDES)
        self.vit_module = DINOv2ViT(
            num_groups=num_groups, with_cp=with_cp, **(vit or {}))
        dims = self.vit_module.embed_dims
        self.freeze_vit = freeze_vit
        if freeze_vit:
            self.vit_module.requires_grad_(False)
        self.level_embed = nn.Parameter(torch.zeros(3, dims))
        nn.init.normal_(self.level_embed)
        self.spm = SpatialPrior(dims, stem_channels, norm_cfg)
        self.interactions = ModuleList([
            Interaction(
                dims,
                num_extra=num_extra if group + 1 == num_groups else 0,
                with_cp=with_cp,
                num_heads=num_heads,
                num_points=num_points,
                ffn_ratio=ffn_ratio) for group in range(num_groups)
        ])
        self.up = nn.ConvTranspose2d(dims, dims, 2, 2)
        for level in range(1, 5):
            self.add_module(f'norm{level}',
                            build_norm_layer(norm_cfg, dims)[1])

    def train(self, mode: bool = True) -> 'ViTAdapter':
        """Switch the mode; a frozen transformer stays in evaluation mode."""
        super().train(mode)
        if self.freeze_vit:
            self.vit_module.eval()
        return self

    def forward(self, images: Tensor) -> List[Tensor]:
        """Return maps of strides 4, 8, 16 and 32.

        Args:
            images (Tensor): Normalised images.

        Raises:
            ValueError: If a side is no multiple of 32.

        Shape:
            - images: ``(B, 3, H, W)``.
            - output: four of ``(B, C, H / stride, W / stride)``.
        """
        height, width = images.shape[-2:]
        if height % _STRIDES[-1] or width % _STRIDES[-1]:
            raise ValueError(
                f'image of {height} x {width} pixels in ViTAdapter, expected '
                f'multiples of {_STRIDES[-1]}; set pad_size_divisor of the '
                'data preprocessor')
        with torch.set_grad_enabled(torch.is_grad_enabled()
                                    and not self.freeze_vit):
            groups = self.vit_module(images)
        stem, *pyramid = self.spm(images)
        sizes = [tuple(x.shape[-2:]) for x in pyramid]
        tokens = torch.cat([
            x.flatten(2).transpose(1, 2) + level
            for x, level in zip(pyramid, self.level_embed)
        ],
                           dim=1)
        for interaction, patches in zip(self.interactions, groups):
            tokens = interaction(tokens, sizes, patches)
        parts = tokens.transpose(1, 2).split([h * w for h, w in sizes], dim=2)
        pyramid = [x.unflatten(2, size) for x, size in zip(parts, sizes)]
        maps = [self.up(pyramid[0]) + stem, *pyramid]
        norms = (self.norm1, self.norm2, self.norm3, self.norm4)
        return [
            norm(x + _resized(patches, self.vit_module.patch_size / stride))
            for norm, x, patches, stride in zip(norms, maps, groups, _STRIDES)
        ]


def _resized(maps: Tensor, factor: float) -> Tensor:
    return F.interpolate(
        maps, scale_factor=factor, mode='bilinear', align_corners=False)
