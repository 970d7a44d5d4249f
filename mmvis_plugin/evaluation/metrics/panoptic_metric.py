"""Base of the metrics of video panoptic segmentation."""
from abc import abstractmethod
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
from torch.utils.weak import WeakIdKeyDictionary

from mmvis_plugin.structures import read_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError
from ..functional import PanopticFrameTable
from ..functional.panoptic_frame_table import IGNORE_LABEL, values_in
from .video_metric import OpenVideo, VideoMetric, as_dict

ID_STEP = 1000

# Predicted map to the table of its frame: metrics that judge the same
# sample one after the other count it once. An entry lives as long as its
# map.
_TABLES = WeakIdKeyDictionary()


class PanopticMetric(VideoMetric):
    """A metric over frames of panoptic maps.

    The prediction of a frame is ``pred_panoptic_seg.sem_seg``: label + 1000 *
    track id at the original size; a label equal to the number of classes, or
    255, is void. The annotation is read from the metainfo ``seg_map_path``
    (a picture of ids, 0 for void) and ``segments_info``
    (``id``, the label as ``category``, ``iscrowd`` and ``area``); ids in the
    metainfo ``void_ids``, if there, are void too. Frames with
    ``has_ann=False`` are left out: windows count annotated frames only.

    ``dataset_meta`` has to hold ``classes``, ``label2cat`` and, for the
    things among the classes, ``thing_classes``.

    Args:
        **kwargs: ``allow_missing``, ``collect_device``, ``prefix`` and
            ``collect_dir`` of :class:`VideoMetric`.
    """

    @abstractmethod
    def reduce_tables(self, tables: List[PanopticFrameTable]) -> Any:
        """Return the record of a video.

        Args:
            tables (list[PanopticFrameTable]): Its annotated frames, in
                order; may be empty.
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
        pred = _predicted_map(frame, name)
        if not frame.get('has_ann', True):
            return None
        for key in ('seg_map_path', 'segments_info'):
            if frame.get(key) is None:
                raise ValueError(
                    f'{name}: metainfo {key!r} is missing, expected it in '
                    'every annotated frame; add it to meta_keys of the '
                    'packing transform')
        categories = [category['id'] for category in self.categories]
        source = (frame['seg_map_path'], frame['segments_info'],
                  frame.get('void_ids') or [], categories)
        if isinstance(pred, torch.Tensor) and pred in _TABLES:
            known, table = _TABLES[pred]
            if known == source:
                return table
        table = _count_frame(pred, *source, video.size, name)
        if isinstance(pred, torch.Tensor):
            _TABLES[pred] = source, table
        return table

    def reduce_video(self, video: OpenVideo) -> Any:
        """Reduce the annotated frames of a video."""
        return self.reduce_tables(
            [table for table in video.frames if table is not None])


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


def _count_frame(pred: Any, path: str, segments: Sequence[dict],
                 void_ids: Sequence[int], categories: Sequence[int],
                 size: Tuple[int, int], name: str) -> PanopticFrameTable:
    gt = read_panoptic_map(path)
    if void_ids:
        gt[np.isin(gt, void_ids)] = 0
    pred = pred.cpu().numpy() if isinstance(pred, torch.Tensor) else pred
    pred = pred.reshape(pred.shape[-2:])
    if pred.dtype.kind not in 'iu' or pred.dtype.itemsize < 4:
        raise ValueError(f'{name}: pred_panoptic_seg of type {pred.dtype}, '
                         'expected int32 or int64')
    if pred.shape != tuple(size):
        raise ValueError(
            f'{name}: pred_panoptic_seg of size {pred.shape}, expected '
            f'ori_shape {tuple(size)}; predict at the original size')
    if gt.shape != tuple(size):
        raise AnnotationError(f'{path}: map of size {gt.shape}, expected '
                              f'{tuple(size)} as the frame')
    ids, pred_segments = predicted_segments(pred, categories, name)
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


def _predicted_map(frame: dict, name: str) -> Any:
    if 'pred_panoptic_seg' not in frame:
        raise ValueError(f'{name}: pred_panoptic_seg is missing; the model '
                         'must predict panoptic maps')
    return as_dict(frame['pred_panoptic_seg'])['sem_seg']
