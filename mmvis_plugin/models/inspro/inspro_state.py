"""What InsPro carries from frame to frame, and what a frame leaves."""
from dataclasses import dataclass
from typing import List, Optional

import torch
from torch import Tensor

from ..online_video_model import FrameOutput


@dataclass
class InsProState:
    """State of ``B`` videos that advance together.

    Attributes:
        init_query (Tensor): ``(B, N, C)``, the learned queries.
        init_boxes (Tensor): ``(B, N, 4)``, the learned proposals, pixels.
        query (Tensor): ``(B, N, C)``, queries for the next frame.
        boxes (Tensor): ``(B, N, 4)``, proposals for the next frame, pixels.
        whwh (Tensor): ``(B, 4)``, un-padded size that ``boxes`` refer to.
        bank (Tensor, optional): ``(T_b, B, N, C)``, object features of the
            last key frames, newest last; None without intra-query attention.
        bank_valid (Tensor, optional): ``(T_b, )`` bool.
        frame_index (int): Frames seen.
    """
    init_query: Tensor
    init_boxes: Tensor
    query: Tensor
    boxes: Tensor
    whwh: Tensor
    bank: Optional[Tensor] = None
    bank_valid: Optional[Tensor] = None
    frame_index: int = 0


@dataclass
class StageOutputs:
    """Predictions of the stages of one frame or, stacked, of one clip.

    Attributes:
        logits (Tensor): ``(B, [T,] S, N, K)`` class logits.
        boxes (Tensor): ``(B, [T,] S, N, 4)`` xyxy in input pixels.
        mask_params (Tensor, optional): ``(B, [T,] S, N, P)``.
        obj_feat (Tensor, optional): ``(B, N, C)``, last stage, per frame.
        mask_feats (Tensor, optional): ``(B, T, 8, h, w)``, per clip.
    """
    logits: Tensor
    boxes: Tensor
    mask_params: Optional[Tensor] = None
    obj_feat: Optional[Tensor] = None
    mask_feats: Optional[Tensor] = None

    @staticmethod
    def stack(frames: List['StageOutputs'],
              mask_feats: Optional[Tensor] = None) -> 'StageOutputs':
        """Stack the outputs of frames along a new time dimension 1."""
        has_masks = frames[0].mask_params is not None
        return StageOutputs(
            logits=torch.stack([f.logits for f in frames], 1),
            boxes=torch.stack([f.boxes for f in frames], 1),
            mask_params=torch.stack([f.mask_params for f in frames], 1)
            if has_masks else None,
            mask_feats=mask_feats)

    def last_stage(self) -> 'StageOutputs':
        """Keep the last stage of the outputs of one frame."""
        params = self.mask_params
        return StageOutputs(self.logits[:, -1:], self.boxes[:, -1:],
                            None if params is None else params[:, -1:],
                            self.obj_feat)


@dataclass
class InsProFrameOutput(FrameOutput):
    """Result of a frame before masks are computed (about 190 kB).

    Attributes:
        logits (Tensor): ``(N, K)``, last stage.
        boxes (Tensor): ``(N, 4)``, xyxy in input pixels.
        mask_params (Tensor, optional): ``(N, P)``.
        mask_feats (Tensor, optional): ``(8, h, w)``.
    """
    logits: Tensor
    boxes: Tensor
    mask_params: Optional[Tensor] = None
    mask_feats: Optional[Tensor] = None
