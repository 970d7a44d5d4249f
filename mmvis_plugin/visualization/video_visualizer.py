"""Overlay of tracks on video frames."""
from typing import List, Optional, Sequence, Tuple, Union

import cv2
import mmcv
import numpy as np
from mmdet.structures import DetDataSample
from mmdet.visualization import TrackLocalVisualizer
from mmengine.dist import master_only
from mmengine.structures import InstanceData

from mmvis_plugin.registry import VISUALIZERS
from . import overlay, panoptic_overlay, text
from .frame_panel import FramePanel
from .ground_truth import ground_truth, panoptic_truth
from .panoptic_overlay import PanopticPanel
from .track_trails import TrackTrails

_Layer = Tuple[Optional[InstanceData], Optional[PanopticPanel]]


@VISUALIZERS.register_module()
class VideoVisualizer(TrackLocalVisualizer):
    """Draw masks, boxes, labels and trails, coloured by track id.

    The colour of an id is the same on every frame, run and machine. Of
    panoptic maps, stuff wears the colour of its class in
    ``dataset_meta['palette']`` and the void is hatched. Line widths and text
    follow the size of the frame. Drawing is numpy and OpenCV; matplotlib is
    only touched by the inherited ``draw_*`` methods.

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
        max_width (int, optional): Largest width of what is drawn; wider
            frames are shrunk first, so that text stays readable. Defaults
            to None.
        draw_ignored (bool): Draw ignored objects of the ground truth too,
            hatched. Defaults to False.
        hatch_void (bool): Hatch the void of panoptic maps, else leave it
            plain. Defaults to True.
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
                 min_side: int = 256,
                 max_width: Optional[int] = None,
                 draw_ignored: bool = False,
                 hatch_void: bool = True) -> None:
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
        self.max_width = max_width
        self.draw_ignored = draw_ignored
        self.hatch_void = hatch_void
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
            draw_pred (bool): Draw ``pred_panoptic_seg`` or, without it,
                ``pred_track_instances``. Defaults to True.
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
            draw_pred (bool): Draw ``pred_panoptic_seg`` or, without it,
                ``pred_track_instances``. Defaults to True.
            pred_score_thr (float): Least score drawn. Defaults to 0.3.

        Returns:
            np.ndarray: ``(h', w', 3)`` uint8 RGB.
        """
        image = np.ascontiguousarray(np.clip(image, 0, 255), dtype=np.uint8)
        size = image.shape[:2]
        canvas = self._resize(image)
        if data_sample is None:
            return canvas.copy()
        self._follow_video(data_sample)
        layers = []
        if draw_gt:
            layers.append(self._truth(data_sample, canvas))
        if draw_pred:
            layers.append(
                self._prediction(data_sample, canvas, pred_score_thr))
        captions = ('ground truth', 'prediction')
        known = [
            i for i, layer in enumerate(layers)
            if any(part is not None for part in layer)
        ]
        panels = [
            self._draw(canvas, *layers[i], size,
                       self._trails[i + (not draw_gt)],
                       captions[i] if len(known) == 2 else None) for i in known
        ]
        return np.concatenate(panels, axis=1) if panels else canvas.copy()

    def _truth(self, data_sample: DetDataSample, canvas: np.ndarray) -> _Layer:
        found = panoptic_truth(data_sample)
        if found is not None:
            found = PanopticPanel.from_annotation(*found, *canvas.shape[:2])
        return ground_truth(data_sample, self.draw_ignored), found

    def _prediction(self, data_sample: DetDataSample, canvas: np.ndarray,
                    score_thr: float) -> _Layer:
        if 'pred_panoptic_seg' in data_sample:
            return None, PanopticPanel.from_prediction(
                data_sample.pred_panoptic_seg.sem_seg, *canvas.shape[:2],
                self.dataset_meta)
        pred = data_sample.get('pred_track_instances')
        if pred is not None:
            pred = pred.cpu()
            if 'scores' in pred:
                pred = pred[pred.scores >= score_thr]
        return pred, None

    def _resize(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        new_width = width * max(-(-self.min_side // min(height, width)), 1)
        new_width = min(new_width, self.max_width or new_width)
        if new_width == width:
            return image
        size = (new_width, max(round(height * new_width / width), 1))
        shrinks = new_width < width
        how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        return cv2.resize(image, size, interpolation=how)

    def _follow_video(self, data_sample: DetDataSample) -> None:
        video = data_sample.get('video_id')
        frame = data_sample.get('frame_id', self._last_frame[1] + 1)
        if video != self._last_frame[0] or frame <= self._last_frame[1]:
            self.reset()
        self._last_frame = (video, frame)

    def _text_size(self, canvas: np.ndarray) -> int:
        return self.text_size or text.text_size_for(*canvas.shape[:2])

    def _draw(self, canvas: np.ndarray, tracks: Optional[InstanceData],
              segments: Optional[PanopticPanel], size: Sequence[int],
              trails: TrackTrails, caption: Optional[str]) -> np.ndarray:
        """Draw what is known of a frame of ``size`` (h, w) on its canvas."""
        width = int(
            self.line_width or max(round(min(canvas.shape[:2]) / 300), 1))
        outline = width if self.draw_contour else 0
        if segments is not None:
            colors = segments.colors(self.dataset_meta)
            drawn = panoptic_overlay.draw_segments(
                canvas, segments, colors, self.alpha, outline,
                8 * width if self.hatch_void else 0)
        if tracks is not None and (segments is None or len(tracks) > 0):
            panel = FramePanel.from_instances(tracks, size, canvas.shape[:2])
        else:
            panel = FramePanel.from_segments(segments)
        if segments is None:
            drawn = self._paint(canvas, panel, outline, 8 * width)
        self._draw_lines(drawn, panel, segments is not None, width, trails)
        self._write(drawn, panel, segments, caption)
        return drawn

    def _paint(self, canvas: np.ndarray, panel: FramePanel, outline: int,
               period: int) -> np.ndarray:
        if panel.masks is None:
            return canvas.copy()
        filled = panel.masks
        if panel.ignored.any():
            hatch = panoptic_overlay.stripes(*canvas.shape[:2], period)
            filled = filled & (hatch | ~panel.ignored[:, None, None])
        drawn = overlay.blend_masks(canvas, filled, panel.colors, self.alpha)
        if outline:
            overlay.draw_contours(drawn, panel.masks, panel.colors, outline)
        return drawn

    def _draw_lines(self, drawn: np.ndarray, panel: FramePanel, painted: bool,
                    width: int, trails: TrackTrails) -> None:
        """Draw boxes and trails, in place."""
        boxed = np.full(len(panel.ids), self.draw_bbox is not False)
        if self.draw_bbox is None and painted:
            boxed[:] = False
        elif self.draw_bbox is None and panel.masks is not None:
            boxed = ~panel.masks.any(axis=(1, 2))
        overlay.draw_boxes(drawn, panel.boxes[boxed], panel.colors[boxed],
                           width)
        if trails.length:
            centers = (panel.boxes[:, :2] + panel.boxes[:, 2:]) / 2
            lines = trails.update(panel.ids.tolist(), centers)
            overlay.draw_trails(drawn, lines, panel.colors, width)

    def _write(self, drawn: np.ndarray, panel: FramePanel,
               segments: Optional[PanopticPanel],
               caption: Optional[str]) -> None:
        """Write caption, legend and labels, in place."""
        size, taken = self._text_size(drawn), []
        tags = self._tags(panel)
        if caption is not None:
            text.draw_caption(drawn, caption, size)
            taken.append(text.caption_rect(drawn, caption, size))
        if self.legend:
            text.draw_panel(drawn, tags, panel.colors, size)
            taken.append(text.panel_rect(drawn, tags, size))
        if not self.draw_label:
            return
        lines = tags
        if panel.scores is not None:
            lines = [f'{t} {s:.2f}' for t, s in zip(tags, panel.scores)]
        short = [f'#{i}' if i >= 0 else t for t, i in zip(tags, panel.ids)]
        text.draw_labels(drawn, lines, panel.boxes, panel.colors, size, taken,
                         short)
        if segments is not None:
            names = [self._class_name(label) for label in segments.labels]
            panoptic_overlay.draw_stuff_names(
                drawn, segments, names, segments.colors(self.dataset_meta),
                size, taken)

    def _tags(self, panel: FramePanel) -> List[str]:
        rows = zip(panel.labels, panel.ids, panel.ignored)
        return [
            self._class_name(label) + (f' #{i}' if i >= 0 else '') +
            (' ignored' if ignored else '') for label, i, ignored in rows
        ]

    def _class_name(self, label: int) -> str:
        classes = (self.dataset_meta or {}).get('classes')
        if classes is None or not 0 <= label < len(classes):
            return f'class {label}'
        return classes[label]
