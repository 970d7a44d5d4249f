"""How HybridTracker links the instances of a frame to those before."""
from dataclasses import dataclass

from ..association.assign_ids import TEMPORAL
from ..association.warped_dice import COLLISIONS, ROUNDINGS


@dataclass(frozen=True)
class TrackOptions:
    """Options of the matching.

    Source: HybridTracker; ``min_area``, ``rounding``, ``collision``,
    ``unique_ids`` and the bidirectional step are not in the paper.

    Attributes:
        thr (float): Pairs of neighbouring frames have a similarity above it.
        theta (float): Pairs with an older frame have one above it, in every
            direction that is used.
        mutual (bool): Pairs are each other's best; else every instance takes
            its best.
        temporal (str): 'none', 'forward' or 'bidirectional': whether, and
            how, instances without partner are compared with older frames.
        memory_frames (int): Frames that are kept. 2, as published, lets an
            instance be away for one frame.
        unique_ids (bool): Whether an identity that a frame has cannot be
            given again in it.
        min_area (int): Things of fewer pixels are taken out of the map: they
            only disturb the matching.
        rounding (str): See :func:`warped_dice`.
        collision (str): See :func:`warped_dice`.
    """
    thr: float = 1e-5
    theta: float = 0.01
    mutual: bool = True
    temporal: str = 'bidirectional'
    memory_frames: int = 2
    unique_ids: bool = True
    min_area: int = 16
    rounding: str = 'half_up'
    collision: str = 'set'

    def __post_init__(self) -> None:
        known = dict(
            temporal=TEMPORAL, rounding=ROUNDINGS, collision=COLLISIONS)
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise ValueError(f'test_cfg.{name}={getattr(self, name)!r} of '
                                 f'HybridTracker, expected one of {values}')
        if self.memory_frames < 1:
            raise ValueError(f'test_cfg.memory_frames={self.memory_frames} of '
                             'HybridTracker, expected 1 or more')
