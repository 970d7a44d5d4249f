"""HybridTracker: panoptic tracking by shape and motion."""
from dataclasses import replace
from functools import partial
from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from torch import Tensor, nn

from mmvis_plugin.registry import MODELS
from ..association import (Assignment, SkipFrame, assign_ids, check_pair,
                           instance_similarity, warped_dice)
from ..online_video_model import FrameResult, OnlineVideoModel, as_track_sample
from .feature_tap import FeatureTap
from .flow_source import FlowSource, resize_flow
from .hybrid_state import FrameRecord, HybridFrameOutput, HybridState
from .part_checks import check_options, check_prediction, check_training
from .rgb_frame import rgb_frame
from .segmented_frame import (ClassCounts, SegmentedFrame, class_counts,
                              segmented_frame)
from .stage_losses import (EmbeddedPair, SimilarPair, fusion_losses,
                           instance_losses)
from .track_options import TrackOptions
from .training_frame import annotated_frame, predicted_frame


@MODELS.register_module()
class HybridTracker(OnlineVideoModel):
    """Video panoptic segmentation: a panoptic segmenter and two trackers.

    The segmenter finds the segments of each frame by itself. The instance
    tracker compares the shapes of things, the pixel tracker moves their
    pixels by optical flow; a weighted sum of both, gated by class, is
    matched. Things without partner in the last frame are compared with
    older ones. Stuff has no identity.

    The segmenter and the flow network are never trained here: stage
    'instance' trains the instance tracker, without images if
    ``train_source`` is 'gt' and it sees masks alone; stage 'fusion' the two
    weights of the sum. Any model stands for the segmenter that predicts
    ``pred_panoptic_seg.sem_seg`` (label + 1000 x number) for images, such as
    PanopticFCN, mmdet's PanopticFPN, MaskFormer and Mask2Former.

    What is computed of a single frame depends on its size without padding;
    all of it happens in :meth:`advance`, once per frame. Flow is computed for
    the last frame and this one if both have things, and both ways for an
    older frame only if both have things left over. Matching is done on the
    CPU: a step waits for the device where it counts the things of a frame,
    checks id maps and flow, and reads similarities.

    Source: Ye et al., Hybrid Tracker with Pixel and Instance for Video
    Panoptic Segmentation. Differs from the paper: see
    :class:`TrackOptions` and the parts.

    Args:
        segmentor (dict, optional): Config of a panoptic segmenter. None for
            training alone, from annotated masks.
        instance_head (dict, optional): Config of
            :class:`InstanceTrackHead`. None leaves the instance tracker out.
        flow (dict, optional): Config of :class:`RAFT`, or of a
            :class:`FlowSource`. None leaves the pixel tracker out.
        fusion (dict, optional): Config of :class:`SimilarityFusion`. A
            tracker that is left out needs the weight 0.
        loss_match (dict, optional): Config of :class:`DMLLoss`. Its
            ``temperature`` and ``dustbin`` are those of tests, too.
        stage (str): 'instance' or 'fusion': what is trained.
        train_source (str): 'gt' trains on annotated things, 'pred' on
            predicted ones with an IoU above 0.5 with an annotated one of
            their class. Defaults to 'gt'.
        feat_module (str, optional): Name of the module in the segmenter
            whose output ``(B, C, h, w)`` RoIs with
            ``roi_source='masked_feat'`` show, such as
            'panoptic_head.feature_encoder'. Defaults to None.
        test_cfg (dict, optional): Fields of :class:`TrackOptions`.
        feat_chunk (int): Of no use here. Defaults to 1.
        data_preprocessor (dict, optional): Config of the preprocessor, that
            of the segmenter for clips. RAFT gets RGB whatever it does.
        init_cfg (dict, optional): Initialisation config.
    """

    def __init__(self,
                 segmentor: Optional[dict] = None,
                 instance_head: Optional[dict] = None,
                 flow: Optional[dict] = None,
                 fusion: Optional[dict] = None,
                 loss_match: Optional[dict] = None,
                 stage: str = 'instance',
                 train_source: str = 'gt',
                 feat_module: Optional[str] = None,
                 test_cfg: Optional[dict] = None,
                 feat_chunk: int = 1,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(
            feat_chunk=feat_chunk,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg)
        check_options(stage, train_source)
        self.stage = stage
        self.train_source = train_source
        self.options = TrackOptions(**(test_cfg or {}))
        # mmdet's heads copy their configs by a method of this class
        self.segmentor = segmentor and MODELS.build(ConfigDict(segmentor))
        self.instance_head = instance_head and MODELS.build(instance_head)
        self.flow = flow and MODELS.build(flow)
        self.fusion = _build(fusion, type='SimilarityFusion')
        self.loss_match = _build(loss_match, type='DMLLoss')
        self.counts: Optional[ClassCounts] = None
        if self.segmentor is not None:
            self.counts = class_counts(self.segmentor)
        self._tap: Optional[FeatureTap] = None
        if self._roi_source == 'masked_feat':
            self._tap = FeatureTap(self.segmentor, feat_module)
        self.freeze_parameters()

    def _parts(self) -> Dict[str, Optional[nn.Module]]:
        names = ('segmentor', 'instance_head', 'flow', 'fusion')
        return {name: getattr(self, name) for name in names}

    @property
    def _roi_source(self) -> str:
        return getattr(self.instance_head, 'roi_source', 'mask')

    def frozen_modules(self) -> List[nn.Module]:
        """Return the parts that the stage does not train."""
        parts = self._parts()
        parts.pop(dict(instance='instance_head', fusion='fusion')[self.stage])
        return [part for part in parts.values() if part is not None]

    def loss(self, inputs: Tensor, data_samples: List[TrackDataSample],
             **kwargs) -> Dict[str, Tensor]:
        """Losses of the stage, over neighbouring frames of clips.

        Args:
            inputs (Tensor): ``(B, T, 3, H, W)``; of no channels if images
                are not needed.
            data_samples (list[TrackDataSample]): ``B`` clips of two frames
                or more with ``gt_panoptic_seg``.

        Returns:
            dict[str, Tensor]: Of :func:`instance_losses` or
            :func:`fusion_losses`.
        """
        check_training(self.stage, self.train_source, self._parts(),
                       len(data_samples[0]))
        clips, rois = [], []
        for images, sample in zip(inputs, data_samples):
            clips.append([])
            for t, frame in enumerate(sample):
                record, roi = self._training_record(images[t:t + 1], frame, t,
                                                    len(sample))
                clips[-1].append(record)
                rois.append(roi)
        embeds = self.instance_head(torch.cat(rois))
        embeds = iter(embeds.split([len(roi) for roi in rois]))
        clips = [[replace(record, embeds=next(embeds)) for record in clip]
                 for clip in clips]
        pairs = [pair for clip in clips for pair in zip(clip[:-1], clip[1:])]
        if self.stage == 'instance':
            return instance_losses([
                EmbeddedPair(prev.embeds, cur.embeds, prev.ids, cur.ids)
                for prev, cur in pairs
            ], self.loss_match)
        with torch.no_grad():
            compared = [
                SimilarPair(*self._similarities(prev, cur, 'training pair'),
                            prev.ids, cur.ids) for prev, cur in pairs
            ]
        return fusion_losses(compared, self.fusion)

    @torch.no_grad()
    def _training_record(self, image: Tensor, sample: DetDataSample,
                         position: int,
                         num_frames: int) -> Tuple[FrameRecord, Tensor]:
        """Return a frame without embeddings, and its RoIs."""
        meta, name = sample.metainfo, _frame_name(sample.metainfo)
        height, width = size = meta['img_shape'][:2]
        # resized and flipped: what is the input is the original here
        meta = dict(meta, ori_shape=size, scale_factor=(1., 1.))
        frame = annotated_frame(sample, self.options.min_area, name)
        frame = frame._replace(id_map=frame.id_map[:height, :width])
        if self.train_source == 'pred' or self._tap is not None:
            found = self._segment(image, meta).instances
            if self.train_source == 'pred':
                frame = predicted_frame(found, frame, position, num_frames)
        rois = self._rois(frame.id_map, len(frame.labels), image, meta)
        feats = None
        if self.stage == 'fusion' and len(frame.labels) > 0:
            feats = self._flow_feats(image, meta)
        return FrameRecord(
            frame.id_map, frame.labels, flow_feats=feats, ids=frame.ids), rois

    def encode(self, inputs: Tensor) -> Sequence[Tensor]:
        """Hand frames on: all work on them needs their metainfo."""
        return (inputs, )

    def init_state(self, metainfo: dict) -> HybridState:
        """Return the state before the first frame of a video.

        Raises:
            ValueError: If there is no segmenter, or a tracker is left out
                that has a weight.
        """
        check_prediction(self._parts(),
                         self.fusion.conv.weight.flatten().tolist())
        return HybridState()

    def advance(self, feats: Sequence[Tensor], metainfo: dict,
                state: HybridState) -> Tuple[HybridFrameOutput, HybridState]:
        """Process one frame; see the base class.

        Raises:
            ValueError: With one line that names the frame, if it has another
                size than those before, or if its segmentation or flow is not
                as expected.
        """
        image, = feats
        size, name = tuple(metainfo['ori_shape'][:2]), _frame_name(metainfo)
        if state.memory and state.memory[-1].id_map.shape != size:
            raise ValueError(
                f'{name}: frame of size {size}, expected '
                f'{tuple(state.memory[-1].id_map.shape)} as the frames '
                'before it; resize the frames of a video to one size')
        found = self._segment(image, metainfo)
        record = self._record(found, image, metainfo)
        assigned = self._assign(record, state, name)
        runs = found.with_ids(
            assigned.ids).flatten().unique_consecutive(return_counts=True)
        # the runs lie in storage of the size of the map
        output = HybridFrameOutput(metainfo,
                                   *(part.cpu().clone() for part in runs))
        memory = (*state.memory, replace(record, ids=assigned.ids))
        return output, HybridState(memory[-self.options.memory_frames:],
                                   assigned.next_id)

    def _segment(self, image: Tensor, metainfo: dict) -> SegmentedFrame:
        sample, = self.segmentor.predict(image,
                                         [DetDataSample(metainfo=metainfo)])
        return segmented_frame(sample, metainfo['ori_shape'][:2], self.counts,
                               self.options.min_area, _frame_name(metainfo))

    def _record(self, found: SegmentedFrame, image: Tensor,
                metainfo: dict) -> FrameRecord:
        id_map, labels = found.instances
        embeds = flow_feats = None
        if self.instance_head is not None:
            embeds = self.instance_head(
                self._rois(id_map, len(labels), image, metainfo))
        if self.flow is not None and len(labels) > 0:
            flow_feats = self._flow_feats(image, metainfo)
        return FrameRecord(id_map.int(), labels, embeds, flow_feats)

    def _rois(self, id_map: Tensor, num: int, image: Tensor,
              metainfo: dict) -> Tensor:
        content = None
        if self._roi_source == 'masked_feat':
            content, id_map = self._tap.beside(id_map,
                                               metainfo['img_shape'][:2],
                                               image.shape[-2:])
        elif self._roi_source == 'masked_rgb':
            content = F.interpolate(
                self._rgb(image, metainfo) / 255,
                size=id_map.shape,
                mode='bilinear',
                align_corners=False)[0]
        return self.instance_head.cut_out(id_map, num, content)

    def _rgb(self, image: Tensor, metainfo: dict) -> Tensor:
        return rgb_frame(image, self.data_preprocessor,
                         metainfo['img_shape'][:2])

    def _flow_feats(self, image: Tensor, metainfo: dict) -> Any:
        rgb = self._rgb(image, metainfo)
        if isinstance(self.flow, FlowSource):
            return self.flow.encode(rgb, metainfo)
        return self.flow.encode(rgb)

    def _assign(self, record: FrameRecord, state: HybridState,
                name: str) -> Assignment:
        options, prev_ids, sim = self.options, None, None
        if state.memory:
            prev_ids = state.memory[-1].ids
            sim = self._similarity(state.memory[-1], record, name)
        skips = [
            SkipFrame(old.ids, partial(self._similarity, old, record, name),
                      partial(self._similarity, record, old, name))
            for old in reversed(state.memory[:-1])
        ]
        return assign_ids(
            len(record.labels), state.next_id, prev_ids, sim, skips,
            options.thr, options.theta, options.mutual, options.temporal,
            options.unique_ids)

    def _similarity(self, src: FrameRecord, dst: FrameRecord,
                    name: str) -> Tensor:
        """Return the similarity ``(m, n)`` of two frames, on the CPU."""
        sims = self._similarities(src, dst, name)
        return self.fusion(*sims, src.labels, dst.labels).cpu()

    def _similarities(self, src: FrameRecord, dst: FrameRecord,
                      name: str) -> Tuple[Tensor, Tensor]:
        """Return those of looks and of places, ``(m, n)`` both."""
        m, n = len(src.labels), len(dst.labels)
        inst_sim = pix_sim = torch.zeros(m, n, device=src.labels.device)
        if m == 0 or n == 0:
            return inst_sim, pix_sim
        if self.instance_head is not None:
            inst_sim = instance_similarity(src.embeds, dst.embeds,
                                           self.loss_match.temperature,
                                           self.loss_match.dustbin)
        if self.flow is not None:
            flow = self.flow.flow(src.flow_feats, dst.flow_feats)
            flow = resize_flow(flow, src.id_map.shape)[0]
            args = (src.id_map, dst.id_map, flow, m, n)
            check_pair(*args, frame=name)
            pix_sim = warped_dice(*args, self.options.rounding,
                                  self.options.collision).dice
        return inst_sim, pix_sim

    def online_result(self, output: HybridFrameOutput,
                      state: HybridState) -> FrameResult:
        """Return ``pred_panoptic_seg`` of a frame, which is final.

        ``sem_seg`` is ``(1, H, W)`` int64: label + 1000 x identity for
        things, label for stuff, the number of classes for void.
        """
        return dict(pred_panoptic_seg=PixelData(sem_seg=output.panoptic_map()))

    def finish(self, outputs: List[HybridFrameOutput],
               state: HybridState) -> TrackDataSample:
        """Return the panoptic maps of a whole video."""
        return as_track_sample([o.metainfo for o in outputs],
                               [self.online_result(o, state) for o in outputs])


def _frame_name(metainfo: dict) -> str:
    video = metainfo.get('video_name', metainfo.get('video_id'))
    return f'video {video}, frame {metainfo.get("frame_id")}'


def _build(cfg: Optional[dict], **defaults) -> nn.Module:
    return MODELS.build(dict(defaults, **(cfg or {})))
