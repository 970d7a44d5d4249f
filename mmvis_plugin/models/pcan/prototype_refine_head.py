"""Instance-level prototypical cross-attention of PCAN."""
from typing import NamedTuple, Optional, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import ConvModule, build_upsample_layer
from mmengine.dist import all_reduce, get_world_size
from mmengine.model import BaseModule
from torch import Tensor

from mmvis_plugin.ops import em_cluster, prototype_attention
from mmvis_plugin.registry import MODELS
from ..losses.shared_count import shared_mean
from .initial_bases import initial_bases

CONTEXT_EPS = 1e-5


class Prototypes(NamedTuple):
    """Foreground and background prototypes of R objects.

    Attributes:
        pos (Tensor): ``(R, C, K+)``.
        neg (Tensor): ``(R, C, K-)``.
    """
    pos: Tensor
    neg: Tensor


@MODELS.register_module()
class PrototypeRefineHead(BaseModule):
    """Refine the mask of an object with prototypes of its last frame.

    Prototypes of foreground and background, found by EM on the features of
    the reference frame, are the start of EM on those of the key frame. How
    much of the attention of a pixel goes to foreground prototypes is an
    input of a small mask head, whose output replaces the base mask.

    Source: PCAN, NeurIPS 2021, section 3.3; numbers and order of layers are
    those of the released code. Differs from the paper: prototypes are not
    averaged over the frames of a track (as released; see ``proto_momentum``
    of :class:`PCANTracker`). Differs from the code: bases do not change in
    tests unless ``update_bases_in_test``, training averages them over the
    objects of all processes, whose bases are equal, as is the loss, and
    ``K+`` and ``K-`` may differ.

    Args:
        in_channels (int): C. Defaults to 256.
        conv_out_channels (int): Width of the mask head. Defaults to 256.
        num_convs (int): Convolutions of the mask head; the first one is that
            of the inputs. Defaults to 4.
        pos_proto_num (int): K+. Defaults to 10.
        neg_proto_num (int): K-. Defaults to 10.
        stage_num (int): Iterations of each EM. Defaults to 6.
        momentum (float): Of the bases: weight of the old ones. Defaults to
            0.95.
        em_temp (float): Factor of the logits in EM. Defaults to 20.
        with_mask_ref (bool): Feed the reference mask to the mask head.
            Defaults to False.
        with_mask_key (bool): Feed the key mask. Defaults to True.
        update_bases_in_test (bool): Also average the bases in tests, each
            process its own: results then depend on what it tested before.
            Defaults to False.
        skip_empty_in_update (bool): Leave objects without prototype (empty
            masks) out of the average. Defaults to False.
        loss_mask (dict): Loss of the mask logits.
        init_cfg (dict, optional): Initialisation config.
    """

    def __init__(self,
                 in_channels: int = 256,
                 conv_out_channels: int = 256,
                 num_convs: int = 4,
                 pos_proto_num: int = 10,
                 neg_proto_num: int = 10,
                 stage_num: int = 6,
                 momentum: float = 0.95,
                 em_temp: float = 20.,
                 with_mask_ref: bool = False,
                 with_mask_key: bool = True,
                 update_bases_in_test: bool = False,
                 skip_empty_in_update: bool = False,
                 loss_mask: dict = dict(
                     type='CrossEntropyLoss',
                     use_sigmoid=True,
                     loss_weight=1.0),
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.stage_num = stage_num
        self.momentum = momentum
        self.em_temp = em_temp
        self.with_mask_ref = with_mask_ref
        self.with_mask_key = with_mask_key
        self.update_bases_in_test = update_bases_in_test
        self.skip_empty_in_update = skip_empty_in_update
        self.register_buffer('pos_mu', initial_bases(in_channels,
                                                     pos_proto_num))
        self.register_buffer('neg_mu', initial_bases(in_channels,
                                                     neg_proto_num))
        width = conv_out_channels
        num_inputs = in_channels + 2 + with_mask_ref + with_mask_key
        self.conv1 = ConvModule(num_inputs, width, 3, padding=1, act_cfg=None)
        self.conv2 = ConvModule(in_channels, width, 1, act_cfg=None)
        self.convs = nn.ModuleList(
            ConvModule(width, width, 3, padding=1)
            for _ in range(num_convs - 1))
        self.upsample = build_upsample_layer(
            dict(
                type='deconv',
                in_channels=width,
                out_channels=width,
                kernel_size=2,
                stride=2))
        self.conv_logits = nn.Conv2d(width, 1, 1)
        self.loss_mask = MODELS.build(loss_mask)

    def init_weights(self) -> None:
        """Initialise the layers that are no ``ConvModule``."""
        super().init_weights()
        for layer in (self.upsample, self.conv_logits):
            nn.init.kaiming_normal_(
                layer.weight, mode='fan_out', nonlinearity='relu')
            nn.init.zeros_(layer.bias)

    def forward(self, ref_feat: Tensor, ref_logits: Tensor, key_feat: Tensor,
                key_logits: Tensor) -> Tensor:
        """Return refined mask logits; arguments as of :meth:`refine`."""
        return self.refine(ref_feat, ref_logits, key_feat, key_logits)[0]

    def refine(
        self,
        ref_feat: Tensor,
        ref_logits: Tensor,
        key_feat: Tensor,
        key_logits: Tensor,
        past: Optional[Tuple[Tensor, Prototypes]] = None
    ) -> Tuple[Tensor, Prototypes]:
        """Return refined mask logits and the prototypes of the key frame.

        In training (and in tests with ``update_bases_in_test``) the bases
        are averaged with the new prototypes; in training every process has
        to call this.

        Args:
            ref_feat (Tensor): RoI features of the reference frame.
            ref_logits (Tensor): Base mask logits there, class selected.
            key_feat (Tensor): RoI features of the key frame.
            key_logits (Tensor): Base mask logits there.
            past (tuple, optional): Rows of objects, and the prototypes their
                EM on the key frame starts from, instead of those of the
                reference frame.

        Returns:
            tuple[Tensor, Prototypes]: Logits that replace ``key_logits``, and
            what they were made with.

        Shape:
            - ref_feat, key_feat: ``(R, C, h, w)``.
            - ref_logits, key_logits, output: ``(R, 1, 2h, 2w)``.
        """
        size = key_feat.shape[-2:]
        ref_small = F.interpolate(
            ref_logits, size, mode='bilinear', align_corners=False)
        key_small = F.interpolate(
            key_logits, size, mode='bilinear', align_corners=False)
        ref_mask = ref_small.sigmoid() >= 0.5
        key_mask = key_small.sigmoid() >= 0.5
        protos = self.match(ref_feat, ref_mask, key_feat, key_mask, past)
        if self.training or self.update_bases_in_test:
            self.update_bases(protos)
        pos_map, neg_map = self.attention_maps(key_feat, protos)
        inputs = [key_feat, pos_map.to(key_feat), neg_map.to(key_feat)]
        if self.with_mask_ref:
            inputs.append(ref_small)
        if self.with_mask_key:
            inputs.append(key_small)
        context = masked_mean(ref_feat, ref_mask)
        # no activation after the sum, as released
        x = self.conv1(torch.cat(inputs, dim=1)) + self.conv2(context)
        for conv in self.convs:
            x = conv(x)
        return self.conv_logits(F.relu(self.upsample(x))), protos

    @torch.no_grad()
    def match(self,
              ref_feat: Tensor,
              ref_mask: Tensor,
              key_feat: Tensor,
              key_mask: Tensor,
              past: Optional[Tuple[Tensor, Prototypes]] = None) -> Prototypes:
        """Return the prototypes of the key frame, found from the past.

        Args:
            ref_feat (Tensor): RoI features of the reference frame.
            ref_mask (Tensor): Foreground there, bool.
            key_feat (Tensor): RoI features of the key frame.
            key_mask (Tensor): Foreground there.
            past (tuple, optional): See :meth:`refine`.

        Shape:
            - features: ``(R, C, h, w)``; masks: ``(R, 1, h, w)``.
        """
        start = self._cluster(ref_feat, ref_mask,
                              Prototypes(self.pos_mu, self.neg_mu))
        if past is not None:
            rows, protos = past
            for side, known in zip(start, protos):
                side[rows] = known
        return self._cluster(key_feat, key_mask, start)

    def _cluster(self, feat: Tensor, mask: Tensor,
                 start: Prototypes) -> Prototypes:
        pixels, inside = feat.flatten(2), mask.flatten(1)
        return Prototypes(*(em_cluster(
            pixels,
            mu,
            self.stage_num,
            side,
            temp=self.em_temp,
            with_resp=False)[0] for mu, side in zip(start, (inside, ~inside))))

    @torch.no_grad()
    def update_bases(self, protos: Prototypes) -> None:
        """Average the bases with the mean prototypes.

        Those of all processes in training. In tests, where processes see
        different numbers of frames, of this one.

        Args:
            protos (Prototypes): Of the objects of this process; may be none.
        """
        for base, found in zip((self.pos_mu, self.neg_mu), protos):
            if self.skip_empty_in_update:
                found = found[found.flatten(1).any(dim=1)]
            total = torch.cat([
                found.sum(dim=0).flatten(),
                found.new_tensor([len(found)]),
            ])
            if self.training and get_world_size() > 1:
                all_reduce(total)
            mean = (total[:-1] / total[-1].clamp(min=1)).view_as(base)
            weight = (1 - self.momentum) * (total[-1] > 0)
            base.lerp_(mean.to(base), weight.to(base))

    @staticmethod
    def attention_maps(feat: Tensor,
                       protos: Prototypes) -> Tuple[Tensor, Tensor]:
        """Return the attention of pixels to each side; they add up to 1.

        Args:
            feat (Tensor): RoI features of the key frame.
            protos (Prototypes): Of the same objects.

        Shape:
            - feat: ``(R, C, h, w)``; outputs: ``(R, 1, h, w)``.
        """
        attention = prototype_attention(
            feat.flatten(2), torch.cat(protos, dim=2))
        shape = (len(feat), 1, *feat.shape[-2:])
        num_pos = protos.pos.size(2)
        return (attention[..., :num_pos].sum(-1).view(shape),
                attention[..., num_pos:].sum(-1).view(shape))

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean binary cross entropy of refined masks.

        The number of masks is the :func:`shared_count` of all processes.

        Args:
            logits (Tensor): From :meth:`forward`.
            targets (Tensor): 0 or 1.

        Shape:
            - logits: ``(R, 1, H, W)``; targets: ``(R, H, W)``; output: ().
        """
        if len(logits) == 0:
            return shared_mean(logits.sum(), 0)
        mean = self.loss_mask(logits[:, 0], targets.to(logits))
        return shared_mean(mean, len(logits))


def masked_mean(feat: Tensor, mask: Tensor) -> Tensor:
    """Return the mean feature of the foreground, 0 without foreground.

    Shape:
        - feat: ``(R, C, h, w)``; mask: ``(R, 1, h, w)``; output:
          ``(R, C, 1, 1)``.
    """
    total = (feat * mask).sum(dim=(2, 3), keepdim=True)
    return total / (CONTEXT_EPS + mask.sum(dim=(2, 3), keepdim=True))
