"""RoI features of a feature pyramid without waiting for the device."""
from functools import partial
from typing import Callable, Optional, Sequence

import torch
from mmcv.ops import RoIAlign
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmvis_plugin.registry import MODELS
from .feature_rows import FeatureRows
from .precision import at_least_fp32


@MODELS.register_module()
class StaticRoIExtractor(BaseModule):
    r"""RoIAlign on the pyramid level that fits the size of each box.

    The level of a box is :math:`\lfloor\log_2(\sqrt{wh} / s_0 + 10^{-6})
    \rfloor`, clamped to the levels there are. Results are those of mmdet's
    ``SingleRoIExtractor``, which looks up the boxes of a level on the host,
    once per level. Here every level sees all boxes, those of other levels
    moved off the map, where RoIAlign gives zero at once; the levels are
    summed. All shapes are fixed, so a step of a video can be captured in a
    CUDA graph.

    On the CPU mmcv's operator uses one thread and walks the channels with
    long steps: there :class:`FeatureRows` computes the same, about 20 times
    faster.

    A box with a NaN or infinite side gives the features of an empty box at
    the origin, on the finest level.

    Args:
        roi_size (int): Side of the output. Defaults to 7.
        sampling_ratio (int): Samples per side of an output cell.
            Defaults to 2.
        out_channels (int): Channels of the pyramid. Defaults to 256.
        featmap_strides (Sequence[int]): Stride of each level.
            Defaults to (4, 8, 16, 32).
        finest_scale (int): :math:`s_0`; boxes up to twice this size use the
            first level. Defaults to 56.
        static (bool, optional): Use mmcv's operator, else
            :class:`FeatureRows`. None does so on every device but the CPU.
            Defaults to None.
        init_cfg (dict, optional): Initialisation config. Defaults to None.
    """

    # all samples of a box here fall off any map
    _OFF_MAP = -1e4

    def __init__(self,
                 roi_size: int = 7,
                 sampling_ratio: int = 2,
                 out_channels: int = 256,
                 featmap_strides: Sequence[int] = (4, 8, 16, 32),
                 finest_scale: int = 56,
                 static: Optional[bool] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.roi_layers = nn.ModuleList(
            RoIAlign(roi_size, 1 / stride, sampling_ratio, aligned=True)
            for stride in featmap_strides)
        self.roi_size = roi_size
        self.sampling_ratio = sampling_ratio
        self.out_channels = out_channels
        self.featmap_strides = tuple(featmap_strides)
        self.finest_scale = finest_scale
        self.static = static

    def forward(self, feats: Sequence[Tensor], boxes: Tensor) -> Tensor:
        """Extract the features of the boxes of a batch.

        Args:
            feats (Sequence[Tensor]): Levels ``(B, C, h, w)``.
            boxes (Tensor): ``(B, N, 4)``, xyxy in pixels of the input.

        Returns:
            Tensor: ``(B·N, C, roi_size, roi_size)``, type of ``feats``.
        """
        return self.prepare(feats)(boxes)

    def prepare(self, feats: Sequence[Tensor]) -> Callable[[Tensor], Tensor]:
        """Do once what all boxes of a frame share.

        Args:
            feats (Sequence[Tensor]): Levels ``(B, C, h, w)``.

        Returns:
            Callable: Maps boxes ``(B, N, 4)`` to RoI features, as
            :meth:`forward`.

        Raises:
            ValueError: If there are not as many levels as strides.
        """
        if len(feats) != len(self.roi_layers):
            raise ValueError(
                f'featmap_strides={self.featmap_strides} needs '
                f'{len(self.roi_layers)} feature levels, got {len(feats)}')
        static = feats[0].is_cuda if self.static is None else self.static
        if static:
            # fp16 boxes would move by up to half a pixel; mmcv reads the
            # memory of its input as if it were contiguous
            levels = [at_least_fp32(feat).contiguous() for feat in feats]
            extract = partial(self._extract_static, levels)
        else:
            rows = FeatureRows.from_levels(feats)
            extract = partial(
                rows.align,
                strides=self.featmap_strides,
                roi_size=self.roi_size,
                sampling_ratio=self.sampling_ratio)
        return partial(self._extract, extract, feats[0].dtype)

    def _extract(self, extract: Callable, dtype: torch.dtype,
                 boxes: Tensor) -> Tensor:
        rois = self._to_rois(boxes)
        return extract(rois, self._map_levels(rois)).to(dtype)

    def _to_rois(self, boxes: Tensor) -> Tensor:
        """Flatten to ``(B·N, 5)`` and blank what RoIAlign cannot take."""
        batch, num_boxes = boxes.shape[:2]
        boxes = at_least_fp32(boxes)
        boxes = boxes.masked_fill(~boxes.isfinite().all(-1, keepdim=True), 0.)
        upper_left, lower_right = boxes.split(2, dim=-1)
        lower_right = torch.maximum(upper_left, lower_right)
        image = torch.arange(batch, device=boxes.device, dtype=boxes.dtype)
        image = image[:, None, None].expand(-1, num_boxes, 1)
        return torch.cat([image, upper_left, lower_right], -1).flatten(0, 1)

    def _map_levels(self, rois: Tensor) -> Tensor:
        scale = (rois[:, 3:] - rois[:, 1:3]).prod(-1).sqrt()
        levels = torch.floor(torch.log2(scale / self.finest_scale + 1e-6))
        return levels.clamp(0, len(self.roi_layers) - 1).long()

    def _extract_static(self, feats: Sequence[Tensor], rois: Tensor,
                        levels: Tensor) -> Tensor:
        rois = rois.to(feats[0].dtype)
        image, boxes = rois[:, :1], rois[:, 1:]
        total = 0
        for i, (layer, feat) in enumerate(zip(self.roi_layers, feats)):
            here = boxes.masked_fill((levels != i)[:, None], self._OFF_MAP)
            total = total + layer(feat, torch.cat([image, here], dim=1))
        return total
