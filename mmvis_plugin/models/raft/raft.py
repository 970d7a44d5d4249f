"""Optical flow by recurrent refinement over all pairs of cells."""
from dataclasses import dataclass
from typing import Iterator, List, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmvis_plugin.registry import MODELS
from ..layers.precision import at_least_fp32
from .correlation import NUM_LEVELS, ChunkedCorrelation, VolumeCorrelation
from .flow_encoder import FlowEncoder
from .update_block import UpdateBlock
from .upsampling import upsample_flow

CORRELATIONS = {'volume': VolumeCorrelation, 'chunked': ChunkedCorrelation}
# the coarsest of the four levels of 1 / 8 has at least two cells per side
MIN_SIDE = 128


@dataclass(frozen=True)
class RAFTFeatures:
    """What RAFT has to know of a frame, to be kept between pairs.

    Attributes:
        fmap (Tensor): ``(B, D, h, w)``, features to be correlated.
        hidden (Tensor, optional): ``(B, C, h, w)``, start of the recurrent
            state; None if the frame is the second of a pair only.
        context (Tensor, optional): ``(B, C', h, w)``.
        size (tuple[int, int]): Height and width of the frame.
        scaled_size (tuple[int, int]): The same after ``flow_scale``.
        pad (tuple[int, int, int, int]): Columns and rows added left, right,
            above and below.
    """
    fmap: Tensor
    hidden: Optional[Tensor]
    context: Optional[Tensor]
    size: Tuple[int, int]
    scaled_size: Tuple[int, int]
    pad: Tuple[int, int, int, int]


@MODELS.register_module()
class RAFT(BaseModule):
    """Recurrent all-pairs field transforms.

    Names of parameters are those of the published weights. Frames of less
    than 128 pixels per side are padded.

    Features belong to a frame, not to a pair: keep those of :meth:`encode`
    and give them to :meth:`flow` for every pair that the frame is in.

    Under mixed precision, and with weights in half precision, correlation
    and coordinates stay in float32. A frame with NaN gives flow of NaN, which
    the checks of HybridTracker name.

    Source: RAFT (ECCV 2020).

    Args:
        small (bool): The small network of 990 162 parameters instead of the
            large one of 5 257 536. Defaults to False.
        iters (int): Refinements. Defaults to 20.
        corr_impl (str): 'volume' keeps the correlation of all pairs of
            cells, 4.3 GB for frames of 1024 x 2048 plus a third for its
            pyramid; 'chunked' keeps a slice of it and computes it again in
            every iteration. Under autograd both keep everything.
            Defaults to 'volume'.
        chunk_size (int): Cells of a slice of 'chunked'. Defaults to 1024.
        flow_scale (float): Factor on the frame before the network; the flow
            is brought back to the size and the pixels of the frame.
            Defaults to 1.
        norm_eval (bool): Whether the batch norm of the large network stays
            in evaluation in training. Defaults to True.
        init_cfg (dict, optional): Initialisation config. Defaults to None.

    Example:
        >>> raft = RAFT(small=True).eval()
        >>> a, b, c = torch.randint(256, (3, 1, 3, 128, 160))
        >>> raft(a, b, iters=4).shape
        torch.Size([1, 2, 128, 160])
        >>> features = [raft.encode(frame) for frame in (a, b, c)]
        >>> flow = raft.flow(features[1], features[2], iters=4)
    """

    def __init__(self,
                 small: bool = False,
                 iters: int = 20,
                 corr_impl: str = 'volume',
                 chunk_size: int = 1024,
                 flow_scale: float = 1.,
                 norm_eval: bool = True,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if corr_impl not in CORRELATIONS:
            raise ValueError(f'corr_impl={corr_impl!r}, expected one of '
                             f'{tuple(CORRELATIONS)}')
        if flow_scale <= 0:
            raise ValueError(f'flow_scale must be > 0, got {flow_scale}')
        self.iters = iters
        self.corr_impl = corr_impl
        self.chunk_size = chunk_size
        self.flow_scale = flow_scale
        self.norm_eval = norm_eval
        self.radius = 3 if small else 4
        self.hidden_channels, context = (96, 64) if small else (128, 128)
        self.fnet = FlowEncoder(128 if small else 256, 'instance', small)
        self.cnet = FlowEncoder(self.hidden_channels + context,
                                'none' if small else 'batch', small)
        self.update_block = UpdateBlock(NUM_LEVELS * (2 * self.radius + 1)**2,
                                        self.hidden_channels, context, small)
        for encoder in (self.fnet, self.cnet):
            for module in encoder.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(
                        module.weight, mode='fan_out', nonlinearity='relu')

    def train(self, mode: bool = True) -> 'RAFT':
        """Switch to training; see ``norm_eval``."""
        super().train(mode)
        if mode and self.norm_eval:
            for module in self.cnet.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def forward(self,
                img1: Tensor,
                img2: Tensor,
                iters: Optional[int] = None,
                return_all: bool = False) -> Union[Tensor, List[Tensor]]:
        """Return the flow from the first to the second frames.

        Args:
            img1 (Tensor): RGB in 0 to 255, of any type.
            img2 (Tensor): The same.
            iters (int, optional): Refinements; None for those of the
                constructor. Defaults to None.
            return_all (bool): Whether to return the flow after every
                refinement, as :func:`sequence_loss` needs it.
                Defaults to False.

        Returns:
            Tensor or list[Tensor]: Flow in pixels of the frame: to the
            right, then down.

        Shape:
            - img1, img2: ``(B, 3, H, W)``; output: ``(B, 2, H, W)``.
        """
        if img1.shape != img2.shape:
            raise ValueError(
                f'frames of a pair are {tuple(img1.shape)} and '
                f'{tuple(img2.shape)}, expected one size (B, 3, H, W)')
        first = self.encode(img1)
        second = self.encode(img2, with_context=False)
        return self.flow(first, second, iters, return_all)

    def encode(self, img: Tensor, with_context: bool = True) -> RAFTFeatures:
        """Compute what is needed of a frame in whatever pair.

        Args:
            img (Tensor): ``(B, 3, H, W)``, RGB in 0 to 255.
            with_context (bool): Whether the frame is the first of a pair.
                Defaults to True.

        Returns:
            RAFTFeatures: Features at an eighth of the resolution.
        """
        size = tuple(img.shape[-2:])
        img = img.to(self.fnet.conv1.weight)
        scaled = tuple(max(round(self.flow_scale * side), 1) for side in size)
        if scaled != size:
            img = F.interpolate(
                img, size=scaled, mode='bilinear', align_corners=False)
        pad = _padding(*scaled)
        img = F.pad(2 * img / 255 - 1, pad, mode='replicate')
        hidden = context = None
        if with_context:
            hidden, context = self.cnet(img).tensor_split(
                [self.hidden_channels], dim=1)
            hidden, context = hidden.tanh(), context.relu()
        return RAFTFeatures(self.fnet(img), hidden, context, size, scaled, pad)

    def flow(self,
             first: RAFTFeatures,
             second: RAFTFeatures,
             iters: Optional[int] = None,
             return_all: bool = False) -> Union[Tensor, List[Tensor]]:
        """Return the flow between frames that are encoded.

        Args:
            first (RAFTFeatures): With context.
            second (RAFTFeatures): With or without.
            iters (int, optional): As for :meth:`forward`.
            return_all (bool): As for :meth:`forward`.

        Returns:
            Tensor or list[Tensor]: ``(B, 2, H, W)`` in pixels.
        """
        flows: List[Tensor] = []
        for low, hidden in self.refine(first, second, iters):
            if return_all:
                flows.append(self._to_pixels(low, hidden, first))
        if return_all:
            return flows
        return self._to_pixels(low, hidden, first)

    def refine(self,
               first: RAFTFeatures,
               second: RAFTFeatures,
               iters: Optional[int] = None) -> Iterator[Tuple[Tensor, Tensor]]:
        """Yield the flow of padded frames in cells after every refinement.

        Args:
            first (RAFTFeatures): With context.
            second (RAFTFeatures): With or without.
            iters (int, optional): As for :meth:`forward`.

        Yields:
            tuple[Tensor, Tensor]: Flow ``(B, 2, h, w)`` and state.

        Raises:
            ValueError: For frames of different size, a first frame without
                context and less than one refinement.
        """
        iters = self.iters if iters is None else iters
        _check_features(first, second, iters)
        look_up = self._correlate(first.fmap, second.fmap)
        hidden, context = first.hidden, first.context
        start = _grid(first.fmap)
        coords = start.expand(len(first.fmap), -1, -1, -1)
        for _ in range(iters):
            coords = coords.detach()
            hidden, delta = self.update_block(hidden, context,
                                              look_up(coords).to(hidden),
                                              (coords - start).to(hidden))
            coords = coords + delta
            yield coords - start, hidden

    def _correlate(
            self, fmap1: Tensor,
            fmap2: Tensor) -> Union[VolumeCorrelation, ChunkedCorrelation]:
        fmap1, fmap2 = at_least_fp32(fmap1), at_least_fp32(fmap2)
        if self.corr_impl == 'chunked':
            return ChunkedCorrelation(fmap1, fmap2, self.radius,
                                      self.chunk_size)
        return VolumeCorrelation(fmap1, fmap2, self.radius)

    def _to_pixels(self, low: Tensor, hidden: Tensor,
                   features: RAFTFeatures) -> Tensor:
        """Upsample, cut off the padding, undo ``flow_scale``."""
        flow = upsample_flow(low, self.update_block.upsampling_mask(hidden))
        left, _, top, _ = features.pad
        height, width = features.scaled_size
        flow = flow[..., top:top + height, left:left + width]
        if features.scaled_size == features.size:
            return flow
        flow = F.interpolate(
            flow, size=features.size, mode='bilinear', align_corners=False)
        factor = flow.new_tensor(
            [features.size[1] / width, features.size[0] / height])
        return flow * factor[:, None, None]


def _check_features(first: RAFTFeatures, second: RAFTFeatures,
                    iters: int) -> None:
    if iters < 1:
        raise ValueError(f'iters must be >= 1, got {iters}')
    if first.size != second.size:
        raise ValueError(f'frames of a pair are {first.size} and '
                         f'{second.size}, expected one size (H, W)')
    if first.context is None:
        raise ValueError('the first frame of a pair was encoded with '
                         'with_context=False; encode it with context')


def _padding(height: int, width: int) -> Tuple[int, int, int, int]:
    """Pads to multiples of 8, at least 128, the smaller half first."""
    down, across = (
        max(-side % 8, MIN_SIDE - side) for side in (height, width))
    return (across // 2, across - across // 2, down // 2, down - down // 2)


def _grid(fmap: Tensor) -> Tensor:
    """Column and row of every cell, ``(1, 2, h, w)``."""
    rows, columns = torch.meshgrid(
        *(torch.arange(side, device=fmap.device) for side in fmap.shape[-2:]),
        indexing='ij')
    return torch.stack([columns, rows])[None].to(at_least_fp32(fmap))
