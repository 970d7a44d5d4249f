"""Key and reference frames to train from."""
from typing import List, NamedTuple, Sequence, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.structures import InstanceData
from torch import Tensor


class PositiveRoIs(NamedTuple):
    """Positive proposals of B frames.

    Attributes:
        boxes (list[Tensor]): ``(n, 4)`` of each frame, input pixels.
        gt_inds (list[Tensor]): ``(n, )`` index into the annotated objects.
        mask_feats (Tensor): ``(N, C, h, w)`` of all frames.
        mask_logits (Tensor): ``(N, 1, 2h, 2w)``, class of the object.
        targets (Tensor): ``(N, 2h, 2w)``, 0 or 1.
    """
    boxes: List[Tensor]
    gt_inds: List[Tensor]
    mask_feats: Tensor
    mask_logits: Tensor
    targets: Tensor


class FramePairs(NamedTuple):
    """Key and reference frames of B clips.

    Attributes:
        feats (list[Tensor]): Pyramid of the key frames.
        ref_feats (list[Tensor]): Pyramid of the reference frames.
        samples (list[DetDataSample]): Annotated key frames.
        ref_samples (list[DetDataSample]): Annotated reference frames.
    """
    feats: List[Tensor]
    ref_feats: List[Tensor]
    samples: List[DetDataSample]
    ref_samples: List[DetDataSample]


def split_pairs(inputs: Tensor,
                data_samples: List[TrackDataSample]) -> FramePairs:
    """Separate key and reference frames; images instead of pyramids."""
    keys, refs = [], []
    for sample in data_samples:
        found = (sample.metainfo.get('key_frames_inds', ()),
                 sample.metainfo.get('ref_frames_inds', ()))
        if len(sample) != 2 or [len(inds) for inds in found] != [1, 1]:
            raise ValueError(
                f'a clip has {len(sample)} frames with key and reference '
                f'frames {found}, expected one of each: set '
                "ClipSample(num_frames=2, mode='ref')")
        keys.append(found[0][0])
        refs.append(found[1][0])
    rows = torch.arange(len(inputs))
    return FramePairs(inputs[rows, keys], inputs[rows, refs],
                      [s[k] for s, k in zip(data_samples, keys)],
                      [s[k] for s, k in zip(data_samples, refs)])


def match_positives(pairs: FramePairs, keys: PositiveRoIs, refs: PositiveRoIs,
                    embeds: Tensor, ref_embeds: Tensor,
                    threshold: float) -> Tuple[Tensor, Tensor]:
    """Find the reference box that a key box is refined with.

    Among the boxes of the same object the one of the highest cosine of
    embeddings.

    Args:
        pairs (FramePairs): Annotated frames.
        keys (PositiveRoIs): Positive boxes of the key frames.
        refs (PositiveRoIs): Positive boxes of the reference frames.
        embeds (Tensor): Embeddings of the key boxes.
        ref_embeds (Tensor): Embeddings of the reference boxes.
        threshold (float): Least cosine, exclusive.

    Returns:
        tuple[Tensor, Tensor]: Indices of key boxes that have such a partner,
        and of the partners.

    Shape:
        - embeds: ``(N, C)``; ref_embeds: ``(M, C)``; outputs: ``(R, )``.

    Source: training of the PCAN code base.
    """
    key_objects, ref_objects, ref_first = [], [], 0
    for i, (inds, ref_inds) in enumerate(zip(keys.gt_inds, refs.gt_inds)):
        ref_ids = pairs.ref_samples[i].gt_instances.instances_ids
        found = partner_indices(pairs.samples[i].gt_instances.instances_ids,
                                ref_ids)[inds]
        # numbers that objects of other clips do not have; -1 without partner
        key_objects.append(torch.where(found < 0, found, found + ref_first))
        ref_objects.append(ref_inds + ref_first)
        ref_first += len(ref_ids)
    same = torch.cat(key_objects)[:, None] == torch.cat(ref_objects)[None]
    cosine = F.normalize(embeds) @ F.normalize(ref_embeds).t() * same
    if cosine.numel() == 0:
        nothing = same.new_zeros(0, dtype=torch.long)
        return nothing, nothing
    best, columns = cosine.max(dim=1)
    rows = (best > threshold).nonzero()[:, 0]
    return rows, columns[rows]


def class_free(sample: DetDataSample) -> DetDataSample:
    """Return the boxes of a sample with label 0, for a proposal network.

    Differs from ``QDTrack`` of mmdet, which overwrites the labels that the
    box head is trained with later.
    """
    objects = sample.gt_instances
    return DetDataSample(
        metainfo=sample.metainfo,
        gt_instances=InstanceData(
            bboxes=objects.bboxes, labels=torch.zeros_like(objects.labels)),
        ignored_instances=sample.get('ignored_instances',
                                     InstanceData(bboxes=objects.bboxes[:0])))


def partner_indices(ids: Tensor, ref_ids: Tensor) -> Tensor:
    """Return where the object of each id is in the reference frame, or -1.

    Shape:
        - ids: ``(G, )``; ref_ids: ``(H, )``; output: ``(G, )`` int64.
    """
    same = ids[:, None] == ref_ids[None]
    found = torch.full_like(ids, -1, dtype=torch.long)
    rows, columns = same.nonzero(as_tuple=True)
    found[rows] = columns
    return found


def learns(module: nn.Module, feats: Sequence[Tensor]) -> bool:
    """Tell whether a loss of a module on some features trains anything.

    Args:
        module (nn.Module): May be frozen.
        feats (Sequence[Tensor]): Its inputs.
    """
    return any(p.requires_grad
               for p in module.parameters()) or any(x.requires_grad
                                                    for x in feats)
