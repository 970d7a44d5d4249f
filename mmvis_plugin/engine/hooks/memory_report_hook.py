"""Log the memory that videos take."""
from typing import Optional, Sequence

import torch
from mmdet.structures import TrackDataSample
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmvis_plugin.registry import HOOKS
from mmvis_plugin.utils.memory import resident_bytes

_MEBI = 2**20


@HOOKS.register_module()
class MemoryReportHook(Hook):
    """Log the memory of each video of a test or validation.

    When the last frame of a video is done, a line gives the resident memory
    of the process and, on a GPU, the peak of what was allocated there since
    the video before. Every process logs its own videos.

    Args:
        interval (int): Report every n-th video. Defaults to 1.
    """
    priority = 'LOWEST'

    def __init__(self, interval: int = 1) -> None:
        if interval < 1:
            raise ValueError(f'interval={interval} of MemoryReportHook, '
                             'expected at least 1')
        self.interval = interval
        self._num_videos = 0

    def before_val(self, runner: Runner) -> None:
        """Count from the first video.

        Args:
            runner (Runner): The runner.
        """
        self._num_videos = 0

    before_test = before_val

    def _after_iter(self,
                    runner: Runner,
                    batch_idx: int,
                    data_batch: Optional[dict] = None,
                    outputs: Optional[Sequence[TrackDataSample]] = None,
                    mode: str = 'train') -> None:
        if mode == 'train':
            return
        for sample in outputs or ():
            frame = sample[-1] if isinstance(sample, TrackDataSample) else None
            if frame is None or frame.frame_id + 1 < frame.ori_video_length:
                continue
            self._num_videos += 1
            if self._num_videos % self.interval == 0:
                print_log(_report(frame), 'current')
            if torch.cuda.is_available():
                torch.cuda.reset_peak_memory_stats()


def _report(frame) -> str:
    name = frame.get('video_name', f'video {frame.get("video_id")}')
    text = (f'{name}: {frame.ori_video_length} frames, resident memory '
            f'{resident_bytes() / _MEBI:.0f} MiB')
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated() / _MEBI
        text += f', peak on the GPU {peak:.0f} MiB'
    return text
