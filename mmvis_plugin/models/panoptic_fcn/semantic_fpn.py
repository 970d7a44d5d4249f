"""The finer levels of a pyramid, summed at a stride of 4."""
from typing import Sequence

from mmdet.models.layers import ConvUpsample
from mmengine.model import BaseModule, ModuleList
from torch import Tensor


class SemanticFPN(BaseModule):
    """Convolutions and doublings per level, then the sum.

    A level of stride ``4 * 2**i`` goes through ``max(i, 1)`` convolutions,
    each but that of the first level with a bilinear doubling.

    Source: Panoptic Feature Pyramid Networks, section 3.2; PanopticFCN's
    high-resolution features.

    Args:
        in_channels (int): Channels of the pyramid. Defaults to 256.
        channels (int): Channels of the result. Defaults to 256.
        num_levels (int): Levels that are used. Defaults to 4.
        norm_cfg (dict, optional): Norm. Defaults to GN of 32 groups.
        init_cfg (dict, optional): Initialisation config. None is Kaiming's.
            Defaults to None.
    """

    def __init__(self,
                 in_channels: int = 256,
                 channels: int = 256,
                 num_levels: int = 4,
                 norm_cfg: dict = dict(type='GN', num_groups=32),
                 init_cfg: dict = None) -> None:
        if init_cfg is None:
            init_cfg = dict(type='Kaiming', layer='Conv2d', mode='fan_out')
        super().__init__(init_cfg=init_cfg)
        self.levels = ModuleList(
            ConvUpsample(
                in_channels,
                channels,
                num_layers=max(i, 1),
                num_upsample=i,
                norm_cfg=norm_cfg) for i in range(num_levels))

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Return ``(B, channels, H / 4, W / 4)``.

        Args:
            feats (Sequence[Tensor]): Levels from stride 4 on; more levels
                than ``num_levels`` are not used.
        """
        return sum(level(feat) for level, feat in zip(self.levels, feats))
