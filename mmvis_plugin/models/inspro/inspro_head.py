"""The recurrent head of InsPro."""
from typing import List, Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmdet.models.dense_heads.condinst_head import MaskFeatModule
from mmengine.model import BaseModule, ModuleList
from torch import Tensor

from mmvis_plugin.registry import MODELS
from .inspro_state import InsProState, StageOutputs
from .proposals import decode_deltas, rescale_boxes, sanitise_boxes


@MODELS.register_module()
class InsProHead(BaseModule):
    """Refine query-proposal pairs and hand them to the next frame.

    A slot is a pair of a query and a proposal box; its index is the track
    id. Every frame all slots pass the stages; the refined pairs are the
    input of the next frame. Nothing in :meth:`step` waits for the device.

    Source: InsPro sections 3.1 and 3.2; InsPro-lite: 4.2 and A.1.

    Args:
        bbox_head (dict): Config of a stage (:class:`InsProDIIHead`).
        roi_extractor (dict): Config of :class:`StaticRoIExtractor`.
        criterion (dict): Config of :class:`InsProCriterion`.
        num_stages (int): Stages of a key frame. Defaults to 6.
        mask_feat_head (dict, optional): Arguments of mmdet's
            ``MaskFeatModule``. None predicts boxes only (InsPro-VID).
        mask_head (dict, optional): Config of :class:`DynamicMaskHead`.
        intra_query (dict, optional): Config of
            :class:`IntraQueryAttention`. None hands the object features on
            unchanged.
        bank_size (int): Key frames in the feature bank at test time.
            Defaults to 18.
        propagate_query (bool): Use the query of the previous frame, else the
            learned one. Defaults to True.
        propagate_proposal (bool): The same for the proposals.
            Defaults to True.
        detach_query (bool): Stop gradients between frames. Defaults to
            False.
        min_side (float): Least side of a propagated proposal, pixels.
            Defaults to 8.
        key_interval (int): Every ``key_interval``-th frame is a key frame.
            Values above 1 need ``lite_head``. Defaults to 1.
        lite_head (bool): Build the single stage for non-key frames.
            Defaults to False.
        init_cfg (dict, optional): Initialisation config.
    """

    def __init__(self,
                 bbox_head: dict,
                 roi_extractor: dict,
                 criterion: dict,
                 num_stages: int = 6,
                 mask_feat_head: Optional[dict] = None,
                 mask_head: Optional[dict] = None,
                 intra_query: Optional[dict] = None,
                 bank_size: int = 18,
                 propagate_query: bool = True,
                 propagate_proposal: bool = True,
                 detach_query: bool = False,
                 min_side: float = 8.,
                 key_interval: int = 1,
                 lite_head: bool = False,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if key_interval > 1 and not lite_head:
            raise ValueError(f'key_interval={key_interval} needs '
                             'lite_head=True: the stage of non-key frames')
        if bank_size < 1:
            raise ValueError(f'bank_size must be >= 1, got {bank_size}; '
                             'switch the bank off with intra_query=None')
        self.bbox_head = ModuleList(
            MODELS.build(bbox_head) for _ in range(num_stages))
        self.lite_head = MODELS.build(bbox_head) if lite_head else None
        self.bbox_roi_extractor = MODELS.build(roi_extractor)
        self.criterion = MODELS.build(criterion)
        self.mask_feat_head = MaskFeatModule(
            **mask_feat_head) if mask_feat_head else None
        self.mask_head = _build(mask_head)
        self.intra_query = _build(intra_query)
        self.bank_size = bank_size
        self.propagate_query = propagate_query
        self.propagate_proposal = propagate_proposal
        self.detach_query = detach_query
        self.min_side = min_side
        self.key_interval = key_interval

    def init_weights(self) -> None:
        """Initialise; the lite stage starts as a copy of the last stage."""
        super().init_weights()
        self.copy_lite_head()

    def copy_lite_head(self) -> None:
        """Copy the last stage into the lite stage, if there is one."""
        if self.lite_head is not None:
            self.lite_head.load_state_dict(self.bbox_head[-1].state_dict())

    def init_state(self,
                   query: Tensor,
                   boxes: Tensor,
                   whwh: Tensor,
                   bank_size: Optional[int] = None) -> InsProState:
        """Return the state before the first frame.

        Args:
            query (Tensor): ``(B, N, C)``, learned.
            boxes (Tensor): ``(B, N, 4)``, learned, input pixels.
            whwh (Tensor): ``(B, 4)``, un-padded size of the first frame.
            bank_size (int, optional): Capacity of the bank. Defaults to the
                head's.
        """
        state = InsProState(query, boxes, query, boxes, whwh)
        if self.intra_query is not None:
            size = bank_size or self.bank_size
            state.bank = query.new_zeros((size, *query.shape))
            state.bank_valid = torch.zeros(
                size, dtype=torch.bool, device=query.device)
        return state

    def is_key(self, frame_index: int) -> bool:
        """Whether a frame runs all stages."""
        return frame_index % self.key_interval == 0

    def step(self,
             feats: Sequence[Tensor],
             state: InsProState,
             whwh: Tensor,
             is_key: bool = True,
             propagate: bool = True) -> Tuple[StageOutputs, InsProState]:
        """Process one frame of ``B`` videos.

        Args:
            feats (Sequence[Tensor]): FPN levels, each ``(B, C, h, w)``.
            state (InsProState): From the previous frame; not changed.
            whwh (Tensor): ``(B, 4)``, un-padded size of this frame.
            is_key (bool): All stages, else the lite stage only.
                Defaults to True.
            propagate (bool): False skips the update that only the next frame
                would read. Defaults to True.

        Returns:
            tuple[StageOutputs, InsProState]: Outputs of all stages and the
            new state.
        """
        boxes = rescale_boxes(state.boxes, state.whwh[:, None], whwh[:, None])
        heads = self.bbox_head if is_key else [self.lite_head]
        outs = self._run_stages(heads, feats, state.query, boxes)
        if propagate:
            state = self._propagate(outs, state, whwh, is_key)
        return outs, state

    def _run_stages(self, heads: Sequence[nn.Module], feats: Sequence[Tensor],
                    query: Tensor, boxes: Tensor) -> StageOutputs:
        all_logits, all_boxes, all_params = [], [], []
        extract = self.bbox_roi_extractor.prepare(feats)
        for head in heads:
            roi_feat = extract(boxes.detach())
            logits, deltas, query, params = head(roi_feat, query)
            # boxes carry a gradient only into the first stage of a frame
            # that starts from the learned proposals
            boxes = decode_deltas(deltas.float(), boxes.float())
            all_logits.append(logits)
            all_boxes.append(boxes)
            all_params.append(params)
            boxes = boxes.detach()
        return StageOutputs(
            logits=torch.stack(all_logits, 1),
            boxes=torch.stack(all_boxes, 1),
            mask_params=None if params is None else torch.stack(all_params, 1),
            obj_feat=query)

    def _propagate(self, outs: StageOutputs, state: InsProState, whwh: Tensor,
                   is_key: bool) -> InsProState:
        """Eq. 1 and the sanitised boxes: the input of the next frame."""
        query, bank, valid = state.query, state.bank, state.bank_valid
        if is_key:
            query = outs.obj_feat.detach() if self.detach_query \
                else outs.obj_feat
            if bank is not None:
                bank = torch.cat([bank[1:], query[None].to(bank.dtype)])
                valid = torch.cat([valid[1:], torch.ones_like(valid[:1])])
                query = self.intra_query(bank, valid, query)
            if not self.propagate_query:
                query = state.init_query
        boxes = sanitise_boxes(outs.boxes[:, -1].detach(), whwh[:, None],
                               self.min_side)
        if not self.propagate_proposal:
            boxes, whwh = state.init_boxes, state.whwh
        return InsProState(state.init_query, state.init_boxes, query, boxes,
                           whwh, bank, valid, state.frame_index + 1)

    def roll(self, feats: Sequence[Tensor], state: InsProState, whwh: Tensor,
             roles: str) -> List[StageOutputs]:
        """Process the frames of training clips one after the other.

        Args:
            feats (Sequence[Tensor]): FPN levels, each ``(B, T, C, h, w)``.
            state (InsProState): From :meth:`init_state`.
            whwh (Tensor): ``(B, T, 4)``, un-padded sizes.
            roles (str): ``T`` letters, ``K`` key frame or ``N`` non-key.

        Returns:
            list[StageOutputs]: One per frame.
        """
        frames = []
        for t, role in enumerate(roles):
            outs, state = self.step([level[:, t] for level in feats],
                                    state,
                                    whwh[:, t],
                                    is_key=role == 'K',
                                    propagate=t + 1 < len(roles))
            frames.append(outs)
        return frames


def _build(cfg: Optional[dict]) -> Optional[nn.Module]:
    return None if cfg is None else MODELS.build(cfg)
