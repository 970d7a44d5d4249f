"""Where things and stuff are."""
from typing import Sequence, Tuple

from mmengine.model import BaseModule, bias_init_with_prob, normal_init
from torch import Tensor, nn

from .conv_tower import ConvTower

# of the probability that a cell starts with; -2.19 as published
PRIOR = 0.1


class PositionHead(BaseModule):
    """Centres of things and regions of stuff, shared by all levels.

    Source: PanopticFCN, section 3.2.1.

    Args:
        num_things (int): Classes of things.
        num_regions (int): Classes of the semantic map.
        in_channels (int): Channels of the pyramid. Defaults to 256.
        channels (int): Channels of the layers. Defaults to 256.
        num_convs (int): Layers. Defaults to 3.
        norm_cfg (dict, optional): Norm. Defaults to GN of 32 groups.
        deform (bool): Deformable convolutions. Defaults to True.
    """

    def __init__(self,
                 num_things: int,
                 num_regions: int,
                 in_channels: int = 256,
                 channels: int = 256,
                 num_convs: int = 3,
                 norm_cfg: dict = dict(type='GN', num_groups=32),
                 deform: bool = True) -> None:
        super().__init__()
        self.tower = ConvTower(
            in_channels, channels, num_convs, norm_cfg, deform=deform)
        self.out_inst = nn.Conv2d(channels, num_things, 3, padding=1)
        self.out_sem = nn.Conv2d(channels, num_regions, 3, padding=1)

    def init_weights(self) -> None:
        """Start from rare positions."""
        super().init_weights()
        for out in (self.out_inst, self.out_sem):
            normal_init(out, std=0.01, bias=bias_init_with_prob(PRIOR))

    def forward(self,
                feats: Sequence[Tensor]) -> Tuple[Tuple[Tensor, Tensor], ...]:
        """Return logits of centres and regions of every level.

        Args:
            feats (Sequence[Tensor]): ``(B, in_channels, h, w)`` each.

        Returns:
            tuple: Logits ``(B, num_things, h, w)`` of all levels, then those
            ``(B, num_regions, h, w)``.
        """
        feats = [self.tower(feat) for feat in feats]
        return (tuple(map(self.out_inst,
                          feats)), tuple(map(self.out_sem, feats)))
