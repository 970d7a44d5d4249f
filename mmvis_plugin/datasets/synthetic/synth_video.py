"""A rendered video with its exact ground truth."""
from dataclasses import dataclass
from typing import Optional, Tuple

import numpy as np

from .synth_cfg import SynthCfg

NUM_THINGS = 8
"""Labels 0...7 are ``SHAPES``; label 8 + i is ``STUFF[i]``."""


@dataclass(frozen=True)
class SynthObject:
    """Identity card of an object.

    Args:
        object_id (int): Identity in the video, from 1.
        label (int): Index into ``SHAPES``.
        iscrowd (bool): Whether it is a crowd region.
        twin_of (int, optional): Identity that it looks like.
    """

    object_id: int
    label: int
    iscrowd: bool = False
    twin_of: Optional[int] = None


@dataclass(eq=False)
class SynthVideo:
    """Frames and ground truth of one video.

    Args:
        name (str): ``<split>_<index>``.
        cfg (SynthCfg): What it was made from.
        split (str): 'train' or 'val'.
        index (int): Position in the split.
        objects (Tuple[SynthObject, ...]): By ascending identity, the ones
            that are never visible included.
        frames (np.ndarray, optional): RGB, uint8.
        label_maps (np.ndarray): uint8; 0...7 things, 8...13 stuff, 255 void.
        id_maps (np.ndarray): uint8 identity of things, 0 elsewhere.
        full_areas (np.ndarray): Pixels of each object inside the image
            before anything hides it, int64.
        flow (np.ndarray, optional): Motion of the visible surface to the
            next frame in pixels (x, y), float32.
        flow_valid (np.ndarray, optional): Whether that surface is visible
            in the next frame at the place where the flow points.

    Shape:
        frames: (T, H, W, 3); label_maps, id_maps: (T, H, W);
        full_areas: (T, num_objects); flow: (T - 1, H, W, 2);
        flow_valid: (T - 1, H, W).
    """

    name: str
    cfg: SynthCfg
    split: str
    index: int
    objects: Tuple[SynthObject, ...]
    frames: Optional[np.ndarray]
    label_maps: np.ndarray
    id_maps: np.ndarray
    full_areas: np.ndarray
    flow: Optional[np.ndarray] = None
    flow_valid: Optional[np.ndarray] = None

    def mask(self, object_id: int) -> np.ndarray:
        """Return the visible pixels of an object, bool (T, H, W)."""
        return self.id_maps == object_id

    def visible_areas(self) -> np.ndarray:
        """Return the visible pixels per frame and object, (T, N) int64."""
        counts = [
            np.bincount(ids.ravel(), minlength=len(self.objects) + 1)
            for ids in self.id_maps
        ]
        return np.array(counts)[:, 1:]
