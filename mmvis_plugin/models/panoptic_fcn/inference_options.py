"""Thresholds of PanopticFCN."""
from dataclasses import dataclass
from typing import Tuple


@dataclass(frozen=True)
class InferenceOptions:
    """How maps become segments; the defaults are those for COCO.

    Source: PanopticFCN and its published code. For Cityscapes: ``center_thr``
    0.01, ``max_things`` 200, ``stuff_thr`` 0.1, ``mask_thr`` 0.5,
    ``sim_thr`` 0.97, ``stuff_area`` 2048.

    Attributes:
        pool_sizes (tuple[int]): Side of the surrounding with which the
            probability of a centre is averaged, for each level.
        center_thr (float): Least probability of a centre.
        max_things (int): Things per image; half as many centres per level.
        stuff_thr (float): Least mean probability of a region.
        sim_thr (float): Cosine from which kernels of things are merged.
        mask_thr (float): Probability above which a pixel is in a thing.
        rescored_thr (float): Least score of a thing, times its mean
            probability.
        score_thr (float): Least score of a thing that is put on the map.
        overlap_thr (float): Share of a thing that may be taken.
        stuff_area (int): Least free pixels of a class of stuff.
        min_thing_area (int): Least visible pixels of a thing; 16 is meant
            for tracking.
    """
    pool_sizes: Tuple[int, ...] = (3, 3, 3, 5, 5)
    center_thr: float = 0.05
    max_things: int = 100
    stuff_thr: float = 0.05
    sim_thr: float = 0.90
    mask_thr: float = 0.4
    rescored_thr: float = 0.05
    score_thr: float = 0.2
    overlap_thr: float = 0.5
    stuff_area: int = 4096
    min_thing_area: int = 0
