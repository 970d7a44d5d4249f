"""Show or save tracks while a model is validated or tested."""
import os
import os.path as osp
import re
from typing import Any, Optional, Sequence

import mmcv
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmvis_plugin.registry import HOOKS
from mmvis_plugin.visualization import VideoSink


@HOOKS.register_module()
class VideoVisualizationHook(Hook):
    """Draw predicted tracks: one mp4 per video, a window, or the backends.

    Whole videos, windows and single frames are handled alike; windows whose
    result is provisional are skipped, their frames come with the last one.

    Args:
        draw (bool): Draw at all. Defaults to False.
        score_thr (float): Least score drawn. Defaults to 0.3.
        show (bool): Open a window. Defaults to False.
        wait_time (float): Seconds a frame stays in the window. Defaults
            to 0, which waits for a key.
        test_out_dir (str, optional): Folder of the mp4 files. Defaults to
            None.
        fps (float): Frames per second of the files. Defaults to 10.
        frame_interval (int): Without a window and a folder, every n-th frame
            goes to the visual backends. Defaults to 30.
    """

    def __init__(self,
                 draw: bool = False,
                 score_thr: float = 0.3,
                 show: bool = False,
                 wait_time: float = 0.,
                 test_out_dir: Optional[str] = None,
                 fps: float = 10.,
                 frame_interval: int = 30) -> None:
        self.draw = draw
        self.score_thr = score_thr
        self.show = show
        self.wait_time = wait_time
        self.test_out_dir = test_out_dir
        self.fps = fps
        self.frame_interval = frame_interval
        self._sink: Optional[VideoSink] = None
        self._step = 0

    def after_val_iter(self,
                       runner: Runner,
                       batch_idx: int,
                       data_batch: Any = None,
                       outputs: Optional[Sequence[TrackDataSample]] = None
                       ) -> None:
        """Draw what the model returned.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Number of the batch.
            data_batch (Any, optional): Not used.
            outputs (Sequence[TrackDataSample], optional): Predictions.
        """
        self._after_iter(runner, outputs)

    def after_test_iter(self,
                        runner: Runner,
                        batch_idx: int,
                        data_batch: Any = None,
                        outputs: Optional[Sequence[TrackDataSample]] = None
                        ) -> None:
        """Draw what the model returned.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Number of the batch.
            data_batch (Any, optional): Not used.
            outputs (Sequence[TrackDataSample], optional): Predictions.
        """
        self._after_iter(runner, outputs)

    def _after_iter(self, runner: Runner,
                    outputs: Optional[Sequence[TrackDataSample]]) -> None:
        if not self.draw:
            return
        for video in outputs or ():
            if not video.get('provisional', False):
                for frame in video.video_data_samples:
                    self._draw_frame(runner, frame)

    def _draw_frame(self, runner: Runner, frame: DetDataSample) -> None:
        self._step += 1
        to_backends = not self.show and self.test_out_dir is None
        if to_backends and frame.frame_id % self.frame_interval:
            return
        image = mmcv.imread(frame.img_path, channel_order='rgb')
        drawn = runner.visualizer.overlay(
            image, frame, pred_score_thr=self.score_thr)
        name = str(frame.get('video_name', f'video_{frame.video_id}'))
        if self.show:
            runner.visualizer.show(
                drawn, win_name=name, wait_time=self.wait_time)
        if self.test_out_dir is not None:
            self._write(frame, name, drawn)
        if to_backends:
            runner.visualizer.add_image(name, drawn, self._step)

    def _write(self, frame: DetDataSample, name: str, drawn: Any) -> None:
        if self._sink is None:
            os.makedirs(self.test_out_dir, exist_ok=True)
            safe_name = re.sub(r'[^\w.-]+', '_', name)
            self._sink = VideoSink(
                osp.join(self.test_out_dir, f'{safe_name}.mp4'), self.fps)
            self._sink.__enter__()
        self._sink.write(drawn)
        if frame.frame_id == frame.ori_video_length - 1:
            self._sink.close()
            self._sink = None
