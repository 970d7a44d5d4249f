"""Embeddings of instances, from the shape of their masks."""
from typing import Optional, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmvis_plugin.registry import MODELS
from ..layers.precision import at_least_fp32


@MODELS.register_module()
class InstanceTrackHead(BaseModule):
    """Two fully connected layers with a ReLU between them.

    Never in half precision: products of its embeddings reach several
    hundred.

    Source: HybridTracker, instance tracker: two layers, 1024 channels. The
    ReLU is that of MaskTrack R-CNN's head; the paper names none.

    Args:
        in_features (int): Values of a RoI: 28 x 56 by default.
            Defaults to 1568.
        fc_channels (Sequence[int]): Outputs of the layers.
            Defaults to (1024, 1024).
        init_cfg (dict, optional): Initialisation config. None starts all
            layers from a normal distribution of deviation 0.01 and bias 0.
            Defaults to None.
    """

    def __init__(self,
                 in_features: int = 28 * 56,
                 fc_channels: Sequence[int] = (1024, 1024),
                 init_cfg: Optional[dict] = None) -> None:
        if init_cfg is None:
            init_cfg = dict(type='Normal', layer='Linear', std=0.01)
        super().__init__(init_cfg=init_cfg)
        channels = (in_features, *fc_channels)
        self.fcs = nn.ModuleList(
            nn.Linear(*pair) for pair in zip(channels[:-1], channels[1:]))

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
