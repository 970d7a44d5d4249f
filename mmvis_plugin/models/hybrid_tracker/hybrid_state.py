"""What HybridTracker keeps of frames."""
from dataclasses import dataclass
from typing import Any, Optional, Tuple

from torch import Tensor

from ..online_video_model import FrameOutput


@dataclass(frozen=True)
class FrameRecord:
    """What is remembered of a frame.

    Attributes:
        id_map (Tensor): ``(H, W)`` int32, 0 for no instance, else row of
            ``labels`` + 1.
        labels (Tensor): ``(n, )`` int64.
        embeds (Tensor, optional): ``(n, C)``; None without instance tracker.
        flow_feats (Any): What the flow needs of the frame; None without
            pixel tracker or without instances.
        ids (Tensor, optional): ``(n, )`` int64 on the CPU, identities; None
            before they are known.
    """
    id_map: Tensor
    labels: Tensor
    embeds: Optional[Tensor] = None
    flow_feats: Any = None
    ids: Optional[Tensor] = None


@dataclass(frozen=True)
class HybridState:
    """What a video carries.

    Attributes:
        memory (tuple[FrameRecord]): The last frames, in order.
        next_id (int): First identity that is free.
    """
    memory: Tuple[FrameRecord, ...] = ()
    next_id: int = 1


@dataclass
class HybridFrameOutput(FrameOutput):
    """Panoptic map of a frame, as runs of equal pixels in order of rows.

    Attributes:
        values (Tensor): ``(R, )`` int64 on the CPU, label + 1000 x identity.
        lengths (Tensor): ``(R, )`` int64 on the CPU.
    """
    values: Tensor
    lengths: Tensor

    def panoptic_map(self) -> Tensor:
        """Return the map ``(1, H, W)`` int64."""
        runs = self.values.repeat_interleave(self.lengths)
        return runs.view(1, *self.metainfo['ori_shape'][:2])
