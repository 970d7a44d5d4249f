"""One kernel per cell, of which positions choose theirs."""
from typing import Sequence, Tuple

from mmengine.model import BaseModule, normal_init
from torch import Tensor, nn

from .conv_tower import ConvTower


class KernelHead(BaseModule):
    """Kernels of all cells, shared by all levels.

    Source: PanopticFCN, section 3.2.2.

    Args:
        in_channels (int): Channels of the pyramid. Defaults to 256.
        channels (int): Channels of the layers. Defaults to 256.
        kernel_channels (int): Values of a kernel. Defaults to 256.
        num_convs (int): Layers. Defaults to 3.
        norm_cfg (dict, optional): Norm. Defaults to GN of 32 groups.
        coord (bool): Whether layers know where they are. Defaults to True.
    """

    def __init__(self,
                 in_channels: int = 256,
                 channels: int = 256,
                 kernel_channels: int = 256,
                 num_convs: int = 3,
                 norm_cfg: dict = dict(type='GN', num_groups=32),
                 coord: bool = True) -> None:
        super().__init__()
        self.tower = ConvTower(
            in_channels, channels, num_convs, norm_cfg, coord=coord)
        self.out_conv = nn.Conv2d(channels, kernel_channels, 3, padding=1)

    def init_weights(self) -> None:
        """Start all layers from a normal distribution."""
        super().init_weights()
        normal_init(self.out_conv, std=0.01)

    def forward(self, feats: Sequence[Tensor]) -> Tuple[Tensor, ...]:
        """Return ``(B, kernel_channels, h, w)`` of every level.

        Args:
            feats (Sequence[Tensor]): ``(B, in_channels, h, w)`` each.
        """
        return tuple(self.out_conv(self.tower(feat)) for feat in feats)
