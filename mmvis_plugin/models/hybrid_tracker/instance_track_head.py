"""Embeddings of instances, from the shape of their masks."""
from typing import Optional, Sequence, Tuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmvis_plugin.registry import MODELS
from ..layers.precision import at_least_fp32
from .mask_rois import mask_rois

ROI_SOURCES = ('mask', 'masked_rgb', 'masked_feat')


@MODELS.register_module()
class InstanceTrackHead(BaseModule):
    """Two fully connected layers with a ReLU between them.

    Never in half precision: products of its embeddings reach several
    hundred.

    Source: HybridTracker, instance tracker: two layers, 1024 channels. The
    ReLU is that of MaskTrack R-CNN's head; the paper names none. Its text can
    be read as RoIs of features, too, but its size of the model only fits RoIs
    of masks: the other sources are extensions.

    Args:
        in_features (int): Values of a RoI: 28 x 56 by default.
            Defaults to 1568.
        fc_channels (Sequence[int]): Outputs of the layers.
            Defaults to (1024, 1024).
        roi_source (str): What a RoI shows: 'mask', the mask alone;
            'masked_rgb', the image in it; 'masked_feat', features of the
            segmenter in it. Defaults to 'mask'.
        canvas_size (tuple[int, int]): See :func:`mask_rois`.
            Defaults to (256, 512).
        roi_size (tuple[int, int]): Height and width of a RoI; 7 x 14 is
            meant for features. Defaults to (28, 56).
        init_cfg (dict, optional): Initialisation config. None starts all
            layers from a normal distribution of deviation 0.01 and bias 0.
            Defaults to None.
    """

    def __init__(self,
                 in_features: int = 28 * 56,
                 fc_channels: Sequence[int] = (1024, 1024),
                 roi_source: str = 'mask',
                 canvas_size: Tuple[int, int] = (256, 512),
                 roi_size: Tuple[int, int] = (28, 56),
                 init_cfg: Optional[dict] = None) -> None:
        if init_cfg is None:
            init_cfg = dict(type='Normal', layer='Linear', std=0.01)
        super().__init__(init_cfg=init_cfg)
        if roi_source not in ROI_SOURCES:
            raise ValueError(f'roi_source={roi_source!r}, expected one of '
                             f'{ROI_SOURCES}')
        self.roi_source = roi_source
        self.canvas_size = tuple(canvas_size)
        self.roi_size = tuple(roi_size)
        channels = (in_features, *fc_channels)
        self.fcs = nn.ModuleList(
            nn.Linear(*pair) for pair in zip(channels[:-1], channels[1:]))

    def cut_out(self,
                id_map: Tensor,
                m: int,
                content: Optional[Tensor] = None) -> Tensor:
        """Return the RoIs of the instances of a frame.

        Args:
            id_map (Tensor): ``(H, W)``, 0 for no instance, else 1 to ``m``.
            m (int): Instances.
            content (Tensor, optional): ``(C, H, W)``, what ``roi_source``
                names; None for masks. Defaults to None.

        Returns:
            Tensor: ``(m, C, *roi_size)``.
        """
        return mask_rois(
            id_map, m, self.canvas_size, self.roi_size, content=content)

    def forward(self, rois: Tensor) -> Tensor:
        """Return the embeddings of instances.

        Args:
            rois (Tensor): ``(n, C, h, w)``, as of :func:`mask_rois`.

        Returns:
            Tensor: ``(n, fc_channels[-1])``, neither activated nor
            normalised.
        """
        with torch.autocast(rois.device.type, enabled=False):
            x = at_least_fp32(rois).flatten(1)
            for i, fc in enumerate(self.fcs):
                x = fc(x.relu() if i > 0 else x)
        return x
