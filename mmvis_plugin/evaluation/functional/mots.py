"""Multi-object tracking and segmentation scores (BDD100K)."""
import warnings
from collections import defaultdict
from typing import Dict, List, Sequence, Tuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from mmvis_plugin.utils.errors import AnnotationError
from .mots_frame import CLASSES, SUPER_CLASSES, MOTSFrame, mots_frame

COUNTERS = ('GT', 'PR', 'TP', 'D', 'FP', 'FN', 'IDSw', 'IDTP', 'MT', 'PT',
            'ML', 'FM')
# the program of the benchmark fails above this
MAX_MASKS = 100
_SUMS = ('FP', 'FN', 'IDSw', 'MT', 'PT', 'ML', 'FM')
_FORBIDDEN = 1e5


def mots(gt_videos: Sequence[np.ndarray],
         pred_videos: Sequence[np.ndarray]) -> dict:
    """Compute the MOTS scores of the BDD100K benchmark.

    A frame is a picture of four channels: category id 1...8 (0 is
    background), attributes (bit 0 ignored, bit 1 crowd), and the track id as
    256 B + A (0 is background).

    Differs from the program of the benchmark: frames with more than 100
    predictions are scored, with one warning.

    Args:
        gt_videos (Sequence[np.ndarray]): uint8 annotations of each video.
        pred_videos (Sequence[np.ndarray]): uint8 results of each video.

    Returns:
        dict: See :func:`mots_results`.

    Raises:
        AnnotationError: If the videos differ in size or a map breaks the
            format.

    Shape:
        each video: (T, H, W, 4).
    """
    if len(gt_videos) != len(pred_videos):
        raise AnnotationError(f'{len(gt_videos)} annotated and '
                              f'{len(pred_videos)} predicted videos, expected '
                              'equal numbers')
    counts = np.zeros((len(CLASSES), len(COUNTERS)))
    crowded = False
    for index, (gt, pred) in enumerate(zip(gt_videos, pred_videos)):
        if gt.shape != pred.shape:
            raise AnnotationError(f'video {index}: annotation of shape '
                                  f'{gt.shape}, prediction of {pred.shape}, '
                                  'expected equal shapes (T, H, W, 4)')
        video = MOTSVideo(len(CLASSES))
        for t, pictures in enumerate(zip(gt, pred)):
            frame = mots_frame(*pictures, f'video {index}, frame {t}')
            crowded |= warn_if_crowded(frame, f'video {index}, frame {t}',
                                       crowded)
            video.add(frame)
        counts += video.counts()
    return mots_results(counts)


def warn_if_crowded(frame: MOTSFrame, name: str, warned: bool) -> bool:
    """Warn at the first frame with more masks than the benchmark takes.

    Args:
        frame (MOTSFrame): Overlaps of its masks.
        name (str): What the warning calls the frame.
        warned (bool): Whether there was a warning before.

    Returns:
        bool: Whether the frame has too many masks.
    """
    crowded = len(frame.pred_ids) > MAX_MASKS
    if crowded and not warned:
        warnings.warn(f'{name}: {len(frame.pred_ids)} predictions; all are '
                      'scored, the program of the benchmark fails above '
                      f'{MAX_MASKS}')
    return crowded


class MOTSVideo:
    """Counters of a video whose frames come one by one, in order.

    Args:
        num_classes (int): Number of classes.
    """

    def __init__(self, num_classes: int) -> None:
        self._classes = [_ClassCounter() for _ in range(num_classes)]

    def add(self, frame: MOTSFrame) -> None:
        """Match the next frame.

        Args:
            frame (MOTSFrame): Overlaps of its masks.
        """
        labels = np.union1d(frame.gt_labels, frame.pred_labels)
        for label in labels.tolist():
            rows = np.flatnonzero(frame.gt_labels == label)
            cols = np.flatnonzero(frame.pred_labels == label)
            pairs = np.ix_(rows, cols)
            self._classes[label].add(frame.gt_ids[rows], frame.pred_ids[cols],
                                     1 - frame.ious[pairs],
                                     frame.allowed[pairs],
                                     frame.in_region[cols])

    def counts(self) -> np.ndarray:
        """Return the counters after the last frame.

        Returns:
            np.ndarray: float64, columns in the order of ``COUNTERS``.

        Shape:
            Output: (classes, 12).
        """
        return np.stack([counter.counts() for counter in self._classes])


def mots_results(counts: np.ndarray) -> dict:
    """Turn counters over all videos into scores.

    Args:
        counts (np.ndarray): Sum of :meth:`MOTSVideo.counts` over videos.

    Returns:
        dict: mMOTSA, mMOTSP, mIDF1 (means over the classes, where what is
        undefined counts as 0), MOTSA_overall, MOTSP_overall, IDF1_overall
        (of pooled counters), the sums IDSw, FP, FN, MT, PT, ML and FM,
        ``summary`` (the same as the benchmark names it) and ``per_class``:
        MOTA, MOTP, IDF1 and the sums of each class, super class, 'AVERAGE'
        and 'OVERALL', nan where undefined; sMOTSA (soft) except for the
        average. Ratios in per cent.

    Shape:
        counts: (8, 12), in the order of ``CLASSES`` and ``COUNTERS``.
    """
    per_class = {name: _scores(row) for name, row in zip(CLASSES, counts)}
    average = {
        key:
        float(
            np.mean([np.nan_to_num(per_class[name][key]) for name in CLASSES]))
        for key in ('MOTA', 'MOTP', 'IDF1')
    }
    for name, members in SUPER_CLASSES.items():
        rows = [CLASSES.index(member) for member in members]
        per_class[name] = _scores(counts[rows].sum(axis=0))
    overall = _scores(counts.sum(axis=0))
    sums = {key: overall[key] for key in _SUMS}
    per_class['AVERAGE'] = {**average, **sums}
    per_class['OVERALL'] = overall
    pooled = {key: overall[key] for key in ('MOTA', 'MOTP', 'IDF1')}
    return dict(
        mMOTSA=average['MOTA'],
        mMOTSP=average['MOTP'],
        mIDF1=average['IDF1'],
        MOTSA_overall=pooled['MOTA'],
        MOTSP_overall=pooled['MOTP'],
        IDF1_overall=pooled['IDF1'],
        **sums,
        summary=dict({f'm{key}': average[key]
                      for key in average}, **pooled, **sums),
        per_class=per_class)


class _ClassCounter:
    """Counters of one class of one video."""

    def __init__(self) -> None:
        self._partner: Dict[int, int] = {}
        # per object: matched or not, in the frames where it is present
        self._history: Dict[int, List[bool]] = defaultdict(list)
        self._track_frames: Dict[int, int] = defaultdict(int)
        self._pair_frames: Dict[Tuple[int, int], int] = defaultdict(int)
        self._distance = 0.
        self._switches = 0
        self._false = 0

    def add(self, gt_ids: np.ndarray, pred_ids: np.ndarray,
            distance: np.ndarray, allowed: np.ndarray,
            in_region: np.ndarray) -> None:
        if in_region.any():
            used = [col for _, col in _assign(distance, allowed)]
            kept = ~in_region
            kept[used] = True
            pred_ids = pred_ids[kept]
            distance, allowed = distance[:, kept], allowed[:, kept]
        objects, tracks = gt_ids.tolist(), pred_ids.tolist()
        for row, col in np.argwhere(allowed).tolist():
            self._pair_frames[objects[row], tracks[col]] += 1
        for track in tracks:
            self._track_frames[track] += 1
        pairs = self._match(objects, tracks, distance, allowed)
        self._distance += sum(distance[pair] for pair in pairs)
        self._false += len(tracks) - len(pairs)
        matched = {row for row, _ in pairs}
        for row, track in enumerate(objects):
            self._history[track].append(row in matched)

    def _match(self, objects: List[int], tracks: List[int],
               distance: np.ndarray,
               allowed: np.ndarray) -> List[Tuple[int, int]]:
        """Keep old pairs, then assign the rest; note the partners."""
        columns = {track: col for col, track in enumerate(tracks)}
        pairs: List[Tuple[int, int]] = []
        free = allowed.copy()
        for row, item in enumerate(objects):
            col = columns.get(self._partner.get(item))
            if col is not None and free[row, col]:
                pairs.append((row, col))
                free[row] = False
                free[:, col] = False
        for row, col in _assign(distance, free):
            known = self._partner.get(objects[row], tracks[col])
            self._switches += known != tracks[col]
            self._partner[objects[row]] = tracks[col]
            pairs.append((row, col))
        return pairs

    def counts(self) -> np.ndarray:
        ratios = np.array([np.mean(seen) for seen in self._history.values()])
        present = sum(map(len, self._history.values()))
        hits = sum(map(sum, self._history.values()))
        return np.array([
            present,
            sum(self._track_frames.values()), hits, self._distance,
            self._false, present - hits, self._switches,
            self._identified(), (ratios >= 0.8).sum(),
            ((ratios >= 0.2) & (ratios < 0.8)).sum(), (ratios < 0.2).sum(),
            sum(map(_fragments, self._history.values()))
        ],
                        dtype=np.float64)

    def _identified(self) -> int:
        """Return the frames of the best one-to-one pairs of tracks."""
        objects = {item: i for i, item in enumerate(self._history)}
        tracks = {item: i for i, item in enumerate(self._track_frames)}
        common = np.zeros((len(objects), len(tracks)), dtype=np.int64)
        for (item, track), frames in self._pair_frames.items():
            common[objects[item], tracks[track]] = frames
        return int(common[linear_sum_assignment(common, maximize=True)].sum())


def _assign(distance: np.ndarray,
            allowed: np.ndarray) -> List[Tuple[int, int]]:
    """Pair as many as allowed, of these ways the one of least distance."""
    cost = np.where(allowed, distance, _FORBIDDEN)
    return [(row, col)
            for row, col in np.transpose(linear_sum_assignment(cost)).tolist()
            if allowed[row, col]]


def _fragments(seen: List[bool]) -> int:
    """Count misses right after a match, before the last match."""
    hits = np.flatnonzero(seen)
    return int((np.diff(hits) > 1).sum())


def _scores(row: np.ndarray) -> Dict[str, float]:
    count = dict(zip(COUNTERS, row.tolist()))
    false = count['FP'] + count['IDSw']
    return dict(
        MOTA=100 * (1 - _ratio(false + count['FN'], count['GT'])),
        MOTP=100 * (1 - _ratio(count['D'], count['TP'])),
        IDF1=100 * _ratio(2 * count['IDTP'], count['GT'] + count['PR']),
        sMOTSA=100 * _ratio(count['TP'] - count['D'] - false, count['GT']),
        **{key: int(count[key])
           for key in _SUMS})


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float('nan')
