"""Training losses of the three stages of CAVIS."""
from typing import Dict, List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from ..losses import (EmbeddingContrastiveLoss, PCCLoss,
                      ReferenceContrastiveLoss)
from .cavis_head import SegmentedFrames
from .clip_targets import ClipTargets
from .context_aware_tracker import ContextAwareTracker, TrackedClip
from .match_queries import reorder_slots
from .slot_criterion import SlotCriterion
from .temporal_refiner import TemporalRefiner

Losses = Dict[str, Tensor]
LayerLogits = Sequence[Tuple[Tensor, Tensor]]


def segmenter_losses(found: SegmentedFrames, layers: LayerLogits,
                     clips: Sequence[ClipTargets], criterion: SlotCriterion,
                     loss_ctx: EmbeddingContrastiveLoss,
                     loss_pcc: PCCLoss) -> Losses:
    """Losses of the segmenter on the B * T frames of B clips.

    Every frame and every layer is matched by itself. All objects of a clip
    are targets on all of its frames, with an empty mask where absent.

    Args:
        found (SegmentedFrames): Last layer.
        layers (Sequence): Class and mask logits of every layer.
        clips (Sequence[ClipTargets]): Objects of each clip.
        criterion (SlotCriterion): Matches and compares.
        loss_ctx (EmbeddingContrastiveLoss): Of context-aware embeddings that
            the last layer matches to objects.
        loss_pcc (PCCLoss): Of the mean pixel embeddings of objects.

    Returns:
        dict[str, Tensor]: ``loss_cls``, ``loss_mask`` and ``loss_dice``, those
        of layer i before the last as ``d{i}.loss_cls`` and so on, ``loss_ctx``
        and ``loss_pcc`` and their auxiliaries with ``_aux``.
    """
    num_frames = len(found.queries) // len(clips)
    frames = [clip.at_frame(t) for clip in clips for t in range(num_frames)]
    terms = []
    for cls_logits, mask_logits in layers:
        slots = [
            criterion.match(logits[None], masks[None], frame)
            for logits, masks, frame in zip(cls_logits, mask_logits, frames)
        ]
        terms.append(
            _compare(criterion, cls_logits, mask_logits, frames, slots))
    losses = name_layers(terms)

    ids = torch.cat([clip.frame_ids.t().flatten() for clip in clips])
    batch_ids = torch.cat([
        clip.ids.new_full((num_frames * len(clip), ), i)
        for i, clip in enumerate(clips)
    ])
    where = torch.cat(slots)
    rows = torch.arange(
        len(frames), device=where.device).repeat_interleave(
            where.new_tensor([len(frame) for frame in frames]))
    has_slot = where >= 0
    embeds = found.contexts[rows[has_slot], where[has_slot]]
    losses['loss_ctx'], losses['loss_ctx_aux'] = loss_ctx(
        embeds, ids[has_slot], batch_ids[has_slot])
    losses['loss_pcc'], losses['loss_pcc_aux'] = loss_pcc(
        _clips(found.mask_features, clips), [clip.masks for clip in clips])
    return losses


def tracker_losses(
        tracker: ContextAwareTracker,
        found: SegmentedFrames,
        clips: Sequence[ClipTargets],
        criterion: SlotCriterion,
        guided: bool,
        loss_ref: Optional[ReferenceContrastiveLoss] = None) -> Losses:
    """Losses of the tracker.

    One assignment holds for all frames of a clip; each object is matched on
    the frame where it appears first.

    Args:
        tracker (ContextAwareTracker): In training.
        found (SegmentedFrames): B * T frames of B clips.
        clips (Sequence[ClipTargets]): Objects of each clip.
        criterion (SlotCriterion): Matches and compares.
        guided (bool): Whether the predictions of the segmenter, in the order
            in which the slots start from them, are matched for all layers.
            Otherwise each layer matches its own.
        loss_ref (ReferenceContrastiveLoss, optional): Of the references of
            slots that the last layer matches. Defaults to None.

    Returns:
        dict[str, Tensor]: As of :func:`segmenter_losses`, with ``loss_ref``
        and ``loss_ref_aux`` in place of the contrastive losses.
    """
    tracked = track(tracker, found, len(clips))
    logits = tracker.predict_classes(tracked.embeds)
    masks = tracker.predict_masks(tracked.embeds,
                                  _clips(found.mask_features, clips))
    masks = masks.transpose(2, 3)
    shared = None
    if guided:
        shared = _match_clips(
            criterion,
            reorder_slots(_clips(found.cls_logits, clips), tracked.indices),
            reorder_slots(_clips(found.mask_logits, clips), tracked.indices),
            clips)
    num_frames = logits.size(2)
    frames = [clip.at_frame(t) for clip in clips for t in range(num_frames)]
    terms = []
    for cls_logits, mask_logits in zip(logits, masks):
        slots = shared or _match_clips(criterion, cls_logits, mask_logits,
                                       clips)
        terms.append(
            _compare(criterion, cls_logits.flatten(0, 1),
                     mask_logits.flatten(0, 1), frames,
                     [where for where in slots for _ in range(num_frames)]))
    losses = name_layers(terms)
    if loss_ref is not None:
        pairs = [
            loss_ref(references, where[where >= 0])
            for references, where in zip(tracked.references, slots)
        ]
        losses['loss_ref'], losses['loss_ref_aux'] = (
            torch.stack(values).mean() for values in zip(*pairs))
    return losses


def refiner_losses(refiner: TemporalRefiner, tracker: ContextAwareTracker,
                   found: SegmentedFrames, clips: Sequence[ClipTargets],
                   criterion: SlotCriterion, guided: bool) -> Losses:
    """Losses of the refiner, which sees the frames of a clip as one picture.

    Args:
        refiner (TemporalRefiner): In training.
        tracker (ContextAwareTracker): Frozen.
        found (SegmentedFrames): B * T frames of B clips.
        clips (Sequence[ClipTargets]): Objects of each clip.
        criterion (SlotCriterion): Matches and compares.
        guided (bool): Whether the predictions of the tracker are matched for
            all layers. Otherwise each layer matches its own.

    Returns:
        dict[str, Tensor]: As of :func:`segmenter_losses`, without the
        contrastive losses.
    """
    features = _clips(found.mask_features, clips)
    with torch.no_grad():
        slots_in = track(tracker, found, len(clips)).embeds[-1]
    embeds = refiner(slots_in, _clips(found.raw_queries, clips))
    logits = refiner.predict_classes(embeds)
    masks = refiner.predict_masks(embeds, features).flatten(3, 4)
    num_frames = features.size(1)
    pictures = [clip.stacked() for clip in clips]

    def match(cls_logits: Tensor, mask_logits: Tensor) -> List[Tensor]:
        return _match_clips(criterion, cls_logits[:, None],
                            mask_logits[:, None], pictures, num_frames)

    shared = None
    if guided:
        with torch.no_grad():
            shared = match(
                tracker.predict_classes(slots_in).mean(dim=1),
                tracker.predict_masks(slots_in, features).flatten(2, 3))
    return name_layers([
        _compare(criterion, cls_logits, mask_logits, pictures, shared
                 or match(cls_logits, mask_logits), num_frames)
        for cls_logits, mask_logits in zip(logits, masks)
    ])


def track(tracker: ContextAwareTracker, found: SegmentedFrames,
          num_clips: int) -> TrackedClip:
    """Track the B * T frames of B clips from their beginning."""
    return tracker(*(x.unflatten(0, (num_clips, -1))
                     for x in (found.queries, found.contexts,
                               found.raw_queries)))[0]


def name_layers(terms: Sequence[Losses]) -> Losses:
    """Name the losses of all layers; the last one has no prefix."""
    losses = dict(terms[-1])
    for index, layer in enumerate(terms[:-1]):
        losses.update({f'd{index}.{k}': v for k, v in layer.items()})
    return losses


def _clips(values: Tensor, clips: Sequence[ClipTargets]) -> Tensor:
    """Return ``(B, T, ...)`` of ``(B * T, ...)``."""
    return values.unflatten(0, (len(clips), -1))


def _match_clips(criterion: SlotCriterion,
                 cls_logits: Tensor,
                 mask_logits: Tensor,
                 clips: Sequence[ClipTargets],
                 num_frames: int = 1) -> List[Tensor]:
    """Return the slots of the objects of each clip."""
    return [
        criterion.match(*item, num_frames)
        for item in zip(cls_logits, mask_logits, clips)
    ]


def _compare(criterion: SlotCriterion,
             cls_logits: Tensor,
             mask_logits: Tensor,
             items: Sequence[ClipTargets],
             slots: Sequence[Tensor],
             num_frames: int = 1) -> Losses:
    """Losses of one layer; an item is a clip of one picture."""
    return criterion(cls_logits, mask_logits, [i.labels for i in items],
                     [i.masks[:, 0] for i in items], slots, num_frames)
