"""What becomes of the results of a video."""
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Optional

import numpy as np
from mmdet.structures import DetDataSample

from mmvis_plugin.visualization import VideoVisualizer

_FOUND = dict(
    maps='panoptic maps', masks='tracks with masks', boxes='tracks as boxes')
_WANTED = dict(_FOUND, boxes='tracks')


def result_kind(sample: DetDataSample) -> str:
    """Tell what a model predicts.

    Args:
        sample (DetDataSample): A frame with its result.

    Returns:
        str: 'maps' (panoptic), 'masks' (tracks with masks) or 'boxes'.

    Raises:
        ValueError: If it is none of these.
    """
    if 'pred_panoptic_seg' in sample:
        return 'maps'
    if 'pred_track_instances' not in sample:
        raise ValueError(
            f'the model predicts {sorted(sample.keys())}, expected '
            'pred_track_instances or pred_panoptic_seg')
    return 'masks' if 'masks' in sample.pred_track_instances else 'boxes'


class FrameView:
    """A frame with its result and, once somebody asks, its overlay.

    Args:
        sample (DetDataSample): The result.
        frame (np.ndarray, optional): ``(h, w, 3)`` uint8 BGR; None where
            nobody wants to see it.
        visualizer (VideoVisualizer, optional): Draws the overlay.
        draw_pred (bool): Draw the result. Defaults to True.
        score_thr (float): Least score drawn. Defaults to 0.3.
    """

    def __init__(self,
                 sample: DetDataSample,
                 frame: Optional[np.ndarray] = None,
                 visualizer: Optional[VideoVisualizer] = None,
                 draw_pred: bool = True,
                 score_thr: float = 0.3) -> None:
        self.sample = sample
        self.frame = frame
        self.draw_pred = draw_pred
        self.score_thr = score_thr
        self._visualizer = visualizer

    @cached_property
    def overlay(self) -> np.ndarray:
        """np.ndarray: ``(h', w', 3)`` uint8 RGB, drawn once."""
        return self.drawn_by(self._visualizer)

    def drawn_by(self, visualizer: VideoVisualizer) -> np.ndarray:
        """Return an overlay of another visualizer.

        Args:
            visualizer (VideoVisualizer): Gets the frames in order.

        Returns:
            np.ndarray: ``(h', w', 3)`` uint8 RGB.
        """
        return visualizer.overlay(
            self.frame[..., ::-1],
            self.sample,
            draw_pred=self.draw_pred,
            pred_score_thr=self.score_thr)


class ResultWriter(ABC):
    """One output of a video: a context manager that gets frame after frame.

    What it writes has its name once it is complete. When an error leaves the
    context, nothing half-written stays.

    Attributes:
        needs (str): 'masks', 'boxes' (which tracks with masks have too) or
            'maps'; '' takes any result.
        needs_frames (bool): Whether it looks at frames and overlays.
        path (str, optional): File or folder that it writes.
    """
    needs = ''
    needs_frames = False
    path: Optional[str] = None

    def check(self, sample: DetDataSample) -> None:
        """Refuse a model with other results.

        Args:
            sample (DetDataSample): Any frame with its result.

        Raises:
            ValueError: If the output does not fit.
        """
        found = result_kind(sample)
        has = ('masks', 'boxes') if found == 'masks' else (found, )
        if self.needs and self.needs not in has:
            raise ValueError(
                f'{self.path}: this output holds {_WANTED[self.needs]}, but '
                f'the model predicts {_FOUND[found]}; choose another kind of '
                'output or another model')

    @abstractmethod
    def write(self, view: FrameView) -> None:
        """Take in the next frame.

        Args:
            view (FrameView): Frames come in order.
        """

    @abstractmethod
    def close(self) -> None:
        """Complete what is written."""

    def abort(self) -> None:
        """Drop what is not complete."""

    def __enter__(self) -> 'ResultWriter':
        return self

    def __exit__(self, exc_type, exc_value, traceback) -> None:
        if exc_type is None:
            self.close()
        else:
            self.abort()
