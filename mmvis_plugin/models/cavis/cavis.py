"""CAVIS: context-aware video instance and panoptic segmentation."""
from dataclasses import dataclass, replace
from typing import Dict, List, Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmdet.structures import TrackDataSample
from mmengine.logging import MessageHub
from torch import Tensor

from mmvis_plugin.registry import MODELS
from ..online_video_model import (FrameOutput, FrameResult, OnlineVideoModel,
                                  as_track_sample)
from .cavis_head import SegmentedFrames
from .cavis_results import ResultOptions, frame_result, video_results
from .clip_targets import (ClipTargets, instance_clip_targets,
                           panoptic_clip_targets)
from .context_aware_tracker import TrackerState
from .match_queries import match_queries
from .slot_masks import slot_masks
from .slot_scores import slot_class_probs
from .stage_losses import refiner_losses, segmenter_losses, tracker_losses
from .stage_record import StageRecord


@dataclass
class CAVISFrameOutput(FrameOutput):
    """What is kept of a frame until the end of its video.

    Attributes:
        mask_logits (Tensor, optional): ``(Q, h, w)`` of the slots. None in
            the offline stage.
        mask_features (Tensor, optional): ``(C, h, w)``. Offline stage only,
            whose masks are known at the end.
        slots (Tensor, optional): ``(Q, C)`` of the tracker, after its norm.
            Offline stage only.
        raw_queries (Tensor, optional): ``(Q, C)`` of the segmenter. Offline
            stage only.
    """
    mask_logits: Optional[Tensor] = None
    mask_features: Optional[Tensor] = None
    slots: Optional[Tensor] = None
    raw_queries: Optional[Tensor] = None


@dataclass(frozen=True)
class CAVISState:
    """What a video carries.

    Attributes:
        tracker (TrackerState, optional): Of the tracker.
        previous (Tensor, optional): ``(Q, 2C)``, what the next frame is
            matched to. Segmenter only.
        logits (Tensor, optional): ``(Q, K + 1)``, mean class logits so far.
        num_frames (int): Frames seen.
    """
    tracker: Optional[TrackerState] = None
    previous: Optional[Tensor] = None
    logits: Optional[Tensor] = None
    num_frames: int = 0


@MODELS.register_module()
class CAVIS(OnlineVideoModel):
    """Context-aware video instance and panoptic segmentation.

    Three stages, each of which freezes what the last one trained. The
    segmenter finds objects on single frames; alone, it links them by
    matching. The tracker (stage 'online') orders its queries into lasting
    slots. The refiner (stage 'offline') sees the slots of the whole video.

    Until a video ends, the segmenter and the online stage keep mask logits of
    its slots, ``Q`` numbers per pixel of stride 4, the offline stage its
    pixel embeddings, ``C`` numbers; both in ``keep_dtype`` on the CPU: 4.5 MB
    per frame of 448 x 800 and 100 slots, 11.5 MB offline with 256 channels.
    Streams that ask for results frame by frame need not keep any.

    Source: Lee et al., CAVIS: Context-Aware Video Instance Segmentation, and
    its released code.

    Args:
        backbone (dict): Config of the backbone.
        segment_head (dict): Config of :class:`CAVISHead`.
        tracker (dict, optional): Config of :class:`ContextAwareTracker`.
        refiner (dict, optional): Config of :class:`TemporalRefiner`.
        stage (str): 'segmenter', 'online' or 'offline': what is trained, and
            what a video is predicted with. Defaults to 'segmenter'.
        task (str): 'vis' (instances) or 'vps' (panoptic maps).
        criterion (dict, optional): Config of :class:`SlotCriterion`.
        loss_ctx (dict, optional): Config of
            :class:`EmbeddingContrastiveLoss`.
        loss_pcc (dict, optional): Config of :class:`PCCLoss`.
        loss_ref (dict, optional): Config of
            :class:`ReferenceContrastiveLoss`, online stage. None leaves it
            out.
        guided_part (float): First part of the iterations, in which the stage
            before tells the tracker or refiner what to match. Defaults to
            0.5.
        test_cfg (dict, optional): Arguments of :class:`ResultOptions`.
        keep_dtype (str): Precision of what is kept. Defaults to 'float16'.
        feat_chunk (int): Frames encoded at once. Defaults to 1.
        data_preprocessor (dict, optional): Config of the preprocessor.
        init_cfg (dict, optional): Initialisation config.
    """

    def __init__(self,
                 backbone: dict,
                 segment_head: dict,
                 tracker: Optional[dict] = None,
                 refiner: Optional[dict] = None,
                 stage: str = 'segmenter',
                 task: str = 'vis',
                 criterion: Optional[dict] = None,
                 loss_ctx: Optional[dict] = None,
                 loss_pcc: Optional[dict] = None,
                 loss_ref: Optional[dict] = None,
                 guided_part: float = 0.5,
                 test_cfg: Optional[dict] = None,
                 keep_dtype: str = 'float16',
                 feat_chunk: int = 1,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(
            feat_chunk=feat_chunk,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg)
        self.stage_record = StageRecord(stage)
        self.stage = stage
        self._check_parts(tracker, refiner, task)
        self.task = task
        self.backbone = MODELS.build(backbone)
        self.segment_head = MODELS.build(segment_head)
        self.tracker = tracker and MODELS.build(tracker)
        self.refiner = refiner and MODELS.build(refiner)
        head = self.segment_head
        self.criterion = _build(
            criterion, type='SlotCriterion', num_classes=head.num_classes)
        self.loss_ctx = _build(loss_ctx, type='EmbeddingContrastiveLoss')
        self.loss_pcc = _build(loss_pcc, type='PCCLoss')
        self.loss_ref = loss_ref and MODELS.build(loss_ref)
        self.guided_part = guided_part
        self.options = ResultOptions(
            task=task,
            num_classes=head.num_classes,
            num_things=head.num_things_classes,
            **(test_cfg or {}))
        self.keep_dtype = getattr(torch, keep_dtype)
        self.freeze_parameters()

    def _check_parts(self, tracker: Optional[dict], refiner: Optional[dict],
                     task: str) -> None:
        if task not in ('vis', 'vps'):
            raise ValueError(f"task={task!r} of CAVIS, expected 'vis' or "
                             "'vps'")
        found = dict(tracker=tracker, refiner=refiner)
        wanted = dict(
            segmenter=(), online=('tracker', ), offline=('tracker', 'refiner'))
        for name, part in found.items():
            if (part is None) == (name in wanted[self.stage]):
                raise ValueError(
                    f'stage={self.stage!r} of CAVIS with {name}={part}, '
                    f'expected a tracker and a refiner as far as the stage '
                    f'has them {wanted[self.stage]}; change one of the two')

    def frozen_modules(self) -> List[nn.Module]:
        """Return what the stages before have trained."""
        parts = [self.backbone, self.segment_head, self.tracker]
        return parts[:dict(segmenter=0, online=2, offline=3)[self.stage]]

    def loss(self, inputs: Tensor, data_samples: List[TrackDataSample],
             **kwargs) -> Dict[str, Tensor]:
        """Losses of the stage.

        Args:
            inputs (Tensor): ``(B, T, 3, H, W)``.
            data_samples (list[TrackDataSample]): ``B`` clips whose frames
                have ``gt_instances`` or, for panoptic segmentation,
                ``gt_panoptic_seg``.

        Returns:
            dict[str, Tensor]: Of :func:`segmenter_losses`,
            :func:`tracker_losses` or :func:`refiner_losses`.
        """
        self.stage_record.trained()
        clips = [self._targets(sample) for sample in data_samples]
        images = inputs.flatten(0, 1)
        if self.stage == 'segmenter':
            found, layers = self.segment_head(self.backbone(images))
            return segmenter_losses(found, layers, clips, self.criterion,
                                    self.loss_ctx, self.loss_pcc)
        with torch.no_grad():
            found = self.encode(images)
        if self.stage == 'online':
            return tracker_losses(self.tracker, found, clips, self.criterion,
                                  self.is_guided(), self.loss_ref)
        return refiner_losses(self.refiner, self.tracker, found, clips,
                              self.criterion, self.is_guided())

    def _targets(self, sample: TrackDataSample) -> ClipTargets:
        if self.task == 'vps':
            return panoptic_clip_targets(sample.video_data_samples)
        return instance_clip_targets(sample.video_data_samples)

    def is_guided(self) -> bool:
        """Tell whether the training is in its guided part.

        The iteration is that of the runner, which a resumed run goes on with.
        Without a runner it is the first one.
        """
        hub = MessageHub.get_current_instance()
        iteration = hub.get_info('iter', 0)
        max_iters = hub.get_info('max_iters', float('inf'))
        return iteration < self.guided_part * max_iters

    def encode(self, inputs: Tensor) -> SegmentedFrames:
        """Segment frames, each by itself."""
        return self.segment_head(self.backbone(inputs))[0]

    def init_state(self, metainfo: dict) -> CAVISState:
        """Return the state before the first frame of a video."""
        self.stage_record.check_testable()
        return CAVISState()

    def advance(self, feats: Sequence[Tensor], metainfo: dict,
                state: CAVISState) -> Tuple[CAVISFrameOutput, CAVISState]:
        """Process one encoded frame; see the base class."""
        found = SegmentedFrames(*feats)
        step = self._link if self.stage == 'segmenter' else self._track
        output, logits, state = step(found, metainfo, state)
        if state.num_frames > 0:
            gain = (logits - state.logits) / (state.num_frames + 1)
            logits = state.logits + gain
        return output, replace(
            state, logits=logits, num_frames=state.num_frames + 1)

    def _link(
            self, found: SegmentedFrames, metainfo: dict,
            state: CAVISState) -> Tuple[CAVISFrameOutput, Tensor, CAVISState]:
        """Order the queries of a frame like those of the frame before."""
        embeds = torch.cat([found.queries, found.contexts], dim=-1)[0]
        logits, masks = found.cls_logits[0], found.mask_logits[0]
        if state.previous is not None:
            indices = match_queries(state.previous, embeds)
            embeds, logits, masks = (
                x[indices] for x in (embeds, logits, masks))
        return CAVISFrameOutput(metainfo, self._keep(masks)), logits, replace(
            state, previous=embeds)

    def _track(
            self, found: SegmentedFrames, metainfo: dict,
            state: CAVISState) -> Tuple[CAVISFrameOutput, Tensor, CAVISState]:
        """Order the queries of a frame by the tracker."""
        tracked, tracker_state = self.tracker.step(found.queries,
                                                   found.contexts,
                                                   found.raw_queries,
                                                   state.tracker)
        embeds = tracked.embeds[-1, 0]
        logits = self.tracker.predict_classes(embeds)
        output = CAVISFrameOutput(metainfo)
        if self.stage == 'offline':
            output.slots, output.raw_queries = embeds, found.raw_queries[0]
            output.mask_features = self._keep(found.mask_features[0])
        else:
            masks = self.tracker.predict_masks(embeds[None, None],
                                               found.mask_features[None])
            output.mask_logits = self._keep(masks[0, :, 0])
        return output, logits, replace(state, tracker=tracker_state)

    def _keep(self, values: Tensor) -> Tensor:
        return values.detach().to('cpu', self.keep_dtype)

    def online_result(self, output: CAVISFrameOutput,
                      state: CAVISState) -> FrameResult:
        """Return the slots of one frame, with the mean classes so far.

        In the offline stage, the result of the tracker.
        """
        masks = output.mask_logits
        if masks is None:
            masks = _slot_logits(self.tracker, output.slots[None], [output], 0)
        return frame_result(
            slot_class_probs(state.logits),
            lambda _, slots: _picked(masks, slots), output.metainfo,
            self.options)

    def finish(self, outputs: List[CAVISFrameOutput],
               state: CAVISState) -> TrackDataSample:
        """Return the results of a whole video."""
        if self.stage == 'offline':
            embeds = self.refiner(
                *(torch.stack([getattr(o, key) for o in outputs])[None]
                  for key in ('slots', 'raw_queries')))[-1]
            probs = slot_class_probs(
                self.refiner.predict_classes(embeds)[0], state.logits)

            def logits_of(index: int, slots: Tensor) -> Tensor:
                return _slot_logits(self.refiner, embeds[0][:, slots], outputs,
                                    index)
        else:
            probs = slot_class_probs(state.logits)

            def logits_of(index: int, slots: Tensor) -> Tensor:
                return _picked(outputs[index].mask_logits, slots)

        metas = [output.metainfo for output in outputs]
        return as_track_sample(
            metas, video_results(probs, logits_of, metas, self.options))


def _picked(masks: Tensor, slots: Tensor) -> Tensor:
    """Return the masks of some slots on their device, in float32."""
    return masks[slots.to(masks.device)].to(slots.device).float()


def _slot_logits(heads: nn.Module, embeds: Tensor,
                 outputs: Sequence[CAVISFrameOutput], index: int) -> Tensor:
    """Return mask logits of slots ``(T, n, C)`` on the frame of an index."""
    features = outputs[index].mask_features.to(embeds)
    mask_embeds = heads.mask_embed(embeds[index])
    return slot_masks(mask_embeds[None], features[None])[:, 0]


def _build(cfg: Optional[dict], **defaults) -> nn.Module:
    return MODELS.build(dict(defaults, **(cfg or {})))
