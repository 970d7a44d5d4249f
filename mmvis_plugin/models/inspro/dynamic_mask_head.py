"""Masks from per-slot 1x1 convolutions."""
from typing import List, Tuple

import torch
import torch.nn.functional as F
from mmdet.models.utils import aligned_bilinear
from mmengine.model import BaseModule
from torch import Tensor

from mmvis_plugin.registry import MODELS
from ..layers.precision import at_least_fp32


# mmdet owns the name DynamicMaskHead
@MODELS.register_module(name='InsProMaskHead')
class DynamicMaskHead(BaseModule):
    r"""Apply the small network that a slot generates to the mask features.

    Each slot brings the parameters of ``num_layers`` 1x1 convolutions with
    ReLU in between. Its input is the coordinates relative to its box and the
    shared features: :math:`[(c_x - x)/s, (c_y - y)/s, f_1, ..., f_8]`, where
    :math:`(x, y)` is the centre of a feature cell in pixels. The vector
    holds the weights of all layers (each ``out x in``, row by row), then the
    biases.

    The first layer is affine in :math:`(f, x, y, 1)`, so centre and scale of
    a slot are folded into its weights and all slots of a frame share one
    matrix product; the input of a slot is never built.

    Source: CondInst, section 3; InsPro section 3.2. Differs from CondInst:
    the scale :math:`s` is the size of the box of the slot, as there is no
    pyramid level to take it from.

    Args:
        channels (int): Channels of the mask features. Defaults to 8.
        num_layers (int): Convolutions. Defaults to 3.
        feat_channels (int): Channels between them. Defaults to 8.
        feat_stride (int): Stride of the mask features. Defaults to 8.
        rel_coord_norm (str): 'box': s is the longer side of the box, limited
            to [``min_size``, ``max_size``]; 'fixed': s is ``fixed_size``.
            Defaults to 'box'.
        fixed_size (float): Pixels. Defaults to 128.
        min_size (float): Pixels. Defaults to 64.
        max_size (float): Pixels. Defaults to 1024.
        out_stride (int): Stride of the logits. Defaults to 4.
        init_cfg (dict, optional): Initialisation config. Defaults to None.
    """
    NORMS = ('box', 'fixed')

    def __init__(self,
                 channels: int = 8,
                 num_layers: int = 3,
                 feat_channels: int = 8,
                 feat_stride: int = 8,
                 rel_coord_norm: str = 'box',
                 fixed_size: float = 128.,
                 min_size: float = 64.,
                 max_size: float = 1024.,
                 out_stride: int = 4,
                 init_cfg: dict = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if rel_coord_norm not in self.NORMS:
            raise ValueError(f'rel_coord_norm={rel_coord_norm!r} is unknown, '
                             f'expected one of {self.NORMS}')
        if feat_stride % out_stride:
            raise ValueError(f'feat_stride={feat_stride} is no multiple of '
                             f'out_stride={out_stride}')
        self.feat_stride = feat_stride
        self.out_stride = out_stride
        self.rel_coord_norm = rel_coord_norm
        self.fixed_size = fixed_size
        self.min_size = min_size
        self.max_size = max_size
        ins = [channels + 2] + [feat_channels] * (num_layers - 1)
        outs = [feat_channels] * (num_layers - 1) + [1]
        self._layer_shapes = list(zip(outs, ins))

    @property
    def num_params(self) -> int:
        """Parameters of one slot: 169 by default."""
        return sum(out * (in_ + 1) for out, in_ in self._layer_shapes)

    def forward(self, feats: Tensor, params: Tensor, boxes: Tensor) -> Tensor:
        """Return the masks of slots, all slots of a frame together.

        Args:
            feats (Tensor): ``(B, channels, h, w)``.
            params (Tensor): ``(B, n, num_params)``.
            boxes (Tensor): ``(B, n, 4)``, xyxy pixels; their gradient is
                not used.

        Returns:
            Tensor: Logits ``(B, n, f·h, f·w)``, float32 at least, with
            ``f = feat_stride / out_stride``.
        """
        with torch.autocast(feats.device.type, enabled=False):
            logits = self._run(self._append_grid(feats), params, boxes)
            logits = logits.unflatten(-1, feats.shape[-2:])
            return aligned_bilinear(logits,
                                    self.feat_stride // self.out_stride)

    def forward_flat(self, feats: Tensor, params: Tensor, boxes: Tensor,
                     frame_inds: Tensor) -> Tensor:
        """Return the masks of single (slot, stage) pairs of many frames.

        Args:
            feats (Tensor): ``(F, channels, h, w)``.
            params (Tensor): ``(P, num_params)``.
            boxes (Tensor): ``(P, 4)``, xyxy pixels.
            frame_inds (Tensor): ``(P, )`` long, frame of each pair.

        Returns:
            Tensor: Logits ``(P, f·h, f·w)``.
        """
        with torch.autocast(feats.device.type, enabled=False):
            grid_feats = self._append_grid(feats).index_select(0, frame_inds)
            logits = self._run(grid_feats, params[:, None], boxes[:, None])
            logits = logits.unflatten(-1, feats.shape[-2:])
            return aligned_bilinear(logits, self.feat_stride //
                                    self.out_stride).squeeze(1)

    def _append_grid(self, feats: Tensor) -> Tensor:
        """Append x, y (in feature cells) and 1: ``(B, channels+3, h·w)``."""
        feats = at_least_fp32(feats)
        batch, _, height, width = feats.shape
        x = torch.arange(width, device=feats.device, dtype=feats.dtype) + 0.5
        y = torch.arange(height, device=feats.device, dtype=feats.dtype) + 0.5
        grid = torch.stack([
            x.expand(height, width), y[:, None].expand(height, width),
            torch.ones_like(feats[0, 0])
        ])
        return torch.cat([feats, grid.expand(batch, -1, -1, -1)], 1).flatten(2)

    def _run(self, grid_feats: Tensor, params: Tensor,
             boxes: Tensor) -> Tensor:
        """Run all layers: ``(B, n, h·w)``."""
        batch, num_slots = params.shape[:2]
        weights, biases = self._split_params(params)
        first = self._fold_boxes(weights[0], biases[0], boxes)
        out = torch.bmm(first.flatten(1, 2), grid_feats)
        out = out.unflatten(1, first.shape[1:3]).flatten(0, 1)
        for weight, bias in zip(weights[1:], biases[1:]):
            out = torch.baddbmm(
                bias.flatten(0, 1)[..., None], weight.flatten(0, 1),
                F.relu(out))
        return out.view(batch, num_slots, grid_feats.size(-1))

    def _split_params(self,
                      params: Tensor) -> Tuple[List[Tensor], List[Tensor]]:
        shapes = self._layer_shapes
        sizes = [out * in_ for out, in_ in shapes] + [out for out, _ in shapes]
        parts = at_least_fp32(params).split(sizes, dim=-1)
        weights = [
            part.unflatten(-1, shape) for part, shape in zip(parts, shapes)
        ]
        return weights, list(parts[len(shapes):])

    def _fold_boxes(self, weight: Tensor, bias: Tensor,
                    boxes: Tensor) -> Tensor:
        """Weights ``(B, n, out, channels+3)`` on features, x, y and 1."""
        boxes = at_least_fp32(boxes.detach()) / self.feat_stride  # in cells
        centres = (boxes[..., :2] + boxes[..., 2:]) / 2
        scaled = weight[..., :2] / self._scales(boxes)[..., None, None]
        bias = bias + (scaled * centres[..., None, :]).sum(-1)
        return torch.cat([weight[..., 2:], -scaled, bias[..., None]], dim=-1)

    def _scales(self, boxes: Tensor) -> Tensor:
        """Divisor of the relative coordinates ``(B, n)``, in cells."""
        if self.rel_coord_norm == 'fixed':
            return torch.full_like(boxes[..., 0],
                                   self.fixed_size / self.feat_stride)
        sides = (boxes[..., 2:] - boxes[..., :2]).amax(-1)
        return sides.clamp(self.min_size / self.feat_stride,
                           self.max_size / self.feat_stride)
