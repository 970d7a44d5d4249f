"""Recurrent unit of RAFT that refines a flow field."""
from typing import Optional, Tuple

import torch
from torch import Tensor, nn


class MotionEncoder(nn.Module):
    """Features of the looked-up correlation and of the current flow.

    Args:
        corr_channels (int): Channels of the correlation.
        corr_widths (tuple[int]): Channels of its layers: 1x1, then 3x3.
        flow_widths (tuple[int, int]): Channels of 7x7 and 3x3 on the flow.
        channels (int): Channels of the merged features; the flow itself is
            appended.
    """

    def __init__(self, corr_channels: int, corr_widths: Tuple[int, ...],
                 flow_widths: Tuple[int, int], channels: int) -> None:
        super().__init__()
        self.convc1 = nn.Conv2d(corr_channels, corr_widths[0], 1)
        self.convc2: Optional[nn.Module] = None
        if len(corr_widths) > 1:
            self.convc2 = nn.Conv2d(*corr_widths, 3, padding=1)
        self.convf1 = nn.Conv2d(2, flow_widths[0], 7, padding=3)
        self.convf2 = nn.Conv2d(*flow_widths, 3, padding=1)
        self.conv = nn.Conv2d(
            corr_widths[-1] + flow_widths[1], channels, 3, padding=1)

    def forward(self, flow: Tensor, corr: Tensor) -> Tensor:
        """Return ``(B, channels + 2, h, w)``."""
        x = self.convc1(corr).relu()
        if self.convc2 is not None:
            x = self.convc2(x).relu()
        y = self.convf2(self.convf1(flow).relu()).relu()
        merged = self.conv(torch.cat([x, y], dim=1)).relu()
        return torch.cat([merged, flow], dim=1)


class ConvGRU(nn.Module):
    """Convolutional gated recurrent unit, one pass per kernel shape.

    Args:
        hidden (int): Channels of the state.
        inputs (int): Channels of the input.
        separable (bool): A pass of 1x5 and one of 5x1 with the names 1 and
            2, instead of one of 3x3.
    """

    def __init__(self, hidden: int, inputs: int, separable: bool) -> None:
        super().__init__()
        kernels = {'1': (1, 5), '2': (5, 1)} if separable else {'': (3, 3)}
        self.passes = tuple(kernels)
        for suffix, kernel in kernels.items():
            padding = tuple(side // 2 for side in kernel)
            for gate in 'zrq':
                self.add_module(
                    f'conv{gate}{suffix}',
                    nn.Conv2d(hidden + inputs, hidden, kernel, 1, padding))

    def forward(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next state ``(B, hidden, h, w)``."""
        for suffix in self.passes:
            z, r, q = (getattr(self, f'conv{gate}{suffix}') for gate in 'zrq')
            hx = torch.cat([h, x], dim=1)
            update = z(hx).sigmoid()
            reset = r(hx).sigmoid() * h
            candidate = q(torch.cat([reset, x], dim=1)).tanh()
            h = (1 - update) * h + update * candidate
        return h


class FlowHead(nn.Module):
    """Change of the flow out of the hidden state.

    Args:
        inputs (int): Channels of the state.
        channels (int): Channels between the two convolutions.
    """

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(B, 2, h, w)``."""
        return self.conv2(self.conv1(x).relu())


class UpdateBlock(nn.Module):
    """One refinement of the flow.

    Source: RAFT, section 3.3 and appendix. Parameter names are those of the
    published weights.

    Args:
        corr_channels (int): Channels of the correlation.
        hidden (int): Channels of the state.
        context (int): Channels of the context.
        small (bool): The small network; it has no upsampling mask.
    """

    def __init__(self, corr_channels: int, hidden: int, context: int,
                 small: bool) -> None:
        super().__init__()
        self.mask: Optional[nn.Module] = None
        if small:
            self.encoder = MotionEncoder(corr_channels, (96, ), (64, 32), 80)
            motion, width = 82, 128
        else:
            self.encoder = MotionEncoder(corr_channels, (256, 192), (128, 64),
                                         126)
            motion, width = 128, 256
        self.gru = ConvGRU(hidden, context + motion, separable=not small)
        self.flow_head = FlowHead(hidden, width)
        if not small:
            # 9 neighbours of each of the 8 x 8 pixels of a cell
            self.mask = nn.Sequential(
                nn.Conv2d(hidden, 256, 3, padding=1), nn.ReLU(inplace=True),
                nn.Conv2d(256, 9 * 8 * 8, 1))

    def forward(self, hidden: Tensor, context: Tensor, corr: Tensor,
                flow: Tensor) -> Tuple[Tensor, Tensor]:
        """Return the next state and the change of the flow."""
        motion = self.encoder(flow, corr)
        hidden = self.gru(hidden, torch.cat([context, motion], dim=1))
        return hidden, self.flow_head(hidden)

    def upsampling_mask(self, hidden: Tensor) -> Optional[Tensor]:
        """Return logits ``(B, 576, h, w)``, None for the small network."""
        # the published factor that balances gradients
        return None if self.mask is None else 0.25 * self.mask(hidden)
