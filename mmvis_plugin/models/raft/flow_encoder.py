"""Convolutional encoders of RAFT at an eighth of the resolution."""
from typing import Optional, Sequence

from torch import Tensor, nn

NORMS = {
    'instance': nn.InstanceNorm2d,
    'batch': nn.BatchNorm2d,
    # parameter-free and without a key of its own
    'none': lambda channels: nn.Sequential()
}


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut.

    Differs from a block of ResNet: a ReLU comes before the addition, too.

    Args:
        in_channels (int): Channels of the input.
        channels (int): Channels of the output.
        norm (str): Key of ``NORMS``.
        stride (int): Of the first convolution. Defaults to 1.
    """

    def __init__(self,
                 in_channels: int,
                 channels: int,
                 norm: str,
                 stride: int = 1) -> None:
        super().__init__()
        make_norm = NORMS[norm]
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.norm1 = make_norm(channels)
        self.norm2 = make_norm(channels)
        self.downsample: Optional[nn.Module] = None
        if stride != 1:
            # the published weights know the norm under both names
            self.norm3 = make_norm(channels)
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride), self.norm3)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, in_channels, h, w)`` to ``(B, channels, h/s, w/s)``."""
        y = self.norm1(self.conv1(x)).relu()
        y = self.norm2(self.conv2(y)).relu()
        if self.downsample is not None:
            x = self.downsample(x)
        return (x + y).relu()


class BottleneckBlock(nn.Module):
    """1x1, 3x3 and 1x1 convolution of a quarter of the width, shortcut.

    Args:
        in_channels (int): Channels of the input.
        channels (int): Channels of the output.
        norm (str): Key of ``NORMS``.
        stride (int): Of the 3x3 convolution. Defaults to 1.
    """

    def __init__(self,
                 in_channels: int,
                 channels: int,
                 norm: str,
                 stride: int = 1) -> None:
        super().__init__()
        make_norm, width = NORMS[norm], channels // 4
        self.conv1 = nn.Conv2d(in_channels, width, 1)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1)
        self.conv3 = nn.Conv2d(width, channels, 1)
        self.norm1 = make_norm(width)
        self.norm2 = make_norm(width)
        self.norm3 = make_norm(channels)
        self.downsample: Optional[nn.Module] = None
        if stride != 1:
            self.norm4 = make_norm(channels)
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride), self.norm4)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, in_channels, h, w)`` to ``(B, channels, h/s, w/s)``."""
        y = self.norm1(self.conv1(x)).relu()
        y = self.norm2(self.conv2(y)).relu()
        y = self.norm3(self.conv3(y)).relu()
        if self.downsample is not None:
            x = self.downsample(x)
        return (x + y).relu()


class FlowEncoder(nn.Module):
    """Stem, three stages of two blocks, 1x1 convolution.

    Source: RAFT, appendix. Parameter names are those of the published
    weights.

    Args:
        out_channels (int): Channels of the output.
        norm (str): 'instance', 'batch' or 'none'.
        small (bool): Bottleneck blocks of 32, 64 and 96 channels instead of
            residual blocks of 64, 96 and 128.
    """

    def __init__(self, out_channels: int, norm: str, small: bool) -> None:
        super().__init__()
        block = BottleneckBlock if small else ResidualBlock
        widths: Sequence[int] = (32, 64, 96) if small else (64, 96, 128)
        self.conv1 = nn.Conv2d(3, widths[0], 7, 2, 3)
        self.norm1 = NORMS[norm](widths[0])
        inputs = (widths[0], *widths[:2])
        for i, (before, width) in enumerate(zip(inputs, widths)):
            stage = nn.Sequential(
                block(before, width, norm, stride=1 if i == 0 else 2),
                block(width, width, norm))
            self.add_module(f'layer{i + 1}', stage)
        self.conv2 = nn.Conv2d(widths[2], out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Encode images.

        Args:
            x (Tensor): ``(B, 3, H, W)`` in [-1, 1], sides multiples of 8.

        Returns:
            Tensor: ``(B, out_channels, H / 8, W / 8)``.
        """
        x = self.norm1(self.conv1(x)).relu()
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.conv2(x)
