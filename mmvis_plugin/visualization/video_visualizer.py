"""Overlay of tracks on video frames."""
from dataclasses import dataclass
from typing import List, Optional, Sequence, Union

import cv2
import mmcv
import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.visualization import TrackLocalVisualizer
from mmengine.dist import master_only
from mmengine.structures import InstanceData

from mmvis_plugin.registry import VISUALIZERS
from mmvis_plugin.structures import as_rle
from . import overlay, text
from .palette import track_colors
from .track_trails import TrackTrails


@dataclass
class _Panel:
    """What is drawn on one frame, in pixels of the drawn image."""
    ids: List[int]
    labels: List[int]
    scores: Optional[np.ndarray]
    boxes: np.ndarray  # (n, 4)
    masks: Optional[np.ndarray]  # (n, h, w)

    @property
    def colors(self) -> np.ndarray:
        return track_colors(self.ids)


@VISUALIZERS.register_module()
class VideoVisualizer(TrackLocalVisualizer):
    """Draw masks, boxes, labels and trails, coloured by track id.

    The colour of an id is the same on every frame, run and machine. Line
    widths and text follow the size of the frame. Drawing is numpy and
    OpenCV; matplotlib is only touched by the inherited ``draw_*`` methods.

    Args:
        name (str): Name of the instance. Defaults to 'visualizer'.
        image (np.ndarray, optional): The image to draw on, RGB. Defaults to
            None.
        vis_backends (list, optional): Configs of visual backends. Defaults
            to None.
        save_dir (str, optional): Where the backends write. Defaults to None.
        line_width (int, optional): Width of lines in pixels; None follows
            the frame size. Defaults to None.
        alpha (float): Opacity of masks in [0, 1]. Defaults to 0.45.
        draw_contour (bool): Outline masks. Defaults to True.
        draw_bbox (bool, optional): Draw boxes; None draws them only where a
            track has no mask pixel. Defaults to None.
        draw_label (bool): Write class, id and score. Defaults to True.
        trail_length (int): Frames of the trail of centres, 0 for none.
            Defaults to 0.
        legend (bool): List the tracks of the frame in a corner. Defaults to
            False.
        text_size (int, optional): Font size in pixels; None follows the
            frame size. Defaults to None.
        min_side (int): Frames whose shorter side is below this are enlarged
            by a whole number, so that text stays readable; 0 never
            enlarges. Defaults to 256.
    """

    def __init__(self,
                 name: str = 'visualizer',
                 image: Optional[np.ndarray] = None,
                 vis_backends: Optional[Union[dict, Sequence[dict]]] = None,
                 save_dir: Optional[str] = None,
                 line_width: Optional[int] = None,
                 alpha: float = 0.45,
                 draw_contour: bool = True,
                 draw_bbox: Optional[bool] = None,
                 draw_label: bool = True,
                 trail_length: int = 0,
                 legend: bool = False,
                 text_size: Optional[int] = None,
                 min_side: int = 256) -> None:
        if not 0 <= alpha <= 1:
            raise ValueError(f'alpha must be in [0, 1], got {alpha}')
        self._drawn: Optional[np.ndarray] = None
        super().__init__(name, image, vis_backends, save_dir, line_width,
                         alpha)
        self.draw_contour = draw_contour
        self.draw_bbox = draw_bbox
        self.draw_label = draw_label
        self.legend = legend
        self.text_size = text_size
        self.min_side = min_side
        self._trails = [TrackTrails(trail_length) for _ in range(2)]
        self._last_frame = (None, -1)

    # The base class answers on rank 0 only; videos are drawn on every rank.
    @property
    def dataset_meta(self) -> Optional[dict]:
        """dict: Metainfo of the dataset; ``classes`` names the labels."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: Optional[dict]) -> None:
        """Set the metainfo of the dataset."""
        self._dataset_meta = dataset_meta

    def reset(self) -> None:
        """Forget the trails: the next frame opens another video."""
        for trails in self._trails:
            trails.reset()

    @master_only
    def set_image(self, image: np.ndarray) -> None:
        """Set the image that the inherited ``draw_*`` methods draw on.

        Args:
            image (np.ndarray): ``(h, w, 3)`` RGB.
        """
        self._drawn = None
        super().set_image(image)

    @master_only
    def get_image(self) -> np.ndarray:
        """Return the image drawn last, ``(h, w, 3)`` uint8 RGB."""
        return super().get_image() if self._drawn is None else self._drawn

    @master_only
    def add_datasample(self,
                       name: str,
                       image: np.ndarray,
                       data_sample: Optional[DetDataSample] = None,
                       draw_gt: bool = True,
                       draw_pred: bool = True,
                       show: bool = False,
                       wait_time: float = 0,
                       out_file: Optional[str] = None,
                       pred_score_thr: float = 0.3,
                       step: int = 0) -> None:
        """Draw one frame and show, save or record it.

        Args:
            name (str): Identifier of the image.
            image (np.ndarray): The frame at its original size, RGB.
            data_sample (DetDataSample, optional): Sample of the frame.
                Defaults to None.
            draw_gt (bool): Draw the ground truth, where there is one.
                Defaults to True.
            draw_pred (bool): Draw ``pred_track_instances``. Defaults to
                True.
            show (bool): Open a window. Defaults to False.
            wait_time (float): Seconds to keep the window, 0 for ever.
                Defaults to 0.
            out_file (str, optional): Image file to write; without it the
                image goes to the backends. Defaults to None.
            pred_score_thr (float): Least score drawn. Defaults to 0.3.
            step (int): Step recorded by the backends. Defaults to 0.
        """
        drawn = self.overlay(image, data_sample, draw_gt, draw_pred,
                             pred_score_thr)
        self._drawn = drawn
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)
        if out_file is not None:
            mmcv.imwrite(drawn[..., ::-1], out_file)
        else:
            self.add_image(name, drawn, step)

    def overlay(self,
                image: np.ndarray,
                data_sample: Optional[DetDataSample] = None,
                draw_gt: bool = False,
                draw_pred: bool = True,
                pred_score_thr: float = 0.3) -> np.ndarray:
        """Draw one frame; ground truth left of the prediction if both.

        Frames of a video come in order: trails grow from call to call and
        start anew with frame 0 or another ``video_id``.

        Args:
            image (np.ndarray): The frame at its original size, RGB.
            data_sample (DetDataSample, optional): Sample of the frame.
                Defaults to None.
            draw_gt (bool): Draw the ground truth, where there is one.
                Defaults to False.
            draw_pred (bool): Draw ``pred_track_instances``. Defaults to
                True.
            pred_score_thr (float): Least score drawn. Defaults to 0.3.

        Returns:
            np.ndarray: ``(h', w', 3)`` uint8 RGB.
        """
        image = np.ascontiguousarray(np.clip(image, 0, 255), dtype=np.uint8)
        size = image.shape[:2]
        canvas = self._enlarge(image)
        if data_sample is None:
            return canvas.copy()
        self._follow_video(data_sample)
        panels = []
        truth = ground_truth(data_sample) if draw_gt else None
        if truth is not None:
            panels.append(self._draw(canvas, truth, size, self._trails[0]))
        pred = data_sample.get('pred_track_instances')
        if draw_pred and pred is not None:
            pred = pred.cpu()
            if 'scores' in pred:
                pred = pred[pred.scores >= pred_score_thr]
            panels.append(self._draw(canvas, pred, size, self._trails[1]))
        if len(panels) == 2:
            for panel, caption in zip(panels, ('ground truth', 'prediction')):
                text.draw_caption(panel, caption, self._text_size(canvas))
        return np.concatenate(panels, axis=1) if panels else canvas.copy()

    def _enlarge(self, image: np.ndarray) -> np.ndarray:
        factor = -(-self.min_side // min(image.shape[:2]))
        if factor <= 1:
            return image
        return cv2.resize(
            image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)

    def _follow_video(self, data_sample: DetDataSample) -> None:
        video = data_sample.get('video_id')
        frame = data_sample.get('frame_id', self._last_frame[1] + 1)
        if video != self._last_frame[0] or frame <= self._last_frame[1]:
            self.reset()
        self._last_frame = (video, frame)

    def _text_size(self, canvas: np.ndarray) -> int:
        return self.text_size or text.text_size_for(*canvas.shape[:2])

    def _draw(self, canvas: np.ndarray, instances: InstanceData,
              size: Sequence[int], trails: TrackTrails) -> np.ndarray:
        """Draw instances of a frame of ``size`` (h, w) on its canvas."""
        panel = _panel(instances, size, canvas.shape[:2])
        colors = panel.colors
        width = int(
            self.line_width or max(round(min(canvas.shape[:2]) / 300), 1))
        boxed = np.full(len(panel.ids), self.draw_bbox is not False)
        if panel.masks is None:
            drawn = canvas.copy()
        else:
            drawn = overlay.blend_masks(canvas, panel.masks, colors,
                                        self.alpha)
            if self.draw_contour:
                overlay.draw_contours(drawn, panel.masks, colors, width)
            if self.draw_bbox is None:
                boxed = ~panel.masks.any(axis=(1, 2))
        overlay.draw_boxes(drawn, panel.boxes[boxed], colors[boxed], width)
        if trails.length:
            centers = (panel.boxes[:, :2] + panel.boxes[:, 2:]) / 2
            lines = trails.update(panel.ids, centers)
            overlay.draw_trails(drawn, lines, colors, width)
        self._write(drawn, panel)
        return drawn

    def _write(self, drawn: np.ndarray, panel: _Panel) -> None:
        """Write labels and legend, in place."""
        classes = (self.dataset_meta or {}).get('classes')
        names = [_class_name(label, classes) for label in panel.labels]
        tags = [f'{name} #{i}' for name, i in zip(names, panel.ids)]
        size = self._text_size(drawn)
        if self.draw_label:
            lines = tags
            if panel.scores is not None:
                lines = [f'{t} {s:.2f}' for t, s in zip(tags, panel.scores)]
            text.draw_labels(drawn, lines, panel.boxes, panel.colors, size)
        if self.legend:
            text.draw_panel(drawn, tags, panel.colors, size)


def _class_name(label: int, classes: Optional[Sequence[str]]) -> str:
    if classes is None or not 0 <= label < len(classes):
        return f'class {label}'
    return classes[label]


def _to_numpy(values: Union[torch.Tensor, np.ndarray]) -> np.ndarray:
    if hasattr(values, 'tensor'):  # BaseBoxes
        values = values.tensor
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    return np.asarray(values)


def _panel(instances: InstanceData, size: Sequence[int],
           canvas: Sequence[int]) -> _Panel:
    """Convert instances of a frame of ``size`` to pixels of the canvas."""
    num = len(instances)
    masks = boxes = scores = None
    if 'masks' in instances:
        masks = overlay.dense_masks(instances.masks, *size)
        masks = overlay.resize_masks(masks, *canvas)
    if 'bboxes' in instances:
        scale = np.array([canvas[1] / size[1], canvas[0] / size[0]] * 2)
        boxes = _to_numpy(instances.bboxes).reshape(-1, 4) * scale
    elif masks is not None:
        boxes = overlay.mask_boxes(masks)
    else:
        boxes = np.zeros((num, 4))
    if 'scores' in instances:
        scores = _to_numpy(instances.scores)
    ids = instances.get('instances_id', instances.get('instances_ids'))
    ids = [-1] * num if ids is None else _to_numpy(ids).tolist()
    labels = _to_numpy(instances.labels).tolist()
    return _Panel(ids, labels, scores, boxes, masks)


def ground_truth(data_sample: DetDataSample) -> Optional[InstanceData]:
    """Return the ground truth of a frame at its original resolution.

    Args:
        data_sample (DetDataSample): Sample of the frame, with the raw
            records in the metainfo ``instances`` or with ``gt_instances``.

    Returns:
        InstanceData or None: ``bboxes``, ``labels``, ``instances_id`` and,
        where all records have one, ``masks``; None if nothing is known.
    """
    if not data_sample.get('has_ann', True):
        return None
    records = data_sample.get('instances')
    if records is None:
        return data_sample.get('gt_instances')
    records = [r for r in records if not r.get('ignore_flag', 0)]
    truth = InstanceData(
        bboxes=np.array([r['bbox'] for r in records]).reshape(-1, 4),
        labels=np.array([r['bbox_label'] for r in records], dtype=np.int64),
        instances_id=np.array([r['instance_id'] for r in records],
                              dtype=np.int64))
    if all('mask' in record for record in records):
        shape = data_sample.ori_shape[:2]
        truth.masks = [as_rle(r['mask'], *shape) for r in records]
    return truth
