"""Base of the metrics of video panoptic segmentation."""
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Dict, Hashable, List, Optional, Sequence, Tuple

import numpy as np
import torch
from mmengine.logging import print_log
from torch.utils.weak import WeakIdKeyDictionary

from mmvis_plugin.structures import read_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError
from ..functional import PanopticFrameTable
from ..functional.panoptic_frame_table import IGNORE_LABEL, values_in
from .panoptic_submission import PanopticSubmission
from .video_metric import OpenVideo, VideoMetric, as_dict

ID_STEP = 1000

# Predicted map to the table of its frame: metrics that judge the same
# sample one after the other count it once. An entry lives as long as its
# map.
_TABLES = WeakIdKeyDictionary()


@dataclass(frozen=True)
class PanopticRecord:
    """A closed video.

    Args:
        score (Any): Result of :meth:`PanopticMetric.reduce_tables`; None if
            nothing is scored.
        part (str, optional): Where its results lie on disk.
    """
    score: Any
    part: Optional[str]


class PanopticMetric(VideoMetric):
    """A metric over frames of panoptic maps.

    The prediction of a frame is ``pred_panoptic_seg.sem_seg``: label + 1000 *
    track id at the original size; a label equal to the number of classes, or
    255, is void. Results read from a file have instead ``pan_seg``, segment
    ids (0 for void), with ``segments_info``. The annotation is read from the
    metainfo ``seg_map_path`` (a picture of ids, 0 for void) and
    ``segments_info`` (``id``, the label as ``category``, ``iscrowd`` and
    ``area``); ids in the metainfo ``void_ids``, if there, are void too.
    Frames with ``has_ann=False`` are left out: windows count annotated frames
    only.

    ``dataset_meta`` has to hold ``classes``, ``label2cat`` and, for the
    things among the classes, ``thing_classes``.

    A result file (for which server: see ``submission``) is written frame by
    frame; what is held is a few numbers per segment of open videos. A data
    set without annotations ends with the file and no results.

    Args:
        format_only (bool): Write the file and score nothing. Needs
            ``outfile_prefix``. Defaults to False.
        outfile_prefix (str, optional): Write the predictions to
            ``<outfile_prefix>.submission_file.zip``. None writes nothing.
        submission (str, optional): Form of the file, needed to write one:
            'cityscapes_vps' (VIPER too) or 'vipseg', see
            :class:`PanopticSubmission`.
        **kwargs: ``allow_missing``, ``collect_device``, ``prefix`` and
            ``collect_dir`` of :class:`VideoMetric`.
    """

    def __init__(self,
                 format_only: bool = False,
                 outfile_prefix: Optional[str] = None,
                 submission: Optional[str] = None,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if (outfile_prefix is None) != (submission is None) or (
                format_only and outfile_prefix is None):
            raise ValueError(
                f'{type(self).__name__}: format_only={format_only}, '
                f'outfile_prefix={outfile_prefix!r}, submission='
                f'{submission!r}; a result file needs the last two')
        self.format_only = format_only
        self._submission: Optional[PanopticSubmission] = None
        if outfile_prefix is not None:
            self._submission = PanopticSubmission(outfile_prefix, submission)

    @abstractmethod
    def reduce_tables(self, tables: List[PanopticFrameTable]) -> Any:
        """Return what the score needs of a video.

        Args:
            tables (list[PanopticFrameTable]): Its annotated frames, in
                order; may be empty.
        """

    @abstractmethod
    def compute_from_scores(self, scores: Dict[Hashable, Any]) -> dict:
        """Return the results over all videos.

        Args:
            scores (dict): Result of :meth:`reduce_tables` of each video,
                sorted by video id.

        Returns:
            dict[str, float]: Name to value, without the prefix.
        """

    @property
    def categories(self) -> List[dict]:
        """list[dict]: id, name and isthing of each label."""
        meta = self.dataset_meta or {}
        absent = {'classes', 'label2cat', 'thing_classes'} - set(meta)
        if absent:
            raise ValueError(f'{type(self).__name__}: dataset_meta lacks '
                             f'{sorted(absent)}; set evaluator.dataset_meta = '
                             'metainfo of a panoptic data set')
        things = set(meta['thing_classes'])
        return [
            dict(
                id=meta['label2cat'][label],
                name=name,
                isthing=int(name in things))
            for label, name in enumerate(meta['classes'])
        ]

    def reduce_frame(self, frame: dict,
                     video: OpenVideo) -> Optional[PanopticFrameTable]:
        """Count the overlaps of a frame; None for one without annotation.

        Args:
            frame (dict): Fields and metainfo of the frame.
            video (OpenVideo): Its video.

        Raises:
            ValueError: If the prediction is missing, not at the original
                size or of unknown labels.
            AnnotationError: If the annotation breaks its format.
        """
        name = f'{video.name}, frame {video.next_frame}'
        has_ann = frame.get('has_ann', True)
        is_written = (
            self._submission is not None and self._submission.takes(frame))
        if not has_ann and not is_written:
            return None
        pred = _prediction(frame, name)
        if is_written:
            ids, segments = _predicted_ids(pred, self.categories, video.size,
                                           name)
            self._submission.add_frame(frame, ids, segments, self.categories,
                                       name)
        if not has_ann or self.format_only:
            return None
        return self._overlaps(frame, pred, video, name)

    def reduce_video(self, video: OpenVideo) -> PanopticRecord:
        """Reduce the annotated frames of a video; end its result file."""
        tables = [table for table in video.frames if table is not None]
        if self._submission is None:
            return PanopticRecord(self.reduce_tables(tables), None)
        part = self._submission.end_video(video.video_id)
        return PanopticRecord(
            self.reduce_tables(tables) if tables else None, part)

    def compute_from_records(self, records: Dict[Hashable,
                                                 PanopticRecord]) -> dict:
        """Write the result file, if there is one, and score the videos."""
        scores = {
            video_id: record.score
            for video_id, record in records.items() if record.score is not None
        }
        if self._submission is not None:
            path = self._submission.write_zip(record.part
                                              for record in records.values())
            reason = '' if scores or self.format_only else \
                'no annotations to score; '
            print_log(
                f'{type(self).__name__}: {reason}wrote {path}',
                logger='current')
        return self.compute_from_scores(scores) if scores else {}

    def evaluate(self, size: int) -> dict:
        """Compute the results and clear the files of this evaluation.

        Args:
            size (int): Length of the data set, see :class:`VideoMetric`.

        Returns:
            dict[str, float]: Results under their prefixed names; empty with
            ``format_only``, and for a data set without annotations of which
            a file is written.
        """
        try:
            return super().evaluate(size)
        finally:
            if self._submission is not None:
                self._submission.discard()

    def _overlaps(self, frame: dict, pred: dict, video: OpenVideo,
                  name: str) -> PanopticFrameTable:
        for key in ('seg_map_path', 'segments_info'):
            if frame.get(key) is None:
                raise ValueError(
                    f'{name}: metainfo {key!r} is missing, expected it in '
                    'every annotated frame; add it to meta_keys of the '
                    'packing transform')
        source = (frame['seg_map_path'], frame['segments_info'],
                  frame.get('void_ids')
                  or [], [category['id'] for category in self.categories])
        key = pred.get('sem_seg')
        if isinstance(key, torch.Tensor) and key in _TABLES:
            known, table = _TABLES[key]
            if known == source:
                return table
        ids, segments = _predicted_ids(pred, self.categories, video.size, name)
        table = _count_frame(ids, segments, *source, name)
        if isinstance(key, torch.Tensor):
            _TABLES[key] = source, table
        return table


def predicted_segments(pred: np.ndarray, categories: Sequence[int],
                       name: str) -> Tuple[np.ndarray, List[dict]]:
    """Turn labels and track ids into segment ids and their list.

    Args:
        pred (np.ndarray): Label + 1000 * track id; void has the number of
            classes or 255 as its label.
        categories (Sequence[int]): Category id of each label.
        name (str): What messages call the frame.

    Returns:
        tuple[np.ndarray, list[dict]]: Ids (value + 1, 0 for void), and id
        and category_id of each in ascending order.

    Raises:
        ValueError: If a label is out of range.

    Shape:
        pred: (H, W), as is the output.
    """
    values = values_in(pred)
    labels = values % ID_STEP
    is_void = labels == len(categories)
    if len(categories) <= IGNORE_LABEL:
        is_void |= labels == IGNORE_LABEL
    wrong = values[~is_void & ((labels > len(categories)) | (values < 0))]
    if len(wrong) > 0:
        raise ValueError(
            f'{name}: predicted value {wrong[0]}, expected label + {ID_STEP} '
            f'* track id with a label below {len(categories)}, or '
            f'{len(categories)} or {IGNORE_LABEL} for void')
    ids = pred + 1
    if is_void.any():
        ids[np.isin(pred, values[is_void])] = 0
    kept = values[~is_void].tolist()
    return ids, [
        dict(id=value + 1, category_id=categories[value % ID_STEP])
        for value in kept
    ]


def _predicted_ids(pred: dict, categories: Sequence[dict], size: Tuple[int,
                                                                       int],
                   name: str) -> Tuple[np.ndarray, List[dict]]:
    """Return the predicted segment ids at the original size, and their
    list."""
    key = 'sem_seg' if 'sem_seg' in pred else 'pan_seg'
    values = pred[key]
    values = values.cpu().numpy() if isinstance(values,
                                                torch.Tensor) else values
    values = values.reshape(values.shape[-2:])
    if values.dtype.kind not in 'iu' or values.dtype.itemsize < 4:
        raise ValueError(f'{name}: pred_panoptic_seg of type {values.dtype}, '
                         'expected int32 or int64')
    if values.shape != tuple(size):
        raise ValueError(
            f'{name}: pred_panoptic_seg of size {values.shape}, expected '
            f'ori_shape {tuple(size)}; predict at the original size')
    if key == 'pan_seg':
        return values, pred['segments_info']
    return predicted_segments(values, [c['id'] for c in categories], name)


def _count_frame(ids: np.ndarray, pred_segments: Sequence[dict], path: str,
                 segments: Sequence[dict], void_ids: Sequence[int],
                 categories: Sequence[int], name: str) -> PanopticFrameTable:
    gt = read_panoptic_map(path)
    if void_ids:
        gt[np.isin(gt, void_ids)] = 0
    if gt.shape != ids.shape:
        raise AnnotationError(f'{path}: map of size {gt.shape}, expected '
                              f'{ids.shape} as the frame')
    return PanopticFrameTable.from_maps(
        gt, ids, _annotated_segments(segments, categories, path),
        pred_segments, set(categories), path, name)


def _annotated_segments(segments: Sequence[dict], categories: Sequence[int],
                        path: str) -> List[Dict[str, int]]:
    found = []
    for segment in segments:
        label = segment['category']
        if not 0 <= label < len(categories):
            raise AnnotationError(
                f'{path}: segment {segment["id"]} has label {label}, expected '
                f'one of the {len(categories)} classes of the data set')
        found.append(dict(segment, category_id=categories[label]))
    return found


def _prediction(frame: dict, name: str) -> dict:
    if 'pred_panoptic_seg' not in frame:
        raise ValueError(f'{name}: pred_panoptic_seg is missing; the model '
                         'must predict panoptic maps')
    return as_dict(frame['pred_panoptic_seg'])
