"""Draw the results of a test or validation run."""
import os.path as osp
import re
from contextlib import ExitStack
from typing import List, Optional, Sequence, Union

import cv2
import mmcv
import numpy as np
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine import fileio
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import Tensor

from mmvis_plugin.registry import HOOKS
from mmvis_plugin.utils.errors import AnnotationError
from mmvis_plugin.visualization import FrameFolder, VideoSink, VideoVisualizer


@HOOKS.register_module()
class VideoVisualizationHook(Hook):
    """Draw predicted tracks into files, a window, or the visual backends.

    A test run with ``test_out_dir`` leaves ``<test_out_dir>/<video>.mp4``
    and the frames as ``<test_out_dir>/<video>/00000.png``, ... Otherwise
    frames go to the window or to the backends.

    Whole videos, windows and single frames are handled alike, one video
    after the other. Samples marked ``provisional`` are passed over: their
    results come with the last window of the video. Every rank draws its own
    videos.

    Args:
        draw (bool): Draw at all. Defaults to False.
        score_thr (float): Least score drawn. Defaults to 0.3.
        show (bool): Open a window. Defaults to False.
        wait_time (float): Seconds a frame stays in the window; 0 waits for
            a key. Defaults to 0.
        test_out_dir (str, optional): Folder of the files. Defaults to None.
        fps (float): Frames per second of the files. Defaults to 6, which is
            how YouTube-VIS is annotated.
        frame_interval (int): Without a window and a folder, every n-th frame
            of a video goes to the backends. Defaults to 30.
        draw_gt (bool): Draw the ground truth beside. Defaults to False.
        write_frames (bool): Write PNG files too. Defaults to True.
        max_videos (int, optional): Draw only the first videos of each rank.
            Defaults to None.
        backend_args (dict, optional): Arguments of the file backend.
            Defaults to None.
    """

    def __init__(self,
                 draw: bool = False,
                 score_thr: float = 0.3,
                 show: bool = False,
                 wait_time: float = 0.,
                 test_out_dir: Optional[str] = None,
                 fps: float = 6.,
                 frame_interval: int = 30,
                 draw_gt: bool = False,
                 write_frames: bool = True,
                 max_videos: Optional[int] = None,
                 backend_args: Optional[dict] = None) -> None:
        self.draw = draw
        self.score_thr = score_thr
        self.show = show
        self.wait_time = wait_time
        self.test_out_dir = test_out_dir
        self.fps = fps
        self.frame_interval = frame_interval
        self.draw_gt = draw_gt
        self.write_frames = write_frames
        self.max_videos = max_videos
        self.backend_args = backend_args
        self._visualizer: Optional[VideoVisualizer] = None
        self._sinks: List[Union[VideoSink, FrameFolder]] = []
        self._video: Optional[str] = None
        self._num_videos = 0
        self._step = 0

    def after_val_iter(
            self,
            runner: Runner,
            batch_idx: int,
            data_batch: Optional[dict] = None,
            outputs: Optional[Sequence[TrackDataSample]] = None) -> None:
        """Draw the frames of a batch for the window or the backends.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Number of the batch.
            data_batch (dict, optional): What the model got.
            outputs (Sequence[TrackDataSample], optional): Its results.
        """
        self._draw_batch(runner, data_batch, outputs, None)

    def after_test_iter(
            self,
            runner: Runner,
            batch_idx: int,
            data_batch: Optional[dict] = None,
            outputs: Optional[Sequence[TrackDataSample]] = None) -> None:
        """Draw the frames of a batch.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Number of the batch.
            data_batch (dict, optional): What the model got.
            outputs (Sequence[TrackDataSample], optional): Its results.
        """
        self._draw_batch(runner, data_batch, outputs, self.test_out_dir)

    def after_val_epoch(self,
                        runner: Runner,
                        metrics: Optional[dict] = None) -> None:
        """Forget the video that was drawn last.

        Args:
            runner (Runner): The runner.
            metrics (dict, optional): Results of the evaluation.
        """
        self._close_video()
        self._num_videos = 0

    def after_test_epoch(self,
                         runner: Runner,
                         metrics: Optional[dict] = None) -> None:
        """Complete the files and say where they are.

        Args:
            runner (Runner): The runner.
            metrics (dict, optional): Results of the evaluation.
        """
        self._close_video()
        if self.draw and self.test_out_dir is not None:
            num = self._num_videos
            num = num if self.max_videos is None else min(num, self.max_videos)
            print_log(f'drew {num} videos into {self.test_out_dir}', 'current')
        self._num_videos = 0

    def _draw_batch(self, runner: Runner, data_batch: Optional[dict],
                    outputs: Optional[Sequence[TrackDataSample]],
                    out_dir: Optional[str]) -> None:
        if not self.draw:
            return
        inputs = (data_batch or {}).get('inputs')
        for row, sample in enumerate(outputs or ()):
            if sample.get('provisional', False):
                continue
            pixels = () if inputs is None else inputs[row]
            # the last window returns frames whose pixels are long gone
            at_hand = len(pixels) == len(sample)
            for t, frame in enumerate(sample):
                self._draw_frame(runner, frame, pixels[t] if at_hand else None,
                                 out_dir)

    def _draw_frame(self, runner: Runner, frame: DetDataSample,
                    pixels: Optional[Tensor], out_dir: Optional[str]) -> None:
        name = str(frame.get('video_name', f'video_{frame.get("video_id")}'))
        frame_id = frame.get('frame_id', 0)
        if name != self._video or frame_id == 0:
            self._open_video(name, out_dir)
        to_backends = not self.show and out_dir is None
        left_out = to_backends and frame_id % self.frame_interval
        if left_out or self._over_limit():
            return
        visualizer = self._pick_visualizer(runner)
        drawn = visualizer.overlay(
            self._read(frame, pixels),
            frame,
            draw_gt=self.draw_gt,
            pred_score_thr=self.score_thr)
        if self.show:
            visualizer.show(drawn, win_name=name, wait_time=self.wait_time)
        for sink in self._sinks:
            sink.write(drawn)
        if to_backends:
            self._step += 1
            runner.visualizer.add_image(name, drawn, self._step)

    def _pick_visualizer(self, runner: Runner) -> VideoVisualizer:
        """Return the runner's visualizer if it can draw tracks."""
        if isinstance(runner.visualizer, VideoVisualizer):
            return runner.visualizer
        if self._visualizer is None:
            self._visualizer = VideoVisualizer('video_visualization_hook')
        self._visualizer.dataset_meta = runner.visualizer.dataset_meta
        return self._visualizer

    def _open_video(self, name: str, out_dir: Optional[str]) -> None:
        self._close_video()
        self._video = name
        self._num_videos += 1
        if out_dir is None or self._over_limit():
            return
        # names of videos may hold folders, which must not lead elsewhere
        safe = re.sub(r'[^\w.-]+', '_', name).strip('.') or 'video'
        stem = osp.join(out_dir, safe)
        self._sinks = [VideoSink(f'{stem}.mp4', self.fps)]
        if self.write_frames:
            self._sinks.append(FrameFolder(stem))

    def _over_limit(self) -> bool:
        return self.max_videos is not None and \
            self._num_videos > self.max_videos

    def _close_video(self) -> None:
        with ExitStack() as stack:
            for sink in self._sinks:
                stack.callback(sink.close)
        self._sinks, self._video = [], None

    def _read(self, frame: DetDataSample,
              pixels: Optional[Tensor]) -> np.ndarray:
        """Return the frame at its original size, RGB."""
        path = frame.get('img_path')
        if path is not None and fileio.exists(path, self.backend_args):
            content = fileio.get(path, self.backend_args)
            return mmcv.imfrombytes(content, channel_order='rgb')
        if pixels is None:
            raise AnnotationError(
                f'video {frame.get("video_name")}, frame '
                f'{frame.get("frame_id")}: there is no image file ({path}) '
                'and the pixels of earlier windows are gone; test whole '
                'videos (sampler window=None) to draw them')
        image = pixels.permute(1, 2, 0).cpu().numpy()[..., ::-1]
        height, width = frame.ori_shape[:2]
        return cv2.resize(np.ascontiguousarray(image), (width, height))
