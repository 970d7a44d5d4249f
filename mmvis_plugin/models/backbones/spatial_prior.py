"""Convolutional pyramid beside a vision transformer."""
from typing import List, Optional

import torch.nn as nn
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor


class SpatialPrior(BaseModule):
    """Stem and three convolutions, all projected to the width of the tokens.

    Source: ViT-Adapter, its spatial prior module. The names of the parameters
    are those of the released weights.

    Args:
        embed_dims (int): C, width of the tokens.
        channels (int): Of the stem; 2, 4 and 4 times as many follow.
            Defaults to 64.
        norm_cfg (dict): Config of the norms. Defaults to SyncBN.
        init_cfg (dict, optional): Initialisation config.
    """

    def __init__(
        self,
        embed_dims: int,
        channels: int = 64,
        norm_cfg: dict = dict(type='SyncBN'),
        init_cfg: Optional[dict] = None,
    ) -> None:
        super().__init__(init_cfg)

        def conv(inputs: int, outputs: int, stride: int) -> List[nn.Module]:
            return [
                nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
                build_norm_layer(norm_cfg, outputs)[1],
                nn.ReLU(inplace=True)
            ]

        self.stem = nn.Sequential(*conv(3, channels, 2),
                                  *conv(channels, channels, 1),
                                  *conv(channels, channels, 1),
                                  nn.MaxPool2d(3, 2, padding=1))
        self.conv2 = nn.Sequential(*conv(channels, 2 * channels, 2))
        self.conv3 = nn.Sequential(*conv(2 * channels, 4 * channels, 2))
        self.conv4 = nn.Sequential(*conv(4 * channels, 4 * channels, 2))
        for level, factor in enumerate((1, 2, 4, 4), 1):
            self.add_module(f'fc{level}',
                            nn.Conv2d(factor * channels, embed_dims, 1))

    def forward(self, images: Tensor) -> List[Tensor]:
        """Return maps of strides 4, 8, 16 and 32.

        Args:
            images (Tensor): Normalised images.

        Shape:
            - images: ``(B, 3, H, W)``.
            - output: four of ``(B, C, H / stride, W / stride)``.
        """
        maps = [self.stem(images)]
        for conv in (self.conv2, self.conv3, self.conv4):
            maps.append(conv(maps[-1]))
        projections = (self.fc1, self.fc2, self.fc3, self.fc4)
        return [project(x) for project, x in zip(projections, maps)]
