"""Metric of multi-object tracking and segmentation."""
from collections import defaultdict
from dataclasses import dataclass
from typing import Dict, Hashable, List, NamedTuple, Optional, Tuple

import numpy as np
from mmengine.logging import print_log

from mmvis_plugin.registry import METRICS
from ..functional import MOTSFrame, MOTSVideo, mots_results, warn_if_crowded
from ..functional.mots import CLASSES, MAX_MASKS, SUPER_CLASSES
from .mots_masks import (check_apart, check_predictions, frame_overlaps,
                         visible_masks)
from .mots_submission import MOTSSubmission, ResultFrame
from .video_metric import OpenVideo, VideoMetric
from .vis_tracks import FrameTracks, read_frame

_CLASSWISE = dict(MOTSA='MOTA', MOTSP='MOTP', IDF1='IDF1', IDSw='IDSw')


class KeptFrame(NamedTuple):
    """What is kept of a frame until its video ends; without the masks.

    Args:
        overlaps (MOTSFrame, optional): None if the frame is not scored.
        video_name (str): Name of the video.
        votes (list[tuple[int, int]]): Track id and label of each prediction.
        result (ResultFrame, optional): What the submission gets.
    """
    overlaps: Optional[MOTSFrame]
    video_name: Optional[str]
    votes: List[Tuple[int, int]]
    result: Optional[ResultFrame]


@dataclass(frozen=True)
class MOTSRecord:
    """A closed video.

    Args:
        counts (np.ndarray, optional): float64 counters of each class; None
            if the video is not scored.
        part (str, optional): File with its part of the submission.

    Shape:
        counts: (8, 12).
    """
    counts: Optional[np.ndarray]
    part: Optional[str]


@METRICS.register_module()
class MOTSMetric(VideoMetric):
    """mMOTSA, mMOTSP, mIDF1 and counters of errors (BDD100K).

    Takes masks of ``pred_track_instances`` and of the metainfo ``instances``
    of each frame. Frames with ``has_ann=False`` are not scored. Returns per
    cent and, for the counters, numbers; a class without objects counts as 0
    in the means.

    A frame is cut down to the overlaps of its masks at once. Masks are held
    until their video ends only for the submission, which needs the class of
    the whole track.

    Args:
        track_label (str): Class of a prediction. 'frame': the one that each
            frame gives it, as the program of the benchmark scores pictures;
            'majority': for the whole track that of most of its frames, of
            equal ones the smallest. A submission always has the latter.
            Defaults to 'frame'.
        overlap (str): Where predicted masks of a frame overlap, 'paint': the
            one of higher score lies on top, as in a submission; 'error':
            raise. Defaults to 'paint'.
        min_area (int): Least number of visible pixels of a prediction.
            Defaults to 0.
        min_keep (float): Least visible part of a prediction, 0 to 1.
            Defaults to 0.
        classwise (bool): Add ``MOTSA_<class>``, MOTSP, IDF1 and IDSw of each
            class and of human, vehicle and bike; nan where undefined.
            Defaults to False.
        format_only (bool): Write the submission and score nothing. Needs
            ``outfile_prefix``. Defaults to False.
        outfile_prefix (str, optional): Write the results to
            ``<outfile_prefix>.submission_file.zip``.
        submission_form (str): 'bitmask' pictures, which the server takes, or
            'rle' JSON files. Defaults to 'bitmask'.
        **kwargs: ``allow_missing``, ``collect_device``, ``prefix`` and
            ``collect_dir`` of :class:`VideoMetric`.
    """

    default_prefix: Optional[str] = 'mots'
    setting_names = ('track_label', 'overlap', 'min_area', 'min_keep')

    _CHOICES = dict(
        track_label=('frame', 'majority'),
        overlap=('paint', 'error'),
        submission_form=('bitmask', 'rle'))

    def __init__(self,
                 track_label: str = 'frame',
                 overlap: str = 'paint',
                 min_area: int = 0,
                 min_keep: float = 0.,
                 classwise: bool = False,
                 format_only: bool = False,
                 outfile_prefix: Optional[str] = None,
                 submission_form: str = 'bitmask',
                 **kwargs) -> None:
        super().__init__(**kwargs)
        chosen = dict(
            track_label=track_label,
            overlap=overlap,
            submission_form=submission_form)
        for key, value in chosen.items():
            if value not in self._CHOICES[key]:
                raise ValueError(f'MOTSMetric: {key}={value!r}, expected one '
                                 f'of {self._CHOICES[key]}')
        if format_only and outfile_prefix is None:
            raise ValueError('MOTSMetric: format_only=True needs '
                             'outfile_prefix, the place of the zip')
        self.track_label = track_label
        self.overlap = overlap
        self.min_area = min_area
        self.min_keep = min_keep
        self.classwise = classwise
        self.format_only = format_only
        self.outfile_prefix = outfile_prefix
        self._warned = False
        self._submission: Optional[MOTSSubmission] = None
        if outfile_prefix is not None:
            self._submission = MOTSSubmission(outfile_prefix, submission_form)

    def reduce_frame(self, frame: dict, video: OpenVideo) -> KeptFrame:
        """Reduce a frame to the overlaps of its masks."""
        name = f'{video.name}, frame {video.next_frame}'
        tracks = read_frame(frame, video)
        check_predictions(tracks, name)
        kept, rles = visible_masks(tracks.rles, tracks.scores, video.size,
                                   self.min_area, self.min_keep)
        if self.overlap == 'error':
            check_apart(tracks, kept, rles, name)
        overlaps = result = None
        if tracks.instances is not None and not self.format_only:
            overlaps = frame_overlaps(tracks, kept, rles, video.size, name)
            self._warned |= warn_if_crowded(overlaps, name, self._warned)
        if self._submission is not None:
            if len(kept) > MAX_MASKS:
                kept, rles = self._best_masks(tracks, video)
            result = ResultFrame(
                int(self._meta(frame, 'src_frame', name)),
                [tracks.ids[i] for i in kept], rles)
            self._meta(frame, 'video_name', name)
        return KeptFrame(overlaps, frame.get('video_name'),
                         list(zip(tracks.ids, tracks.labels)), result)

    def _best_masks(self, tracks: FrameTracks,
                    video: OpenVideo) -> Tuple[List[int], List[dict]]:
        """Return what is visible of the masks of highest score alone."""
        order = np.argsort(-np.array(tracks.scores), kind='stable')
        best = sorted(order[:MAX_MASKS].tolist())
        kept, rles = visible_masks([tracks.rles[i] for i in best],
                                   [tracks.scores[i] for i in best],
                                   video.size, self.min_area, self.min_keep)
        return [best[i] for i in kept], rles

    def reduce_video(self, video: OpenVideo) -> MOTSRecord:
        """Match the frames of a video in order; write its results."""
        classes = tuple((self.dataset_meta or {}).get('classes', ()))
        if classes != CLASSES:
            raise ValueError(f'MOTSMetric: classes {classes}, expected '
                             f'{CLASSES}; use a data set in the form of '
                             'BDD100K')
        scored = [f.overlaps for f in video.frames if f.overlaps is not None]
        if not scored and self._submission is None:
            raise ValueError(
                f'{video.name}: no frame is annotated, nothing to score; set '
                'outfile_prefix of MOTSMetric to write a submission')
        majority = _majority(video)
        part = None
        if self._submission is not None:
            part = self._submission.add(video.frames[0].video_name, video.size,
                                        [f.result for f in video.frames],
                                        majority)
        if not scored:
            return MOTSRecord(None, part)
        counter = MOTSVideo(len(CLASSES))
        for frame in scored:
            if self.track_label == 'majority':
                labels = [majority[track] for track in frame.pred_ids.tolist()]
                frame = frame._replace(
                    pred_labels=np.array(labels, dtype=np.int64))
            counter.add(frame)
        return MOTSRecord(counter.counts(), part)

    def compute_from_records(self, records: Dict[Hashable,
                                                 MOTSRecord]) -> dict:
        """Sum the counters of all videos, take the means, write the zip."""
        scored = [
            record.counts for record in records.values()
            if record.counts is not None
        ]
        if self._submission is not None:
            path = self._submission.write_zip(
                [record.part for record in records.values() if record.part])
            reason = '' if scored or self.format_only else \
                'no annotations to score; '
            print_log(f'MOTSMetric: {reason}wrote {path}', logger='current')
        if not scored:
            return {}
        results = mots_results(sum(scored))
        del results['summary']
        per_class = results.pop('per_class')
        if self.classwise:
            for name in (*CLASSES, *SUPER_CLASSES):
                for key, source in _CLASSWISE.items():
                    results[f'{key}_{name}'] = per_class[name][source]
        return results

    def evaluate(self, size: int) -> dict:
        """Compute the results and clear the files of this evaluation.

        Args:
            size (int): Length of the data set, see :class:`VideoMetric`.

        Returns:
            dict[str, float]: ``mots/mMOTSA`` and so on; empty for a data set
            without annotations and with ``format_only``.
        """
        try:
            return super().evaluate(size)
        finally:
            self._warned = False
            if self._submission is not None:
                self._submission.discard()


def _majority(video: OpenVideo) -> Dict[int, int]:
    """Return the most frequent label of each track, of equal ones the
    smallest."""
    votes: Dict[int, List[int]] = defaultdict(list)
    for frame in video.frames:
        for track, label in frame.votes:
            votes[track].append(label)
    return {
        track: int(np.bincount(labels).argmax())
        for track, labels in votes.items()
    }
