"""Multi-object tracking and segmentation scores (BDD100K)."""
import warnings
from collections import defaultdict
from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from mmvis_plugin.utils.errors import AnnotationError

CLASSES = ('pedestrian', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle',
           'bicycle')
SUPER_CLASSES = dict(
    human=('pedestrian', 'rider'),
    vehicle=('car', 'truck', 'bus', 'train'),
    bike=('motorcycle', 'bicycle'))
COUNTERS = ('GT', 'PR', 'TP', 'D', 'FP', 'FN', 'IDSw', 'IDTP', 'MT', 'PT',
            'ML', 'FM')
_SUMS = ('FP', 'FN', 'IDSw', 'MT', 'PT', 'ML', 'FM')
# bits of the attribute channel: ignored and crowd
_NOT_COUNTED = 0b11
_FORBIDDEN = 1e5
# the program of the benchmark fails above this
_MAX_MASKS = 100


class MOTSFrame(NamedTuple):
    """Objects and predictions of a frame, by ascending id.

    Args:
        gt_ids (np.ndarray): int64 ids of the counted objects.
        gt_labels (np.ndarray): int64 labels of these.
        pred_ids (np.ndarray): int64 ids of the predictions.
        pred_labels (np.ndarray): int64 labels of these.
        ious (np.ndarray): float64 IoU of masks.
        allowed (np.ndarray): bool; IoU of at least 1/2.
        in_region (np.ndarray): bool; more than half of the prediction lies
            in one single crowd or ignored region.

    Shape:
        gt_ids, gt_labels: (G, ); pred_ids, pred_labels, in_region: (P, );
        ious, allowed: (G, P).
    """
    gt_ids: np.ndarray
    gt_labels: np.ndarray
    pred_ids: np.ndarray
    pred_labels: np.ndarray
    ious: np.ndarray
    allowed: np.ndarray
    in_region: np.ndarray


def mots(gt_videos: Sequence[np.ndarray],
         pred_videos: Sequence[np.ndarray]) -> dict:
    """Compute the MOTS scores of the BDD100K benchmark.

    A frame is a picture of four channels: category id 1...8 (0 is
    background), attributes (bit 0 ignored, bit 1 crowd), and the track id as
    256 B + A (0 is background).

    Differs from the program of the benchmark: frames with more than 100
    predictions are scored, with a warning.

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
    for index, (gt, pred) in enumerate(zip(gt_videos, pred_videos)):
        if gt.shape != pred.shape:
            raise AnnotationError(f'video {index}: annotation of shape '
                                  f'{gt.shape}, prediction of {pred.shape}, '
                                  'expected equal shapes (T, H, W, 4)')
        video = MOTSVideo(len(CLASSES))
        for t, frame in enumerate(zip(gt, pred)):
            video.add(mots_frame(*frame, f'video {index}, frame {t}'))
        counts += video.counts()
    return mots_results(counts)


def mots_frame(gt: np.ndarray,
               pred: np.ndarray,
               name: str = 'frame') -> MOTSFrame:
    """Reduce two pictures to the overlaps of their masks.

    One joint histogram of ids gives all areas and intersections.

    Args:
        gt (np.ndarray): uint8 annotation, see :func:`mots`.
        pred (np.ndarray): uint8 prediction.
        name (str): What messages call the frame.

    Raises:
        AnnotationError: If a track id has two categories or attributes, or
            a category is unknown.

    Shape:
        gt, pred: (H, W, 4).
    """
    gt_at, gt_ids, gt_labels, is_region = _segments(gt, f'{name}, annotation')
    pred_at, pred_ids, pred_labels, dropped = _segments(
        pred, f'{name}, prediction')
    shape = (len(gt_ids), len(pred_ids))
    inter = np.bincount(
        gt_at * shape[1] + pred_at, minlength=shape[0] * shape[1])
    inter = inter.reshape(shape)
    areas = inter.sum(axis=0)
    union = inter.sum(axis=1)[:, None] + areas - inter
    objects = (gt_labels >= 0) & ~is_region
    tracks = (pred_labels >= 0) & ~dropped
    if tracks.sum() > _MAX_MASKS:
        warnings.warn(f'{name}: {tracks.sum()} predictions; the server of '
                      f'the benchmark fails above {_MAX_MASKS}')
    kept = np.ix_(objects, tracks)
    in_region = (2 * inter[is_region] > areas).any(axis=0)
    return MOTSFrame(gt_ids[objects], gt_labels[objects], pred_ids[tracks],
                     pred_labels[tracks],
                     inter[kept] / np.maximum(union[kept], 1), 2 * inter[kept]
                     >= union[kept], in_region[tracks])


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


def _segments(
        image: np.ndarray,
        name: str) -> Tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the dense index of each pixel, and id, label (-1 for the
    background) and 'not counted' of each index by ascending id."""
    image = image.reshape(-1, 4).astype(np.int64)
    track = (image[:, 2] << 8) | image[:, 3]
    keys = np.where((track > 0) & (image[:, 0] > 0),
                    (track << 16) | (image[:, 0] << 8) | image[:, 1], 0)
    keys, index = np.unique(keys, return_inverse=True)
    ids, labels = keys >> 16, ((keys >> 8) & 255) - 1
    if (ids[1:] == ids[:-1]).any():
        twice = ids[1:][ids[1:] == ids[:-1]][0]
        raise AnnotationError(f'{name}: track {twice} has two pairs of '
                              'category and attributes, expected one')
    if labels.max(initial=-1) >= len(CLASSES):
        raise AnnotationError(
            f'{name}: category id {labels.max() + 1}, expected 0 to '
            f'{len(CLASSES)} in the first channel (read as RGBA)')
    return index.reshape(-1), ids, labels, (keys & _NOT_COUNTED) > 0


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
