"""What the video model and the image detector of InsPro share."""
from typing import Dict, List, Optional, Sequence

import torch
from mmdet.structures import TrackDataSample
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from torch import Tensor

from mmvis_plugin.registry import MODELS
from ..task_modules.padded_gt import PaddedGT
from .inspro_state import InsProFrameOutput, InsProState, StageOutputs
from .proposals import mask_targets


class InsProNetwork:
    """Mixin: backbone, neck, learned pairs and recurrent head.

    Attribute names are those of mmdet's Sparse R-CNN, so its public
    checkpoints load.
    """

    def _build_network(self, backbone: dict, neck: dict, rpn_head: dict,
                       roi_head: dict) -> None:
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck)
        self.rpn_head = MODELS.build(rpn_head)
        self.roi_head = MODELS.build(roi_head)

    def encode(self, inputs: Tensor) -> List[Tensor]:
        """Return FPN levels and, last, the mask features.

        Args:
            inputs (Tensor): ``(F, 3, H, W)``.

        Returns:
            list[Tensor]: ``(F, C, H/s, W/s)`` per level and
            ``(F, 8, H/8, W/8)`` where masks are predicted.
        """
        levels = self.neck(self.backbone(inputs))
        if self.roi_head.mask_feat_head is None:
            return list(levels)
        return [*levels, self.roi_head.mask_feat_head(levels)]

    def _split_feats(self, feats: Sequence[Tensor]):
        """Undo what :meth:`encode` joined: levels, mask features or None."""
        if self.roi_head.mask_feat_head is None:
            return feats, None
        return feats[:-1], feats[-1]

    def _initial_state(self,
                       whwh: Tensor,
                       bank_size: Optional[int] = None) -> InsProState:
        """State before the first frames of size ``whwh (B, 4)``."""
        boxes = bbox_cxcywh_to_xyxy(self.rpn_head.init_proposal_bboxes.weight)
        query = self.rpn_head.init_proposal_features.weight
        batch = len(whwh)
        return self.roi_head.init_state(
            query.expand(batch, *query.shape), boxes * whwh[:, None], whwh,
            bank_size)

    def _advance(self, feats: Sequence[Tensor], metainfo: dict,
                 state: InsProState):
        """One frame of one video at test time."""
        levels, mask_feats = self._split_feats(feats)
        outs, state = self.roi_head.step(
            levels, state, image_whwh([metainfo], levels[0].device),
            self.roi_head.is_key(state.frame_index))
        params = outs.mask_params
        output = InsProFrameOutput(
            metainfo, outs.logits[0, -1], outs.boxes[0, -1],
            None if params is None else params[0, -1],
            None if mask_feats is None else mask_feats[0])
        return output, state

    def _clip_loss(self, inputs: Tensor, samples: List[TrackDataSample],
                   roles: str) -> Dict[str, Tensor]:
        """Losses of ``(B, T, 3, H, W)`` clips.

        Args:
            inputs (Tensor): Normalised and padded.
            samples (list[TrackDataSample]): With ``gt_instances``.
            roles (str): One letter per frame, ``K`` or ``N``. With an ``N``
                only those frames give losses, of the lite stage.
        """
        batch, num_frames = inputs.shape[:2]
        gt = PaddedGT.from_samples(samples, inputs.device)
        feats = [
            f.unflatten(0, (batch, num_frames))
            for f in self.encode(inputs.flatten(0, 1))
        ]
        levels, mask_feats = self._split_feats(feats)
        state = self._initial_state(gt.whwh[:, 0], bank_size=num_frames)
        frames = self.roi_head.roll(levels, state, gt.whwh, roles)
        lite = [t for t, role in enumerate(roles) if role == 'N']
        if lite:
            frames = [frame.last_stage() for frame in frames]
        targets = None
        if mask_feats is not None:
            targets = clip_mask_targets(samples, gt.valid.size(-1),
                                        inputs.shape[-2:],
                                        self.roi_head.mask_head.out_stride,
                                        inputs.device)
        losses = self.roi_head.criterion(
            StageOutputs.stack(frames, mask_feats),
            gt,
            self.roi_head.mask_head,
            targets,
            frames=lite or None,
            prefix='lite' if lite else 's')
        return self._touch_intra_query(losses, num_frames)

    def _touch_intra_query(self, losses: Dict[str, Tensor],
                           num_frames: int) -> Dict[str, Tensor]:
        """Clips of one frame never read the attention weights; DDP must."""
        module = self.roi_head.intra_query
        if module is not None and num_frames == 1:
            losses['s0.loss_cls'] = losses['s0.loss_cls'] + 0 * sum(
                p.sum() for p in module.parameters())
        return losses


def image_whwh(metas: Sequence[dict], device: torch.device) -> Tensor:
    """Return the un-padded sizes ``(B, 4)`` as w, h, w, h."""
    sizes = [meta['img_shape'][:2] for meta in metas]
    whwh = torch.tensor([[w, h, w, h] for h, w in sizes], dtype=torch.float32)
    if device.type == 'cuda':  # an unpinned copy would wait for the device
        whwh = whwh.pin_memory()
    return whwh.to(device, non_blocking=True)


def clip_mask_targets(samples: List[TrackDataSample], num_objects: int,
                      size: Sequence[int], stride: int,
                      device: torch.device) -> Tensor:
    """Sample the masks of all clips at the stride of the mask logits.

    Args:
        samples (list[TrackDataSample]): ``B`` clips of ``T`` frames whose
            masks are padded to ``size``.
        num_objects (int): Padded number of objects ``G``.
        size (Sequence[int]): Padded input size (H, W).
        stride (int): Stride of the mask logits.
        device (torch.device): Of the result.

    Returns:
        Tensor: ``(B, T, G, H/stride, W/stride)`` uint8.
    """
    height, width = size[0] // stride, size[1] // stride
    targets = torch.zeros(
        len(samples),
        len(samples[0]),
        num_objects,
        height,
        width,
        dtype=torch.uint8)
    for b, sample in enumerate(samples):
        for t, frame in enumerate(sample):
            masks = torch.from_numpy(frame.gt_instances.masks.masks)
            targets[b, t, :len(masks)] = mask_targets(masks, stride)
    return targets.to(device, non_blocking=True)
