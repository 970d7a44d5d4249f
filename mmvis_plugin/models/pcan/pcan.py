"""PCAN: tracking and segmentation with prototypes."""
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmdet.structures import TrackDataSample
from mmdet.utils import reduce_mean
from mmengine.structures import InstanceData
from torch import Tensor

from mmvis_plugin.registry import MODELS
from ..layers.precision import at_least_fp32
from ..memory import TrackMemory
from ..online_video_model import FrameOutput, OnlineVideoModel, as_track_sample
from .frame_pcam import FrameMemory
from .paste_masks import paste_masks
from .pcan_roi_head import class_logits
from .pcan_tracker import TrackerState
from .prototype_refine_head import Prototypes
from .training_pairs import (FramePairs, PositiveRoIs, learns, match_positives,
                             split_pairs)


@dataclass
class PCANFrameOutput(FrameOutput):
    """Results of one frame.

    Attributes:
        results (dict[str, InstanceData]): ``pred_track_instances`` and, if
            the model reports detections, ``pred_instances``.
    """
    results: Dict[str, InstanceData]


@dataclass(frozen=True)
class PCANState:
    """What a video carries.

    Attributes:
        frames (FrameMemory, optional): Memory of the pyramid.
        tracks (TrackerState): Memory of the tracks.
        num_frames (int): Frames seen.
    """
    frames: Optional[FrameMemory] = None
    tracks: TrackerState = field(default_factory=TrackerState)
    num_frames: int = 0


@MODELS.register_module()
class PCAN(OnlineVideoModel):
    """Multi-object tracking and segmentation with prototypes.

    Source: Ke et al., Prototypical Cross-Attention Networks for Multiple
    Object Tracking and Segmentation, NeurIPS 2021; two-stage variant as
    released, one-stage variant of our design. Trained in stages, each of
    which freezes what the last one trained: box tracking, masks, refine head.
    A loss is computed only if it trains something.

    Args:
        detector (dict): Config of :class:`PCANMaskRCNN` or
            :class:`PCANCondInst`.
        track_head (dict): Config of :class:`PCANTrackHead`.
        tracker (dict): Config of :class:`PCANTracker`.
        refine_head (dict, optional): Config of
            :class:`PrototypeRefineHead`. None pastes the base masks.
        frame_pcam (dict, optional): Config of :class:`FramePCAM`. None
            leaves the pyramid as it is.
        freeze (Sequence[str]): Names of modules without training, for
            example 'detector.backbone'; they stay in evaluation mode.
        match_score_thr (float): Cosine of embeddings above which a
            reference box of the same object is a training pair.
        mask_thr (float): Least probability of foreground.
        with_detections (bool): Also report all detections of a frame as
            ``pred_instances``, which mask AP is measured on: with refined
            masks, duplicates with base masks. Defaults to False.
        feat_chunk (int): Frames encoded at once. Defaults to 1.
        data_preprocessor (dict, optional): Config of the preprocessor.
        init_cfg (dict, optional): Initialisation config.
    """

    def __init__(self,
                 detector: dict,
                 track_head: dict,
                 tracker: dict,
                 refine_head: Optional[dict] = None,
                 frame_pcam: Optional[dict] = None,
                 freeze: Sequence[str] = (),
                 match_score_thr: float = 0.5,
                 mask_thr: float = 0.5,
                 with_detections: bool = False,
                 feat_chunk: int = 1,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(
            feat_chunk=feat_chunk,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg)
        self.detector = MODELS.build(detector)
        self.track_head = MODELS.build(track_head)
        self.tracker = MODELS.build(tracker)
        self.refine_head = refine_head and MODELS.build(refine_head)
        self.frame_pcam = frame_pcam and MODELS.build(frame_pcam)
        momentum = self.tracker.proto_momentum
        if self.refine_head is None and momentum is not None:
            raise ValueError(f'tracker.proto_momentum={momentum} needs '
                             'prototypes, but refine_head is None; remove one '
                             'of the two')
        self.match_score_thr = match_score_thr
        self.mask_thr = mask_thr
        self.with_detections = with_detections
        self.freeze = tuple(freeze)
        self.freeze_parameters()

    def frozen_modules(self) -> List[nn.Module]:
        """Return the modules that ``freeze`` names."""
        modules = dict(self.named_modules())
        absent = [name for name in self.freeze if name not in modules]
        if absent:
            raise ValueError(f'freeze names {absent}, which the model does '
                             f'not have; it has {list(self._modules)} and '
                             'their parts')
        return [modules[name] for name in self.freeze]

    def loss(self, inputs: Tensor, data_samples: List[TrackDataSample],
             **kwargs) -> Dict[str, Tensor]:
        """Losses of what is not frozen.

        Under autocast the backbone and the FPN alone compute in less than
        float32: boxes would leave their pixels.

        Args:
            inputs (Tensor): ``(B, 2, 3, H, W)``: a key frame and a reference
                frame, in any order.
            data_samples (list[TrackDataSample]): ``B`` clips with
                ``key_frames_inds`` and ``ref_frames_inds``.

        Returns:
            dict[str, Tensor]: Some of ``loss_rpn_cls``, ``loss_rpn_bbox``,
            ``loss_cls``, ``loss_bbox``, ``loss_mask``, ``loss_track``,
            ``loss_track_aux`` and ``loss_refine``.
        """
        pairs = split_pairs(inputs, data_samples)
        pyramid = self.detector.extract_feat(
            torch.cat([pairs.feats, pairs.ref_feats]))
        feats, ref_feats = zip(*(at_least_fp32(level).chunk(2)
                                 for level in pyramid))
        with torch.autocast(inputs.device.type, enabled=False):
            return self._losses(
                pairs._replace(feats=list(feats), ref_feats=list(ref_feats)))

    def _losses(self, pairs: FramePairs) -> Dict[str, Tensor]:
        """Losses from the pyramids of key and reference frames."""
        if self.frame_pcam is not None and (self.frame_pcam.mode
                                            == 'similarity'):
            # the first of the two frames has no past but itself
            fuse = self.frame_pcam.fuse_pair
            pairs = pairs._replace(
                feats=fuse(pairs.feats, pairs.ref_feats),
                ref_feats=fuse(pairs.ref_feats, pairs.ref_feats))
        losses, proposals = self.detector.losses(pairs.feats, pairs.samples)
        feats = [*pairs.feats, *pairs.ref_feats]
        tracks = learns(self.track_head, feats)
        refines = self.refine_head is not None and learns(
            self.refine_head, feats)
        if not tracks and not refines:
            return losses
        ref_proposals = self.detector.propose(pairs.ref_feats,
                                              pairs.ref_samples)
        if tracks:
            losses.update(
                self.track_head.losses(pairs.feats, pairs.ref_feats, proposals,
                                       ref_proposals, pairs.samples,
                                       pairs.ref_samples))
        if refines:
            losses['loss_refine'] = self._refine_loss(
                pairs,
                self.detector.positives(pairs.feats, proposals, pairs.samples),
                self.detector.positives(pairs.ref_feats, ref_proposals,
                                        pairs.ref_samples))
        return losses

    def _refine_loss(self, pairs: FramePairs, keys: PositiveRoIs,
                     refs: PositiveRoIs) -> Tensor:
        """Loss of the refine head on matched positives.

        Without any match in the batches of all processes every key box is
        its own reference.
        """
        with torch.no_grad():
            rows, columns = match_positives(
                pairs, keys, refs,
                self.track_head.embed(pairs.feats, keys.boxes),
                self.track_head.embed(pairs.ref_feats, refs.boxes),
                self.match_score_thr)
            matches = reduce_mean(keys.mask_feats.new_tensor(float(len(rows))))
        if matches == 0:
            rows = columns = torch.arange(
                len(keys.mask_feats), device=rows.device)
            refs = keys
        logits = self.refine_head(refs.mask_feats[columns].detach(),
                                  refs.mask_logits[columns].detach(),
                                  keys.mask_feats[rows],
                                  keys.mask_logits[rows])
        return self.refine_head.loss(logits, keys.targets[rows])

    def encode(self, inputs: Tensor) -> Sequence[Tensor]:
        """Compute the pyramid of frames, before fusion."""
        return self.detector.extract_feat(inputs)

    def init_state(self, metainfo: dict) -> PCANState:
        """Return the state before the first frame of a video."""
        return PCANState()

    def advance(self, feats: Sequence[Tensor], metainfo: dict,
                state: PCANState) -> Tuple[PCANFrameOutput, PCANState]:
        """Process one encoded frame; see the base class."""
        frames, tracks = state.frames, state.tracks
        if self.frame_pcam is not None:
            feats, frames = self.frame_pcam.fuse(feats, frames)
        found = objects = self.detector.detect(feats, metainfo)
        # as released: a frame without detections leaves the tracker as it is
        if len(found) > 0:
            found.embeds = self.track_head.embed(feats, [found.bboxes])
            objects, tracks = self.tracker.match(found, tracks)
            self._refine(objects, tracks.memory)
            tracks = self.tracker.update(objects, state.num_frames, tracks)
        output = PCANFrameOutput(metainfo,
                                 self._results(found, objects, metainfo))
        return output, PCANState(frames, tracks, state.num_frames + 1)

    def _refine(self, objects: InstanceData, memory: TrackMemory) -> None:
        """Add the masks of matched objects, ``refined_logits``."""
        key_logits = class_logits(objects.mask_logits, objects.labels)
        if self.refine_head is None:
            objects.refined_logits = key_logits
            return
        past, known = None, objects.ref_rows >= 0
        keeps_protos = self.tracker.proto_momentum is not None
        if keeps_protos and known.any():
            rows, fields = objects.ref_rows[known], memory.fields
            past = known, Prototypes(fields['pos_protos'][rows],
                                     fields['neg_protos'][rows])
        objects.refined_logits, protos = self.refine_head.refine(
            objects.ref_feats, class_logits(objects.ref_logits,
                                            objects.labels),
            objects.mask_feats, key_logits, past)
        if keeps_protos:
            objects.pos_protos, objects.neg_protos = protos

    def _results(self, found: InstanceData, objects: InstanceData,
                 metainfo: dict) -> Dict[str, InstanceData]:
        """Return detections and tracks of a frame at its original size."""
        ids = objects.get('instances_id', torch.zeros(0, dtype=torch.long))
        if len(found) == 0:
            shown, logits = found, found.mask_logits
        elif self.with_detections:
            others = torch.ones(len(found), dtype=torch.bool)
            others[objects.det_inds.cpu()] = False
            order = torch.cat([
                objects.det_inds.cpu(),
                others.nonzero()[:, 0],
            ])
            shown = found[order]
            logits = class_logits(shown.mask_logits, shown.labels).clone()
            logits[:len(objects)] = objects.refined_logits
            ids = torch.cat([ids, ids.new_full((int(others.sum()), ), -1)])
        else:
            shown, ids = objects[ids > 0], ids[ids > 0]
            logits = shown.refined_logits
        instances = self._at_original_size(shown, logits, metainfo)
        tracks = instances[ids > 0]
        tracks.instances_id = ids[ids > 0]
        results = dict(pred_track_instances=tracks)
        if self.with_detections:
            results['pred_instances'] = instances
        return results

    def _at_original_size(self, shown: InstanceData, logits: Tensor,
                          metainfo: dict) -> InstanceData:
        height, width = metainfo['ori_shape'][:2]
        in_height, in_width = metainfo['img_shape'][:2]
        scale = shown.bboxes.new_tensor(
            [width / in_width, height / in_height] * 2)
        boxes = shown.bboxes * scale
        instances = InstanceData(
            bboxes=boxes.cpu(),
            labels=shown.labels.cpu(),
            scores=shown.scores.cpu())
        if self.detector.with_mask:
            instances.masks = paste_masks(logits, boxes, (height, width),
                                          self.mask_thr)
        return instances

    def online_result(self, output: PCANFrameOutput,
                      state: PCANState) -> Dict[str, InstanceData]:
        """Return the tracks of one frame, and its detections if wanted."""
        return output.results

    def finish(self, outputs: List[PCANFrameOutput],
               state: PCANState) -> TrackDataSample:
        """Return the tracks of a whole video."""
        return as_track_sample([o.metainfo for o in outputs],
                               [o.results for o in outputs])
