"""Metric of multi-object tracking and segmentation."""
from collections import defaultdict
from dataclasses import dataclass
from typing import Dict, Hashable, List, Optional, Sequence, Tuple

import numpy as np
from pycocotools import mask as mask_utils

from mmvis_plugin.registry import METRICS
from ..functional import MOTSVideo, mots_frame, mots_results
from ..functional.mots import CLASSES
from .video_metric import OpenVideo, VideoMetric
from .vis_tracks import FrameTracks, read_frame

_CROWD_BIT = 2
_MAX_ID = 65535


@dataclass(frozen=True)
class MOTSRecord:
    """A closed video.

    Args:
        counts (np.ndarray): float64 counters of each class.

    Shape:
        counts: (8, 12).
    """
    counts: np.ndarray


@METRICS.register_module()
class MOTSMetric(VideoMetric):
    """mMOTSA, mMOTSP, mIDF1 and counters of errors (BDD100K).

    Takes masks of ``pred_track_instances`` and of the metainfo ``instances``
    of each frame. As in a result file, where masks overlap the one of higher
    score lies on top, and a track has the class that most of its frames have.
    Frames with ``has_ann=False`` are not scored. Returns per cent and, for
    the counters, numbers.

    Args:
        classwise (bool): Add ``MOTSA_<class>``, nan for a class without
            objects. Defaults to False.
        **kwargs: ``allow_missing``, ``collect_device``, ``prefix`` and
            ``collect_dir`` of :class:`VideoMetric`.
    """

    default_prefix: Optional[str] = 'mots'

    def __init__(self, classwise: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.classwise = classwise

    def reduce_frame(self, frame: dict, video: OpenVideo) -> FrameTracks:
        """Keep run-length masks, scores, labels and raw annotations."""
        return read_frame(frame, video)

    def reduce_video(self, video: OpenVideo) -> MOTSRecord:
        """Match the frames of a video in order."""
        classes = tuple((self.dataset_meta or {}).get('classes', ()))
        if classes != CLASSES:
            raise ValueError(f'MOTSMetric: classes {classes}, expected '
                             f'{CLASSES}; use a data set in the form of '
                             'BDD100K')
        labels = _majority(video)
        gt_ids = _numbers(item['instance_id'] for frame in video.frames
                          for item in frame.instances or ())
        pred_ids = _numbers(labels)
        counter = MOTSVideo(len(CLASSES))
        for index, frame in enumerate(video.frames):
            if frame.instances is None:
                continue
            name = f'{video.name}, frame {index}'
            gt = sorted(
                frame.instances, key=lambda item: -item.get('ignore_flag', 0))
            rows = [(gt_ids[item['instance_id']], item['bbox_label'],
                     _CROWD_BIT * bool(item.get('ignore_flag', 0)))
                    for item in gt]
            annotated = _paint([item['mask'] for item in gt], rows, video.size)
            order = np.argsort(frame.scores, kind='stable').tolist()
            rows = [(pred_ids[frame.ids[i]], labels[frame.ids[i]], 0)
                    for i in order]
            predicted = _paint([frame.rles[i] for i in order], rows,
                               video.size)
            counter.add(mots_frame(annotated, predicted, name))
        return MOTSRecord(counter.counts())

    def compute_from_records(self, records: Dict[Hashable,
                                                 MOTSRecord]) -> dict:
        """Sum the counters of all videos and take the means."""
        results = mots_results(sum(r.counts for r in records.values()))
        del results['summary']
        per_class = results.pop('per_class')
        if self.classwise:
            for name in CLASSES:
                results[f'MOTSA_{name}'] = per_class[name]['MOTA']
        return results


def _majority(video: OpenVideo) -> Dict[int, int]:
    votes: Dict[int, List[int]] = defaultdict(list)
    for frame in video.frames:
        for track, label in zip(frame.ids, frame.labels):
            if not 0 <= label < len(CLASSES):
                raise ValueError(f'{video.name}, track {track}: label {label},'
                                 f' expected one of {len(CLASSES)} classes')
            votes[track].append(label)
    return {
        track: int(np.bincount(labels).argmax())
        for track, labels in votes.items()
    }


def _numbers(ids) -> Dict[int, int]:
    """Number ids from 1 in ascending order, which matching depends on."""
    numbers = {item: i for i, item in enumerate(sorted(set(ids)), 1)}
    if len(numbers) > _MAX_ID:
        raise ValueError(f'{len(numbers)} tracks in a video, expected at most '
                         f'{_MAX_ID}')
    return numbers


def _paint(rles: Sequence[dict], rows: Sequence[Tuple[int, int, int]],
           size: Tuple[int, int]) -> np.ndarray:
    """Paint masks one over the other; rows are id, label and bits."""
    if not rles:
        return np.zeros((*size, 4), dtype=np.uint8)
    masks = mask_utils.decode(list(rles))
    top = len(rles) - 1 - masks[..., ::-1].argmax(axis=-1)
    top[~masks.any(axis=-1)] = -1
    colours = [(label + 1, bits, track >> 8, track & 255)
               for track, label, bits in rows]
    return np.array(colours + [(0, 0, 0, 0)], dtype=np.uint8)[top]
