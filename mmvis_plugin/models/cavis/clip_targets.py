"""Objects of a clip as targets of all of its frames."""
from dataclasses import dataclass
from typing import Dict, Sequence

import torch
from mmdet.structures import DetDataSample
from torch import Tensor


@dataclass
class ClipTargets:
    """The N objects that are visible on any of the T frames of a clip.

    Attributes:
        ids (Tensor): ``(N, )`` long, identities, ascending.
        labels (Tensor): ``(N, )`` long, class on the frame where the object
            appears first.
        masks (Tensor): ``(N, T, H, W)`` bool, empty where absent.
        present (Tensor): ``(N, T)`` bool, where the mask has pixels; true at
            least once for each object.
    """
    ids: Tensor
    labels: Tensor
    masks: Tensor
    present: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def frame_ids(self) -> Tensor:
        """Tensor: ``(N, T)`` long, -1 where the object is absent."""
        return self.ids[:, None].where(self.present, self.ids.new_full((), -1))

    @property
    def first_frames(self) -> Tensor:
        """Tensor: ``(N, )`` long, frame on which each object appears."""
        return self.present.to(torch.uint8).argmax(dim=1)

    def at_frame(self, frame: int) -> 'ClipTargets':
        """Return one frame as a clip on which all objects are present."""
        return self._all_present(self.masks[:, frame:frame + 1])

    def stacked(self) -> 'ClipTargets':
        """Return one tall picture, ``(T * H, W)``, of all frames."""
        return self._all_present(self.masks.flatten(1, 2)[:, None])

    def _all_present(self, masks: Tensor) -> 'ClipTargets':
        return ClipTargets(self.ids, self.labels, masks,
                           self.present.new_ones(masks.shape[:2]))


def instance_clip_targets(frames: Sequence[DetDataSample]) -> ClipTargets:
    """Collect the targets of a clip from ``gt_instances``.

    Source: CAVIS, released code. Differs from it: an object that is missing
    on the last frame keeps its class; there it is supervised as no object.

    Args:
        frames (Sequence[DetDataSample]): Frames of equal size, whose
            ``gt_instances`` hold ``labels``, ``instances_ids`` and ``masks``.

    Returns:
        ClipTargets: On the device of the labels.

    Raises:
        ValueError: If an identity stands twice on a frame.
    """
    objects = [frame.gt_instances for frame in frames]
    labels = torch.cat([obj.labels for obj in objects]).long()
    ids = torch.cat([obj.instances_ids for obj in objects]).to(labels)
    masks = torch.cat([_as_tensor(obj.masks, labels) for obj in objects])
    counts = labels.new_tensor([len(obj.labels) for obj in objects])
    times = torch.arange(
        len(frames), device=labels.device).repeat_interleave(counts)

    visible = masks.flatten(1).any(dim=1)
    labels, masks, times = labels[visible], masks[visible], times[visible]
    ids, rows = ids[visible].unique(return_inverse=True)
    present = masks.new_zeros((len(ids), len(frames)))
    present[rows, times] = True
    if present.sum() < len(rows):
        raise ValueError(_repeated(ids[rows], times))
    # rows are in the order of the frames
    order = torch.arange(len(rows), device=rows.device)
    first = torch.zeros_like(ids).scatter_reduce(
        0, rows, order, 'amin', include_self=False)
    clip = masks.new_zeros((len(ids), len(frames), *masks.shape[-2:]))
    clip[rows, times] = masks
    return ClipTargets(ids, labels[first], clip, present)


def panoptic_clip_targets(frames: Sequence[DetDataSample]) -> ClipTargets:
    """Collect the things and stuff of a clip from ``gt_panoptic_seg``.

    Crowds are left out, as are segments without pixels.

    Args:
        frames (Sequence[DetDataSample]): Frames of equal size, whose
            ``gt_panoptic_seg.pan_seg`` holds ``(1, H, W)`` segment ids and
            whose metainfo ``segments_info`` tells their ``category``.

    Returns:
        ClipTargets: On the device of the maps.
    """
    segs = [frame.gt_panoptic_seg for frame in frames]
    maps = torch.cat([seg.pan_seg for seg in segs])
    labels: Dict[int, int] = {}
    for seg in segs:
        for segment in seg.metainfo['segments_info']:
            if not segment.get('iscrowd', 0):
                labels.setdefault(segment['id'], segment['category'])
    ids = torch.tensor(sorted(labels), dtype=torch.long, device=maps.device)
    masks = maps == ids.to(maps)[:, None, None, None]
    present = masks.flatten(2).any(dim=2)
    visible = present.any(dim=1)
    table = ids.new_tensor([labels[i] for i in sorted(labels)])
    return ClipTargets(ids[visible], table[visible], masks[visible],
                       present[visible])


def _as_tensor(masks, like: Tensor) -> Tensor:
    if isinstance(masks, Tensor):
        return masks.to(like.device, torch.bool)
    return masks.to_tensor(torch.bool, like.device)


def _repeated(ids: Tensor, times: Tensor) -> str:
    pairs = list(zip(ids.tolist(), times.tolist()))
    twice, time = next(pair for pair in pairs if pairs.count(pair) > 1)
    return (f'frame {time} of a clip: object id {twice} stands twice in '
            'gt_instances, expected unique instances_ids; renumber the '
            'annotations')
