"""The tracks of a video as rows of tensors."""
from dataclasses import dataclass, field
from typing import Dict

import torch
from torch import Tensor


@dataclass(frozen=True)
class TrackMemory:
    """Rows of equal tracks in tensors, ascending by id; never changed.

    Attributes:
        ids (Tensor): ``(M, )`` int64, on the CPU.
        last_frames (Tensor): ``(M, )`` int64, the frame in which each track
            was seen last, on the CPU.
        fields (dict[str, Tensor]): What else is known, ``(M, ...)`` each, on
            any device.
    """
    ids: Tensor = field(
        default_factory=lambda: torch.zeros(0, dtype=torch.long))
    last_frames: Tensor = field(
        default_factory=lambda: torch.zeros(0, dtype=torch.long))
    fields: Dict[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: Tensor) -> 'TrackMemory':
        """Return some rows.

        Args:
            rows (Tensor): Indices or a mask, on the CPU.
        """
        return TrackMemory(self.ids[rows], self.last_frames[rows], {
            key: value[rows]
            for key, value in self.fields.items()
        })

    def update(self, ids: Tensor, frame_id: int, fields: Dict[str, Tensor],
               momentum: Dict[str, float]) -> 'TrackMemory':
        """Return a memory with the tracks of a frame added or overwritten.

        Args:
            ids (Tensor): ``(N, )`` int64 without repetition, on the CPU.
            frame_id (int): The frame.
            fields (dict[str, Tensor]): ``(N, ...)`` each.
            momentum (dict[str, float]): For fields of known tracks that are
                averaged instead of overwritten: the weight of the new value.
        """
        if len(self) == 0:
            old = TrackMemory(fields={
                key: value[:0]
                for key, value in fields.items()
            })
        else:
            old = self
        same = ids[:, None] == old.ids[None]
        known, rows = same.any(dim=1).nonzero()[:, 0], same.nonzero()[:, 1]
        fields = dict(fields)
        for key, weight in momentum.items():
            mixed = fields[key].clone()
            mixed[known] = (
                weight * mixed[known] + (1 - weight) * old.fields[key][rows])
            fields[key] = mixed
        kept = old[~same.any(dim=0)]
        ids = torch.cat([kept.ids, ids])
        frames = torch.cat(
            [kept.last_frames,
             torch.full((len(ids) - len(kept), ), frame_id)])
        order = ids.argsort()
        return TrackMemory(
            ids[order], frames[order], {
                key: torch.cat([kept.fields[key], value])[order]
                for key, value in fields.items()
            })

    def forget(self, frame_id: int, max_age: int,
               max_tracks: int) -> 'TrackMemory':
        """Return a memory without tracks that were not seen for long.

        Args:
            frame_id (int): The current frame.
            max_age (int): A track goes when it was last seen this many
                frames ago.
            max_tracks (int): If there are more, those unseen for longest go.
        """
        alive = frame_id - self.last_frames < max_age
        if alive.sum() > max_tracks:
            frames = self.last_frames.masked_fill(~alive, -1)
            recent = frames.argsort(descending=True, stable=True)
            alive[recent[max_tracks:]] = False
        return self if alive.all() else self[alive]
