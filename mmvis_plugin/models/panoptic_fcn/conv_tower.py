"""Row of 3x3 convolutions that all heads of PanopticFCN are made of."""
from typing import Optional

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule, ModuleList
from torch import Tensor

from ..layers.precision import at_least_fp32


class ConvTower(BaseModule):
    """3x3 convolutions with optional group norm and ReLU.

    Source: PanopticFCN, section 3.2.

    Args:
        in_channels (int): Channels of the input.
        channels (int): Channels of all layers.
        num_convs (int): Layers. Defaults to 3.
        norm_cfg (dict, optional): Norm after each convolution; without one
            convolutions have a bias. Defaults to None.
        coord (bool): Whether :func:`append_coordinates` precedes the first
            layer. Defaults to False.
        deform (bool): Whether convolutions are modulated deformable ones,
            which stay in float32 under autocast. Defaults to False.
        init_cfg (dict, optional): Initialisation config. None starts as
            ``ConvModule`` does, deformable convolutions without offsets.
            Defaults to None.
    """

    def __init__(self,
                 in_channels: int,
                 channels: int,
                 num_convs: int = 3,
                 norm_cfg: Optional[dict] = None,
                 coord: bool = False,
                 deform: bool = False,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.coord = coord
        self.deform = deform
        inputs = [in_channels + 2 * coord] + [channels] * (num_convs - 1)
        self.convs = ModuleList(
            ConvModule(
                width,
                channels,
                3,
                padding=1,
                conv_cfg=dict(type='DCNv2') if deform else None,
                norm_cfg=norm_cfg) for width in inputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, in_channels, h, w)`` to ``(B, channels, h, w)``."""
        if self.coord:
            x = append_coordinates(x)
        if self.deform:
            # mmcv has no deformable convolution in bfloat16
            with torch.autocast(x.device.type, enabled=False):
                return self._convolve(at_least_fp32(x))
        return self._convolve(x)

    def _convolve(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = conv(x)
        return x


def append_coordinates(x: Tensor) -> Tensor:
    """Append row, then column, from -1 to 1 over the map.

    Args:
        x (Tensor): Features.

    Returns:
        Tensor: The same with two more channels.

    Shape:
        - x: ``(B, C, h, w)``; output: ``(B, C + 2, h, w)``.
    """
    batch, _, height, width = x.shape
    rows = torch.linspace(-1, 1, height, device=x.device).to(x.dtype)
    columns = torch.linspace(-1, 1, width, device=x.device).to(x.dtype)
    size = (batch, 1, height, width)
    return torch.cat([x, rows[:, None].expand(size),
                      columns.expand(size)],
                     dim=1)
