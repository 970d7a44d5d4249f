"""Association of PCAN: match, refine, then update."""
from dataclasses import dataclass, field, replace
from typing import Optional, Tuple

import torch
from mmdet.structures.bbox import bbox_overlaps
from mmengine.structures import InstanceData
from torch import Tensor

from mmvis_plugin.registry import MODELS
from ..association import find_duplicates, match_scores, serial_choice
from ..association.match_scores import METRICS
from ..memory import TrackMemory

_NEW, _DISCARDED = -1, -2
_MEMORY_MASKS = ('base', 'refined')
_FIELDS = ('embeds', 'labels', 'mask_feats')
_PROTOTYPES = ('pos_protos', 'neg_protos')


@dataclass(frozen=True)
class TrackerState:
    """What the tracker carries from frame to frame.

    Attributes:
        memory (TrackMemory): Live tracks with ``embeds``, ``labels``,
            ``mask_feats`` and ``mask_logits``.
        backdrops (tuple[InstanceData, ...]): Objects of the last frames that
            became no track, newest first, with ``embeds`` and ``labels``.
        num_tracks (int): Tracks started so far.
    """
    memory: TrackMemory = field(default_factory=TrackMemory)
    backdrops: Tuple[InstanceData, ...] = ()
    num_tracks: int = 0


@MODELS.register_module()
class PCANTracker:
    """Quasi-dense association in two phases, with masks to refine between.

    :meth:`match` gives every detection an id and the features and mask of
    the last frame of its track; :meth:`update` remembers the frame. Both
    return new states and change none.

    Source: tracker of the PCAN code base (section 5 of its description in
    ``docs/en/systems/pcan.md``), which is that of QDTrack with memory of RoI
    features. Differs from it: ids start from 1, the number of tracks in
    memory is bounded, all rows are matched at once.

    Args:
        init_score_thr (float): Score above which an unmatched detection
            starts a track.
        obj_score_thr (float): Score above which a detection may continue a
            track.
        match_score_thr (float): Least match score, exclusive.
        nms_conf_thr (float): A detection of low score that matches a track
            above this is discarded.
        nms_backdrop_iou_thr (float): IoU above which a detection of low
            score, or a backdrop, is a duplicate.
        nms_class_iou_thr (float): IoU above which a detection is a duplicate.
        memo_tracklet_frames (int): Frames until an unseen track is deleted.
        memo_backdrop_frames (int): Frames that backdrops are kept.
        memo_momentum (float): Weight of the new embedding of a track.
        max_tracks (int): Bound of the memory; about 226 kB each with the
            heads of the paper. Defaults to 300.
        with_cats (bool): Only match objects of one class.
        match_metric (str): 'bisoftmax', 'softmax' or 'cosine'.
        memory_mask (str): Masks that a track remembers: 'base', the mask
            head's, or 'refined'.
        proto_momentum (float, optional): Given, a track remembers its
            prototypes and averages them with this weight of the old ones, as
            the paper describes but the released code does not do. Defaults
            to None.
    """

    def __init__(self,
                 init_score_thr: float = 0.7,
                 obj_score_thr: float = 0.3,
                 match_score_thr: float = 0.5,
                 nms_conf_thr: float = 0.5,
                 nms_backdrop_iou_thr: float = 0.3,
                 nms_class_iou_thr: float = 0.7,
                 memo_tracklet_frames: int = 10,
                 memo_backdrop_frames: int = 1,
                 memo_momentum: float = 0.8,
                 max_tracks: int = 300,
                 with_cats: bool = True,
                 match_metric: str = 'bisoftmax',
                 memory_mask: str = 'base',
                 proto_momentum: Optional[float] = None) -> None:
        if match_metric not in METRICS:
            raise ValueError(f'tracker.match_metric={match_metric!r}, '
                             f'expected one of {METRICS}')
        if memory_mask not in _MEMORY_MASKS:
            raise ValueError(f'tracker.memory_mask={memory_mask!r}, expected '
                             f'one of {_MEMORY_MASKS}')
        self.init_score_thr = init_score_thr
        self.obj_score_thr = obj_score_thr
        self.match_score_thr = match_score_thr
        self.nms_conf_thr = nms_conf_thr
        self.nms_backdrop_iou_thr = nms_backdrop_iou_thr
        self.nms_class_iou_thr = nms_class_iou_thr
        self.memo_tracklet_frames = memo_tracklet_frames
        self.memo_backdrop_frames = memo_backdrop_frames
        self.memo_momentum = memo_momentum
        self.max_tracks = max_tracks
        self.with_cats = with_cats
        self.match_metric = match_metric
        self.memory_mask = memory_mask
        self.proto_momentum = proto_momentum

    def match(self, detections: InstanceData,
              state: TrackerState) -> Tuple[InstanceData, TrackerState]:
        """Give ids to the detections of a frame.

        Args:
            detections (InstanceData): ``bboxes``, ``scores``, ``labels``,
                ``embeds``, ``mask_feats`` and ``mask_logits`` of N objects.
            state (TrackerState): What the last frame left.

        Returns:
            tuple[InstanceData, TrackerState]: The detections that are no
            duplicates, by falling score, with ``instances_id`` (on the CPU;
            below 0 without track), ``ref_feats`` and ``ref_logits``: those
            of the track, or their own, and ``ref_rows``: the row of the
            track in memory (on the CPU), or -1, and ``det_inds``: their
            index among the given detections; and the state with the new ids
            counted.
        """
        order = detections.scores.argsort(descending=True, stable=True)
        objects = detections[order]
        distinct = ~find_duplicates(objects.bboxes,
                                    self._overlap_limits(objects))
        objects = objects[distinct]
        objects.det_inds = order[distinct]
        scores = objects.scores.cpu()
        ids = torch.full((len(objects), ), _NEW)
        ref_rows = torch.full((len(objects), ), -1)
        ref_feats, ref_logits = objects.mask_feats, objects.mask_logits
        if len(objects) > 0 and len(state.memory) > 0:
            ids, columns = self._associate(objects, scores, state)
            known = ids > _NEW
            ref_rows[known] = rows = columns[known]
            ref_feats, ref_logits = ref_feats.clone(), ref_logits.clone()
            ref_feats[known] = state.memory.fields['mask_feats'][rows]
            ref_logits[known] = state.memory.fields['mask_logits'][rows]
        born = (ids == _NEW) & (scores > self.init_score_thr)
        num_tracks = state.num_tracks + int(born.sum())
        ids[born] = torch.arange(state.num_tracks, num_tracks) + 1
        objects.instances_id, objects.ref_rows = ids, ref_rows
        objects.ref_feats, objects.ref_logits = ref_feats, ref_logits
        return objects, replace(state, num_tracks=num_tracks)

    def _overlap_limits(self, objects: InstanceData) -> Tensor:
        limits = torch.full_like(objects.scores, self.nms_class_iou_thr)
        low = objects.scores < self.obj_score_thr
        return limits.masked_fill(low, self.nms_backdrop_iou_thr)

    def _associate(self, objects: InstanceData, scores: Tensor,
                   state: TrackerState) -> Tuple[Tensor, Tensor]:
        """Return ids and, where a track was matched, its row in memory."""
        fields = state.memory.fields
        embeds = torch.cat([fields['embeds']] +
                           [past.embeds for past in state.backdrops])
        labels = torch.cat([fields['labels']] +
                           [past.labels for past in state.backdrops])
        pairs = match_scores(objects.embeds.float(), embeds.float(),
                             self.match_metric)
        if self.with_cats:
            pairs = pairs * (objects.labels[:, None] == labels[None])
        pairs = pairs.cpu()
        is_track = torch.arange(len(embeds)) < len(state.memory)
        can_take = is_track[None] & (scores > self.obj_score_thr)[:, None]
        choice = serial_choice(pairs, can_take, self.match_score_thr)
        ids = torch.full((len(objects), ), _NEW)
        ids[choice.taken] = state.memory.ids[choice.columns[choice.taken]]
        weak = (
            is_track[choice.columns] & (scores <= self.obj_score_thr) &
            (choice.scores > max(self.match_score_thr, self.nms_conf_thr)))
        ids[weak] = _DISCARDED
        return ids, choice.columns

    def update(self, objects: InstanceData, frame_id: int,
               state: TrackerState) -> TrackerState:
        """Remember a frame.

        Args:
            objects (InstanceData): From :meth:`match`; with
                ``refined_logits`` ``(N, 1, h, w)`` if refined masks, and
                ``pos_protos`` and ``neg_protos`` if prototypes are to be
                remembered.
            frame_id (int): The frame.
            state (TrackerState): From :meth:`match`.

        Returns:
            TrackerState: For the next frame.
        """
        ids = objects.instances_id
        tracked = ids > _NEW
        keys, momentum = _FIELDS, dict(embeds=self.memo_momentum)
        if self.proto_momentum is not None:
            keys += _PROTOTYPES
            momentum.update(
                dict.fromkeys(_PROTOTYPES, 1 - self.proto_momentum))
        fields = {key: objects[key][tracked] for key in keys}
        fields['mask_logits'] = self._remembered_masks(objects)[tracked]
        memory = state.memory.update(ids[tracked], frame_id, fields, momentum)
        memory = memory.forget(frame_id, self.memo_tracklet_frames,
                               self.max_tracks)
        overlaps = bbox_overlaps(objects.bboxes, objects.bboxes).tril(-1)
        covered = (overlaps > self.nms_backdrop_iou_thr).any(dim=1).cpu()
        free = (ids == _NEW) & ~covered
        past = InstanceData(
            embeds=objects.embeds[free], labels=objects.labels[free])
        backdrops = (past, ) + state.backdrops
        return replace(
            state,
            memory=memory,
            backdrops=backdrops[:self.memo_backdrop_frames])

    def _remembered_masks(self, objects: InstanceData) -> Tensor:
        logits = objects.mask_logits
        if self.memory_mask == 'base':
            return logits
        rows = torch.arange(len(logits), device=logits.device)
        channels = objects.labels if logits.size(1) > 1 else rows * 0
        logits = logits.clone()
        logits[rows, channels] = objects.refined_logits[:, 0].to(logits)
        return logits
