"""Learnable weights of the similarities of looks and places."""
from typing import Optional, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmvis_plugin.registry import MODELS
from ..association import class_gate, fuse_similarities


@MODELS.register_module()
class SimilarityFusion(BaseModule):
    """1x1 convolution over two similarity matrices and gate by class.

    Source: HybridTracker, fusion. The paper gives no weights and no way to
    train them.

    Args:
        weights (Sequence[float]): Start values for the instance and the
            pixel tracker; (1, 0) and (0, 1) are the two alone.
            Defaults to (1/3, 2/3).
        bias (bool): Whether a bias is added. Defaults to False.
        class_aware (bool): Whether similarities between classes are set to
            zero. Defaults to True.
        fixed (bool): Whether the weights are those given here, whatever a
            checkpoint holds, and are not trained. Defaults to False.
        init_cfg (dict, optional): Initialisation config. Defaults to None.
    """

    def __init__(self,
                 weights: Sequence[float] = (1 / 3, 2 / 3),
                 bias: bool = False,
                 class_aware: bool = True,
                 fixed: bool = False,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if len(weights) != 2:
            raise ValueError(f'weights={tuple(weights)}, expected two: '
                             'instance and pixel tracker')
        self.weights = tuple(weights)
        self.class_aware = class_aware
        self.fixed = fixed
        self.conv = nn.Conv2d(2, 1, 1, bias=bias)
        self._start()
        self.conv.requires_grad_(not fixed)

    def init_weights(self) -> None:
        """Set the weights to their start values."""
        super().init_weights()
        self._start()

    def _start(self) -> None:
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor(self.weights).view(1, 2, 1, 1))
            if self.conv.bias is not None:
                self.conv.bias.zero_()

    def _load_from_state_dict(self, state_dict: dict, prefix: str,
                              *args) -> None:
        if self.fixed:
            state_dict.update({
                f'{prefix}conv.{name}': value
                for name, value in self.conv.state_dict().items()
            })
        super()._load_from_state_dict(state_dict, prefix, *args)

    def fuse(self, inst_sim: Tensor, pix_sim: Tensor) -> Tensor:
        """Return the weighted sum of two similarities, without the gate.

        Args:
            inst_sim (Tensor): ``(m, n)``, similarity of looks.
            pix_sim (Tensor): ``(m, n)``, similarity of places.

        Returns:
            Tensor: ``(m, n)`` in the type of the weights.
        """
        weight, bias = self.conv.weight, self.conv.bias
        # a convolution may be rounded to TF32, and takes no empty image
        fused = fuse_similarities(inst_sim, pix_sim, weight.flatten(),
                                  0. if bias is None else bias)
        return fused.to(weight)

    def forward(self, inst_sim: Tensor, pix_sim: Tensor, cls_prev: Tensor,
                cls_cur: Tensor) -> Tensor:
        """Return one similarity of two frames.

        Args:
            inst_sim (Tensor): ``(m, n)``, similarity of looks.
            pix_sim (Tensor): ``(m, n)``, similarity of places.
            cls_prev (Tensor): ``(m, )``, classes of the rows.
            cls_cur (Tensor): ``(n, )``, classes of the columns.

        Returns:
            Tensor: ``(m, n)`` in the type of the weights.
        """
        fused = self.fuse(inst_sim, pix_sim)
        if self.class_aware:
            fused = class_gate(fused, cls_prev.to(fused.device),
                               cls_cur.to(fused.device))
        return fused
