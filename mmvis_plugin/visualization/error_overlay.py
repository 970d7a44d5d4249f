"""A frame with its ground truth, its prediction and its errors."""
from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData, PixelData
from pycocotools import mask as mask_utils

from mmvis_plugin.evaluation.functional.track_events import NOBODY
from mmvis_plugin.evaluation.label_map import label_map
from mmvis_plugin.evaluation.metrics.video_metric import as_dict
from mmvis_plugin.evaluation.video_errors import NamedTrack, VideoErrors
from mmvis_plugin.structures import PanopticSegments, read_panoptic_map
from . import overlay, text
from .error_kinds import ERROR_KINDS
from .ground_truth import as_array
from .palette import track_colors
from .video_visualizer import VideoVisualizer

_CAPTIONS = ('ground truth', 'prediction')
_FIELDS = ('instances_id', 'labels', 'scores', 'bboxes', 'masks')


class MarkedBox(NamedTuple):
    """A box with what is wrong about it.

    Args:
        box (np.ndarray): xyxy in pixels of the frame.
        item (NamedTrack): What is in it.
        kinds (list[str]): Events of it in the frame, the worst first.
    """
    box: np.ndarray
    item: NamedTrack
    kinds: List[str]


class ErrorOverlay:
    """Draw frames for a report: ground truth left, prediction right.

    Masks and regions wear the colours of their tracks. What is wrong has a
    box and a label in the colour of its kind, all else a label only.

    Args:
        dataset_meta (dict): Metainfo of the dataset, with ``classes``.
        width (int): Largest width of one of the two pictures. Defaults to
            400.
    """

    def __init__(self, dataset_meta: dict, width: int = 400) -> None:
        self.meta = dataset_meta
        self._visualizer = VideoVisualizer(
            'error_report',
            draw_label=False,
            draw_bbox=None,
            draw_ignored=True,
            max_width=width)
        self._visualizer.dataset_meta = dataset_meta

    def draw(self, image: np.ndarray, frame: dict, errors: VideoErrors,
             position: int) -> np.ndarray:
        """Draw a frame.

        Args:
            image (np.ndarray): The frame at its original size, RGB.
            frame (dict): Fields and metainfo of the frame, as
                :meth:`VideoComparison.add` takes them.
            errors (VideoErrors): What happens in its video.
            position (int): Position of the frame among the annotated ones.

        Returns:
            np.ndarray: ``(h', w', 3)`` uint8 RGB.

        Shape:
            image: (H, W, 3).
        """
        boxes = frame_boxes(frame, self.meta)
        drawn = self._visualizer.overlay(
            np.ascontiguousarray(image),
            self._sample(frame,
                         set(errors.tracks) & set(boxes[1])),
            draw_gt=True,
            draw_pred=True,
            pred_score_thr=-np.inf)
        half = drawn.shape[1] // 2
        kinds = _kinds_at(errors, position)
        sides = (drawn[:, :half], drawn[:, half:])
        items = (errors.objects, errors.tracks)
        for panel, known, found, wrong, caption in zip(sides, items, boxes,
                                                       kinds, _CAPTIONS):
            scale = half / image.shape[1], drawn.shape[0] / image.shape[0]
            marks = [
                MarkedBox(box * np.tile(scale, 2), known[key],
                          wrong.get(key, [])) for key, box in found.items()
                if key in known
            ]
            self._mark(panel, marks, caption)
        return drawn

    def _sample(self, frame: dict, kept_ids: set) -> DetDataSample:
        """Return the frame with some of its tracks."""
        meta = {
            key: frame[key]
            for key in ('video_id', 'frame_id', 'ori_shape', 'instances',
                        'seg_map_path', 'segments_info') if key in frame
        }
        sample = DetDataSample(metainfo=dict(meta, has_ann=True))
        if 'pred_panoptic_seg' in frame:
            sample.pred_panoptic_seg = PixelData(
                sem_seg=label_map(frame['pred_panoptic_seg'], self.meta))
        else:
            pred = as_dict(frame['pred_track_instances'])
            ids = as_array(pred['instances_id'])
            rows = [i for i, key in enumerate(ids) if key in kept_ids]
            kept = InstanceData()
            for key in _FIELDS:
                if key in pred:
                    values = pred[key]
                    kept.set_field([values[i] for i in rows] if key == 'masks'
                                   else as_array(values)[rows], key)
            sample.pred_track_instances = kept
        return sample

    @staticmethod
    def _mark(panel: np.ndarray, marks: Sequence[MarkedBox],
              caption: str) -> None:
        """Draw boxes and labels on one of the pictures, in place."""
        size = text.text_size_for(*panel.shape[:2])
        line = max(round(min(panel.shape[:2]) / 150), 2)
        # plain stuff has no label: its region is its name
        shown = [m for m in marks if m.kinds or m.item.number != NOBODY]
        shown.sort(key=lambda mark: not mark.kinds)  # errors find their place
        colors = np.array([
            ERROR_KINDS[m.kinds[0]].rgb
            if m.kinds else track_colors([m.item.number])[0] for m in shown
        ],
                          dtype=np.uint8).reshape(-1, 3)
        boxes = np.array([m.box for m in shown]).reshape(-1, 4)
        wrong = np.array(
            [any(ERROR_KINDS[k].is_error for k in m.kinds) for m in shown],
            bool)
        # a dark rim: the colour of a kind may be that of the picture
        overlay.draw_boxes(panel, boxes[wrong], colors[wrong] * 0, line + 2)
        overlay.draw_boxes(panel, boxes[wrong], colors[wrong], line)
        names = [
            f'{m.item.name}: ' +
            ', '.join(ERROR_KINDS[k].name
                      for k in m.kinds) if m.kinds else m.item.name
            for m in shown
        ]
        short = [
            ERROR_KINDS[m.kinds[0]].name if m.kinds else f'#{m.item.number}'
            for m in shown
        ]
        taken = [text.caption_rect(panel, caption, size)]
        text.draw_labels(panel, names, boxes, colors, size, taken, short)


def frame_boxes(
        frame: dict, dataset_meta: dict
) -> Tuple[Dict[int, np.ndarray], Dict[int, np.ndarray]]:
    """Return the boxes of a frame by the ids that ``VideoErrors`` gives.

    Args:
        frame (dict): Fields and metainfo of the frame.
        dataset_meta (dict): Metainfo of the dataset.

    Returns:
        tuple[dict, dict]: Of objects and of predictions, xyxy in pixels.
    """
    if 'pred_panoptic_seg' in frame:
        pred = as_array(label_map(frame['pred_panoptic_seg'], dataset_meta))
        # 0 is no segment there, but the first class here
        pred = _segment_boxes(pred[0] + 1)
        return (_segment_boxes(read_panoptic_map(frame['seg_map_path'])), {
            key - 1: box
            for key, box in pred.items()
        })
    objects = {
        item['instance_id']: np.array(item['bbox'], dtype=float)
        for item in frame['instances']
    }
    pred = as_dict(frame['pred_track_instances'])
    if 'masks' in pred:
        boxes = np.array(mask_utils.toBbox(list(pred['masks'])))
        boxes = boxes.reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
    else:
        boxes = as_array(pred['bboxes']).astype(float)
    ids = as_array(pred['instances_id']).tolist()
    return objects, {
        key: box
        for key, box in zip(ids, boxes) if (box[2:] > box[:2]).all()
    }


def _segment_boxes(ids: np.ndarray) -> Dict[int, np.ndarray]:
    found = PanopticSegments.from_map(ids)
    boxes = found.boxes.astype(float)
    boxes[:, 2:] += boxes[:, :2]
    return dict(zip(found.ids.tolist(), boxes))


def _kinds_at(errors: VideoErrors,
              position: int) -> Tuple[Dict[int, list], Dict[int, list]]:
    """Return the errors of objects and predictions in a frame, worst
    first."""
    objects: Dict[int, list] = {}
    tracks: Dict[int, list] = {}
    for kind in ERROR_KINDS:
        for event in errors.happened.events:
            if event.kind != kind or not event.start <= position < event.stop:
                continue
            if kind not in ('duplicate', 'stray', 'false_track'):
                objects.setdefault(event.object_id, []).append(kind)
            if kind != 'miss' and event.track_id != NOBODY:
                tracks.setdefault(event.track_id, []).append(kind)
    return objects, tracks
