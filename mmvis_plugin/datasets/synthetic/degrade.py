"""Controlled errors, to see that a metric falls for the right reason."""
from copy import deepcopy
from itertools import combinations
from typing import Callable, Dict, List, Tuple

import numpy as np

from .background import VOID
from .synth_prediction import SynthPrediction


def degrade(pred: SynthPrediction, kind: str, p: float,
            seed: int) -> SynthPrediction:
    """Return a copy of a prediction with errors of one kind.

    Args:
        pred (SynthPrediction): The prediction; it stays as it is.
        kind (str): 'drop' (an object vanishes), 'gap' (it vanishes in the
            middle third of its frames), 'swap' (two objects of a class
            exchange identities from a frame on), 'jitter' (masks move by up
            to ``p`` pixels in every frame), 'extra' (a displaced copy of an
            object appears) or 'wrong_class' (an object gets another label).
        p (float): Probability per object, for 'swap' per pair; for 'jitter'
            the largest shift in pixels.
        seed (int): Seed of the draws.

    Returns:
        SynthPrediction: The worse prediction.

    Raises:
        ValueError: If the kind is unknown, for 'swap' if no two objects of
            a class are visible in two consecutive frames, for 'wrong_class'
            if there is one class only.
    """
    if kind not in _KINDS:
        raise ValueError(f'degrade kind {kind!r}, expected one of '
                         f'{sorted(_KINDS)}')
    pred = deepcopy(pred)
    _KINDS[kind](pred, p, np.random.Generator(np.random.PCG64(seed)))
    return pred


def _drop(pred: SynthPrediction, p: float, rng: np.random.Generator) -> None:
    for object_id in pred.object_ids:
        if rng.random() < p:
            pred.remove(object_id)


def _gap(pred: SynthPrediction, p: float, rng: np.random.Generator) -> None:
    for object_id in pred.object_ids:
        if rng.random() >= p:
            continue
        seen = np.flatnonzero((pred.id_maps == object_id).any((1, 2)))
        for frame in seen[len(seen) // 3:2 * len(seen) // 3]:
            lost = pred.id_maps[frame] == object_id
            pred.id_maps[frame][lost] = 0
            pred.label_maps[frame][lost] = VOID


def _wrong_class(pred: SynthPrediction, p: float,
                 rng: np.random.Generator) -> None:
    others = pred.num_classes - 1
    if others < 1:
        raise ValueError('degrade wrong_class: the video knows one class '
                         'only; use SynthCfg.classes of 2 or more')
    for object_id in pred.object_ids:
        if rng.random() < p:
            shift = 1 + int(rng.random() * others)
            label = (pred.labels[object_id] + shift) % pred.num_classes
            pred.labels[object_id] = label
            pred.label_maps[pred.id_maps == object_id] = label


def _swap(pred: SynthPrediction, p: float, rng: np.random.Generator) -> None:
    pairs = _swappable(pred)
    if not pairs:
        raise ValueError('degrade swap: no two objects of a class are '
                         'visible together in two consecutive frames; choose '
                         'a video with twins')
    used: set = set()
    for first, second, frames in pairs:
        if used & {first, second} or rng.random() >= p:
            continue
        used |= {first, second}
        start = int(frames[int(rng.random() * len(frames))])
        later = pred.id_maps[start:]
        masks = later == first, later == second
        later[masks[0]], later[masks[1]] = second, first


def _swappable(pred: SynthPrediction) -> List[Tuple[int, int, np.ndarray]]:
    """Return pairs of a class and the frames where a swap is noticed."""
    pairs = []
    for first, second in combinations(pred.object_ids, 2):
        if pred.labels[first] != pred.labels[second]:
            continue
        both = np.logical_and(*((pred.id_maps == i).any((1, 2))
                                for i in (first, second)))
        frames = np.flatnonzero(both[1:] & both[:-1]) + 1
        if len(frames):
            pairs.append((first, second, frames))
    return pairs


def _jitter(pred: SynthPrediction, p: float, rng: np.random.Generator) -> None:
    source = pred.id_maps.copy()
    moving = np.isin(source, pred.object_ids)
    pred.id_maps[moving], pred.label_maps[moving] = 0, VOID
    for object_id in pred.object_ids:
        for frame, ids in enumerate(source):
            shift = np.floor((2 * rng.random(2) - 1) * (p + 0.5) + 0.5)
            _paint(pred, frame, _shifted(ids == object_id, shift), object_id)


def _extra(pred: SynthPrediction, p: float, rng: np.random.Generator) -> None:
    height, width = pred.id_maps.shape[1:]
    for model in pred.object_ids:
        if rng.random() >= p:
            continue
        shift = (0.3 + 0.4 * rng.random(2)) * (height, width)
        new_id = max(pred.labels) + 1
        pred.labels[new_id] = pred.labels[model]
        pred.scores[new_id] = 0.5 * pred.scores[model]
        for frame in range(len(pred.id_maps)):
            mask = np.roll(pred.id_maps[frame] == model,
                           tuple(shift.astype(int)), (0, 1))
            mask &= pred.id_maps[frame] == 0
            _paint(pred, frame, mask, new_id)
        if not (pred.id_maps == new_id).any():
            pred.remove(new_id)


def _shifted(mask: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Move a mask by whole pixels (x, y); what leaves the image is lost."""
    rows, cols = np.nonzero(mask)
    rows, cols = rows + int(shift[1]), cols + int(shift[0])
    inside = (rows >= 0) & (rows < mask.shape[0]) & (cols >= 0) & (
        cols < mask.shape[1])
    moved = np.zeros_like(mask)
    moved[rows[inside], cols[inside]] = True
    return moved


def _paint(pred: SynthPrediction, frame: int, mask: np.ndarray,
           object_id: int) -> None:
    pred.id_maps[frame][mask] = object_id
    pred.label_maps[frame][mask] = pred.labels[object_id]


_KINDS: Dict[str, Callable] = dict(
    drop=_drop,
    gap=_gap,
    swap=_swap,
    jitter=_jitter,
    extra=_extra,
    wrong_class=_wrong_class)
