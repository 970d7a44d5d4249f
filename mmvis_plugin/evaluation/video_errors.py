"""The errors of a video, from its annotated and predicted frames."""
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Dict, Hashable, List, NamedTuple, Optional, Sequence

import numpy as np
from pycocotools import mask as mask_utils

from mmvis_plugin.structures import as_rle, rle_areas
from mmvis_plugin.utils.errors import AnnotationError
from .functional import MOTSFrame, PanopticFrameTable, track_events
from .functional.track_events import NOBODY, TrackEvent, TrackEvents
from .label_map import ID_STEP, label_map
from .metrics import VPQMetric
from .metrics.video_metric import OpenVideo, as_dict


class NamedTrack(NamedTuple):
    """An object or a prediction of a video.

    Args:
        name (str): What people call it, such as 'car #12'.
        label (int): Its class; of several the most frequent one.
        number (int): Its number among the things; -1 for stuff.
        score (float, optional): Of a prediction, if it has one.
    """
    name: str
    label: int
    number: int
    score: Optional[float] = None


@dataclass
class VideoErrors:
    """What happens in a video.

    Args:
        video_id (Hashable): Its id.
        name (str): Its name.
        frame_ids (list[int]): Of the annotated frames. Events and runs count
            these frames.
        happened (TrackEvents): Events and states.
        objects (dict[int, NamedTrack]): Annotated objects by id.
        tracks (dict[int, NamedTrack]): Predictions by id.
    """
    video_id: Hashable
    name: str
    frame_ids: List[int]
    happened: TrackEvents
    objects: Dict[int, NamedTrack]
    tracks: Dict[int, NamedTrack]

    def describe(self, event: TrackEvent) -> str:
        """Say in a few words what happens.

        Args:
            event (TrackEvent): One of ``happened.events``.
        """
        item = self.objects.get(event.object_id)
        track = self.tracks.get(event.track_id)
        before = self.tracks.get(event.previous_id)
        return dict(
            birth='{0} is found by {1}',
            switch='{0} goes from {2} to {1}',
            fragment='{0} is found again by {1}',
            miss='{0} is missed',
            wrong_class='{0} is taken for {1}',
            duplicate='{1} doubles {0}',
            stray='{1} leaves its object',
            false_track='{1} is on no object')[event.kind].format(
                *(known and known.name for known in (item, track, before)))


@dataclass
class _Masks:
    """Masks or boxes of a frame, until the scores of all are known."""
    gt: List[dict]
    gt_shapes: Any
    ids: List[int]
    labels: List[int]
    scores: List[float]
    shapes: Any


@dataclass
class _Votes:
    """What the frames say about an object or a prediction."""
    number: int = NOBODY
    labels: Counter = field(default_factory=Counter)
    scores: List[float] = field(default_factory=list)

    def named(self, classes: Sequence[str]) -> NamedTrack:
        most = max(self.labels.values())
        label = min(i for i, n in self.labels.items() if n == most)
        number = f' #{self.number}' if self.number != NOBODY else ''
        score = float(np.mean(self.scores)) if self.scores else None
        return NamedTrack(classes[label] + number, label, self.number, score)


class VideoComparison:
    """Compare the predictions of a video with its annotations.

    Frames come in order, one by one, in the form that metrics take: with
    ``pred_panoptic_seg``, or ``pred_track_instances`` with masks or boxes.
    Masks stay run-length codes and panoptic maps are counted at once.

    Differs from the metrics: masks are compared as they are, also where they
    overlap, and only tracks of a mean score of at least ``score_thr``.

    Args:
        dataset_meta (dict): Metainfo of the dataset, with ``classes``.
        iou_thr (float): Least overlap of a pair. Defaults to 0.5.
        score_thr (float): Least score of a track, without effect on panoptic
            maps. Defaults to 0.3.
    """

    def __init__(self,
                 dataset_meta: dict,
                 iou_thr: float = 0.5,
                 score_thr: float = 0.3) -> None:
        self.classes = list(dataset_meta['classes'])
        self.iou_thr = iou_thr
        self.score_thr = score_thr
        self._counter = VPQMetric()
        self._counter.dataset_meta = dataset_meta
        self._video: Optional[OpenVideo] = None
        self._frame_ids: List[int] = []
        self._parts: List[Any] = []
        self._objects: Dict[int, _Votes] = defaultdict(_Votes)
        self._tracks: Dict[int, _Votes] = defaultdict(_Votes)

    def add(self, frame: dict) -> None:
        """Take in the next frame.

        Args:
            frame (dict): Fields and metainfo of the frame.
        """
        if self._video is None:
            name = frame.get('video_name') or frame['video_id']
            size = tuple(frame['ori_shape'][:2])
            self._video = OpenVideo(frame['video_id'], str(name), 0, size,
                                    False)
        self._video.next_frame = frame['frame_id']
        is_map = 'pred_panoptic_seg' in frame
        known = is_map or frame.get('instances') is not None
        if not frame.get('has_ann', known):
            return
        self._frame_ids.append(frame['frame_id'])
        self._parts.append(
            self._add_map(frame) if is_map else self._add_masks(frame))

    def errors(self) -> VideoErrors:
        """Return what happens in the frames that came.

        Raises:
            ValueError: If no frame came.
        """
        if self._video is None:
            raise ValueError('a video without frames, expected at least one')
        weak = {
            key
            for key, votes in self._tracks.items()
            if votes.scores and np.mean(votes.scores) < self.score_thr
        }
        frames = [
            part if isinstance(part, MOTSFrame) else _compare(
                part, weak, self._name(frame))
            for part, frame in zip(self._parts, self._frame_ids)
        ]
        happened = track_events(frames, self.iou_thr)
        named = [{
            key: votes[key].named(self.classes)
            for key in runs
        } for votes, runs in ((self._objects, happened.objects),
                              (self._tracks, happened.tracks))]
        return VideoErrors(self._video.video_id, self._video.name,
                           self._frame_ids, happened, *named)

    def _name(self, frame_id: int) -> str:
        return f'video {self._video.name}, frame {frame_id}'

    def _add_masks(self, frame: dict) -> _Masks:
        name = self._name(frame['frame_id'])
        pred = as_dict(frame['pred_track_instances'])
        gt = list(frame.get('instances') or [])
        masked = 'masks' in pred and all(item.get('mask') for item in gt)
        needed = ('instances_id', 'labels', 'scores',
                  'masks' if masked else 'bboxes')
        if not set(needed) <= set(pred):
            raise ValueError(f'{name}: pred_track_instances has {sorted(pred)}'
                             f', expected {needed}')
        columns = [np.asarray(pred[key]).tolist() for key in needed[:3]]
        size = self._video.size
        if masked:
            gt_shapes = [as_rle(item['mask'], *size) for item in gt]
            shapes = [as_rle(mask, *size) for mask in pred['masks']]
        else:
            gt_shapes = _corners_to_sizes([item['bbox'] for item in gt])
            shapes = _corners_to_sizes(np.asarray(pred['bboxes']))
        for item in gt:
            votes = self._objects[item['instance_id']]
            votes.number = item['instance_id']
            votes.labels[item['bbox_label']] += 1
        for key, label, score in zip(*columns):
            votes = self._tracks[key]
            votes.number = key
            votes.labels[label] += 1
            votes.scores.append(score)
        return _Masks(gt, gt_shapes, *columns, shapes)

    def _add_map(self, frame: dict) -> MOTSFrame:
        pred = label_map(frame['pred_panoptic_seg'],
                         self._counter.dataset_meta)
        table = self._counter.reduce_frame(
            dict(frame, pred_panoptic_seg=dict(sem_seg=pred)), self._video)
        compared = _compare_map(table, self._counter.categories)
        things = {
            item['id']: item['instance_id']
            for item in frame['segments_info'] if item['is_thing']
        }
        rows = zip(compared.gt_ids.tolist(), compared.gt_labels.tolist())
        for key, label in rows:
            self._objects[key].number = things.get(key, NOBODY)
            self._objects[key].labels[label] += 1
        rows = zip(compared.pred_ids.tolist(), compared.pred_labels.tolist())
        for key, label in rows:
            self._tracks[key].number = key // ID_STEP or NOBODY
            self._tracks[key].labels[label] += 1
        return compared


def _corners_to_sizes(boxes: Any) -> np.ndarray:
    """Turn xyxy into the xywh of pycocotools."""
    boxes = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    boxes[:, 2:] -= boxes[:, :2]
    return boxes


def _compare(part: _Masks, weak: set, name: str) -> MOTSFrame:
    """Compute the overlaps of the tracks that are no weak ones."""
    is_box = isinstance(part.shapes, np.ndarray)
    gt_areas, areas = _areas(part.gt_shapes), _areas(part.shapes)
    ignored = np.array([bool(i.get('ignore_flag')) for i in part.gt], bool)
    gt_ids = np.array([i['instance_id'] for i in part.gt], dtype=np.int64)
    if len(np.unique(gt_ids)) < len(gt_ids):
        raise AnnotationError(f'{name}: instance ids {sorted(gt_ids)[:10]} '
                              'are not distinct, expected one per object')
    strong = np.array([key not in weak for key in part.ids], bool)
    rows, regions = (
        np.flatnonzero(side & (gt_areas > 0)) for side in (~ignored, ignored))
    cols = np.flatnonzero(strong & (areas > 0))
    every = np.concatenate([rows, regions])
    ratios = np.zeros((len(cols), len(every)))
    if len(cols) and len(every):
        pred, gt = ((shapes[at] if is_box else [shapes[i] for i in at])
                    for shapes, at in ((part.shapes, cols), (part.gt_shapes,
                                                             every)))
        # of an ignored region: the part of the prediction inside of it
        ratios = np.asarray(
            mask_utils.iou(pred, gt, ignored[every].astype(np.uint8)))
    ious = ratios[:, :len(rows)].T
    return MOTSFrame(
        gt_ids[rows],
        np.array([part.gt[i]['bbox_label'] for i in rows], dtype=np.int64),
        np.array(part.ids, dtype=np.int64)[cols],
        np.array(part.labels, dtype=np.int64)[cols], ious, ious >= 0.5,
        (ratios[:, len(rows):] > 0.5).any(axis=1))


def _areas(shapes: Any) -> np.ndarray:
    if isinstance(shapes, np.ndarray):
        return shapes[:, 2:].prod(axis=1)
    return rle_areas(shapes)


def _compare_map(table: PanopticFrameTable,
                 categories: Sequence[dict]) -> MOTSFrame:
    """Compute the overlaps of the segments of two maps."""
    labels = {item['id']: label for label, item in enumerate(categories)}
    gt, pred = table.gt, table.pred
    common = np.zeros((len(gt.ids), len(pred.ids)), dtype=np.int64)
    common[table.gt_index, table.pred_index] = table.counts
    areas = table.pred_areas
    excluded = gt.crowd.copy()
    excluded[0] = True  # the void
    rows = np.flatnonzero(~excluded)
    cols = np.arange(1, len(pred.ids))
    inter = common[np.ix_(rows, cols)]
    # pixels of the void count nowhere
    union = table.gt_areas[rows][:, None] + (areas - common[0])[cols] - inter
    ious = inter / union
    in_region = (2 * common[excluded] > areas).any(axis=0)[cols]
    return MOTSFrame(
        gt.ids[rows],
        np.array([labels[i] for i in gt.categories[rows].tolist()], np.int64),
        pred.ids[cols] - 1,
        np.array([labels[i] for i in pred.categories[cols].tolist()],
                 np.int64), ious, ious >= 0.5, in_region)
