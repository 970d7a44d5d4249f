"""Metric of video instance segmentation."""
import logging
import os
from dataclasses import dataclass
from typing import Dict, Hashable, List, Optional, Sequence

from mmengine.fileio import load
from mmengine.logging import MMLogger, print_log

from mmvis_plugin.registry import METRICS
from ..functional import accumulate, video_records
from ..functional.tube_ap import annotated_tracks
from .video_metric import OpenVideo, VideoMetric
from .vis_submission import SubmissionPart, VISSubmission
from .vis_tracks import (FrameTracks, ground_truth_tracks, predicted_tracks,
                         read_frame)

DEFAULT_ITEMS = ('AP', 'AP50', 'AP75', 'AP_s', 'AP_m', 'AP_l', 'AR1', 'AR10',
                 'AR100')
ALL_ITEMS = DEFAULT_ITEMS + ('AR_s', 'AR_m', 'AR_l')
SERVERS = ('the server of the data set: '
           'https://codalab.lisn.upsaclay.fr/competitions/6064 (YouTube-VIS '
           '2019), /7680 (YouTube-VIS 2021), /4763 (OVIS)')


@dataclass(frozen=True)
class VISRecord:
    """A closed video.

    Args:
        categories (dict, optional): Category id to its ``CategoryRecord``;
            None if no frame of the video is annotated.
        part (SubmissionPart, optional): Where its results lie on disk.
    """
    categories: Optional[dict]
    part: Optional[SubmissionPart]


@METRICS.register_module()
class VISMetric(VideoMetric):
    """AP and AR of mask tubes (YouTube-VIS 2019 / 2021, OVIS).

    Takes predictions from ``pred_track_instances`` and the ground truth from
    the metainfo ``instances`` of each frame, both at the original size.
    Frames with ``has_ann=False`` are not scored. Category ids come from
    ``dataset_meta['label2cat']``, without it they are label + 1.

    A data set without annotations (the public val and test sets) ends with
    a zip for the server and no results. What is held per closed video is a
    few IoU matrices; masks for the zip go to disk video by video.

    Args:
        metric_items (Sequence[str], optional): Results to return, of AP,
            AP50, AP75, AP_s, AP_m, AP_l, AR1, AR10, AR100, AR_s, AR_m and
            AR_l. None returns the first nine.
        classwise (bool): Add ``AP_<class>``. Defaults to False.
        format_only (bool): Write the zip and score nothing. Needs
            ``outfile_prefix``. Defaults to False.
        outfile_prefix (str, optional): Write the results to
            ``<outfile_prefix>.submission_file.zip``. None writes a zip only
            for a data set without annotations, ``vis_results`` beside the
            log file, or in the working folder without a log file.
        track_score (str): 'given': score and label of a track id are the
            same in all frames (query-based models); 'mean': mean score and
            most frequent label over its frames (mask trackers).
        ann_file (str, optional): YouTube-VIS annotations with the tracks of
            missing videos, for ``allow_missing``.
        submit_to (str): Where to hand in the zip, named in the log.
        **kwargs: ``allow_missing``, ``collect_device``, ``prefix`` and
            ``collect_dir`` of :class:`VideoMetric`.
    """

    default_prefix: Optional[str] = 'vis'
    setting_names = ('track_score', )

    def __init__(self,
                 metric_items: Optional[Sequence[str]] = None,
                 classwise: bool = False,
                 format_only: bool = False,
                 outfile_prefix: Optional[str] = None,
                 track_score: str = 'given',
                 ann_file: Optional[str] = None,
                 submit_to: str = SERVERS,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        unknown = sorted(set(metric_items or ()) - set(ALL_ITEMS))
        if unknown:
            raise KeyError(f'VISMetric: unknown metric_items {unknown}, '
                           f'expected some of {ALL_ITEMS}')
        if track_score not in ('given', 'mean'):
            raise ValueError(f'VISMetric: track_score={track_score!r}, '
                             "expected 'given' or 'mean'")
        if format_only and outfile_prefix is None:
            raise ValueError('VISMetric: format_only=True needs '
                             'outfile_prefix, the place of the zip')
        self.metric_items = tuple(metric_items or DEFAULT_ITEMS)
        self.classwise = classwise
        self.format_only = format_only
        self.outfile_prefix = outfile_prefix
        self.track_score = track_score
        self.ann_file = ann_file
        self.submit_to = submit_to
        self._submission: Optional[VISSubmission] = None

    @property
    def label2cat(self) -> Dict[int, int]:
        """dict[int, int]: Label to the category id of the data set."""
        meta = self.dataset_meta or {}
        if 'label2cat' in meta:
            pairs = meta['label2cat']
            return dict(pairs if isinstance(pairs, dict) else enumerate(pairs))
        if 'classes' not in meta:
            raise ValueError("VISMetric: dataset_meta lacks 'classes'; set "
                             'evaluator.dataset_meta = dataset.metainfo')
        return {label: label + 1 for label in range(len(meta['classes']))}

    def reduce_frame(self, frame: dict, video: OpenVideo) -> FrameTracks:
        """Keep run-length masks, scores, labels and raw annotations."""
        return read_frame(frame, video)

    def reduce_video(self, video: OpenVideo) -> VISRecord:
        """Turn a video into IoU matrices; write its results to disk."""
        label2cat = self.label2cat
        results = predicted_tracks(video, label2cat, self.track_score)
        annotated = [
            index for index, frame in enumerate(video.frames)
            if frame.instances is not None
        ]
        part = None
        if self.outfile_prefix is not None or not annotated:
            part = self._writer().add(results)
        if self.format_only or not annotated:
            return VISRecord(None, part)
        for result in results:
            masks = result['segmentations']
            result['segmentations'] = [masks[index] for index in annotated]
        tracks = ground_truth_tracks(video, label2cat)
        return VISRecord(video_records(tracks, results, len(annotated)), part)

    def missing_records(self, video_ids: Sequence[Hashable]) -> dict:
        """Read the tracks of videos that never came from ``ann_file``."""
        if self.format_only:
            return {}
        if self.ann_file is None:
            return super().missing_records(video_ids)
        tracks = annotated_tracks(
            load(self.ann_file), set(self.label2cat.values()), self.ann_file)
        unknown = [i for i in video_ids if i not in tracks]
        if unknown:
            raise ValueError(
                f'{self.ann_file}: {len(unknown)} missing videos are not in '
                f'it: {unknown[:5]}; give the ann_file of the test data')
        return {
            video_id:
            VISRecord(
                video_records(tracks[video_id].tracks, [],
                              tracks[video_id].num_frames), None)
            for video_id in video_ids
        }

    def compute_from_records(self, records: Dict[Hashable, VISRecord]) -> dict:
        """Accumulate AP and AR, write the zip if one is due."""
        scored = [
            record.categories for record in records.values()
            if record.categories is not None
        ]
        if self.outfile_prefix is not None or not scored:
            self._write_zip(
                [record.part for record in records.values() if record.part],
                no_annotations=not (scored or self.format_only))
        if not scored:
            return {}
        label2cat = self.label2cat
        results = accumulate(scored, sorted(label2cat.values()), True)
        chosen = {key: results[key] for key in self.metric_items}
        if self.classwise:
            names = (self.dataset_meta or {}).get('classes') or label2cat
            for label, category in label2cat.items():
                chosen[f'AP_{names[label]}'] = results['per_category'][
                    category]['AP']
        return chosen

    def evaluate(self, size: int) -> dict:
        """Compute the results and clear the files of this evaluation.

        Args:
            size (int): Length of the data set, see :class:`VideoMetric`.

        Returns:
            dict[str, float]: ``vis/AP`` and so on; empty for a data set
            without annotations and with ``format_only``.
        """
        try:
            return super().evaluate(size)
        finally:
            if self._submission is not None:
                self._submission.discard()
                self._submission = None

    def _writer(self) -> VISSubmission:
        if self._submission is None:
            self._submission = VISSubmission(self.outfile_prefix
                                             or _prefix_beside_log())
        return self._submission

    def _write_zip(self, parts: List[SubmissionPart],
                   no_annotations: bool) -> None:
        path = self._writer().write_zip(parts)
        reason = 'no annotations to score; ' if no_annotations else ''
        print_log(
            f'VISMetric: {reason}wrote {path}; submit it to {self.submit_to}',
            logger='current')


def _prefix_beside_log() -> str:
    handlers = MMLogger.get_current_instance().handlers
    files = [
        handler.baseFilename for handler in handlers
        if isinstance(handler, logging.FileHandler)
    ]
    folder = os.path.dirname(files[0]) if files else os.getcwd()
    return os.path.join(folder, 'vis_results')
