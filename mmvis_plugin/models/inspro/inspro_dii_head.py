"""One stage of the InsPro head."""
from typing import Optional, Tuple

import torch.nn as nn
from mmdet.models.roi_heads.bbox_heads import DIIHead
from torch import Tensor

from mmvis_plugin.registry import MODELS


@MODELS.register_module()
class InsProDIIHead(DIIHead):
    """Dynamic interaction of queries and RoI features, with mask parameters.

    Parameter names are those of mmdet's ``DIIHead`` plus ``fc_mask``, so
    public Sparse R-CNN checkpoints load.

    Source: InsPro section 3.2; Sparse R-CNN head; CondInst controller.

    Args:
        num_mask_params (int): Parameters of the dynamic mask head that each
            query generates; 0 builds no generator. Defaults to 169.
        **kwargs: Of :class:`mmdet.models.DIIHead`.
    """

    def __init__(self, num_mask_params: int = 169, **kwargs) -> None:
        super().__init__(**kwargs)
        self.fc_mask = nn.Linear(self.in_channels,
                                 num_mask_params) if num_mask_params else None

    def init_weights(self) -> None:
        """Xavier for all matrices, N(0, 0.01) for the mask generator."""
        super().init_weights()
        if self.fc_mask is not None:
            nn.init.normal_(self.fc_mask.weight, std=0.01)
            nn.init.zeros_(self.fc_mask.bias)

    def forward(
            self, roi_feat: Tensor,
            query: Tensor) -> Tuple[Tensor, Tensor, Tensor, Optional[Tensor]]:
        """Refine the queries and read class, box and mask from them.

        Args:
            roi_feat (Tensor): ``(B·N, C, 7, 7)``.
            query (Tensor): ``(B, N, C)``.

        Returns:
            tuple: Class logits ``(B, N, K)``, box deltas ``(B, N, 4)``,
            object features ``(B, N, C)`` (the query of the next stage) and
            mask parameters ``(B, N, P)`` or None.
        """
        batch, num_slots, channels = query.shape
        slots = query.transpose(0, 1)  # (N, B, C)
        attended = self.attention.attn(
            slots, slots, slots, need_weights=False)[0]
        query = self.attention_norm(slots + attended).transpose(0, 1)

        query = query.reshape(-1, channels)
        interaction = self.instance_interactive_conv(query, roi_feat)
        obj_feat = self.instance_interactive_conv_norm(query + interaction)
        obj_feat = self.ffn_norm(self.ffn(obj_feat))

        cls_feat = reg_feat = obj_feat
        for layer in self.cls_fcs:
            cls_feat = layer(cls_feat)
        for layer in self.reg_fcs:
            reg_feat = layer(reg_feat)
        outs = [self.fc_cls(cls_feat), self.fc_reg(reg_feat), obj_feat]
        if self.fc_mask is not None:
            outs.append(self.fc_mask(obj_feat))
        outs = [out.view(batch, num_slots, -1) for out in outs]
        return tuple(outs) if self.fc_mask is not None else (*outs, None)
