"""One video on its way through an online model."""
from typing import Any, List, Optional

import numpy as np
import torch
from mmcv.transforms import Compose
from mmdet.structures import DetDataSample
from mmengine.config import Config

from mmvis_plugin.datasets.transforms import PackClipInputs
from mmvis_plugin.models.online_video_model import OnlineVideoModel, set_result
from mmvis_plugin.registry import TRANSFORMS
from mmvis_plugin.utils.errors import AnnotationError


def frame_transforms(cfg: Config) -> Compose:
    """Build what the test pipeline of a config does to a loaded frame.

    Args:
        cfg (Config): Config with ``test_dataloader``; without it frames
            stay as they are.

    Returns:
        Compose: The transforms of the pipeline except those that load, pack
        or sample.
    """
    steps: List[dict] = []
    dataloader = cfg.get('test_dataloader') or {}
    for step in dataloader.get('dataset', {}).get('pipeline', ()):
        steps.extend(step.get('transforms', [step]))
    kept = [
        step for step in steps if not any(
            word in str(step['type']) for word in ('Load', 'Pack', 'Sample'))
    ]
    return Compose([TRANSFORMS.build(step) for step in kept])


class VideoStream:
    """Feed a video to a model, one frame at a time.

    A stream holds the state of its video, so several streams of one model
    can be stepped in turn. Memory does not grow with the number of frames.

    Args:
        model (OnlineVideoModel): From ``init_video_model``.
        video_len (int, optional): Length of the video where it is known; no
            result depends on it. Defaults to None.
        video_id (int): Id of the video in the results. Defaults to 0.
    """

    def __init__(self,
                 model: OnlineVideoModel,
                 video_len: Optional[int] = None,
                 video_id: int = 0) -> None:
        self.model = model
        self.video_len = video_len
        self.video_id = video_id
        self.num_frames = 0
        self._size = None
        self._state: Any = None
        self._transforms = frame_transforms(model.cfg)
        self._pack = PackClipInputs()

    @property
    def state(self) -> Any:
        """What the model carries; None before the first frame."""
        return self._state

    @torch.no_grad()
    def step(self, img: np.ndarray) -> DetDataSample:
        """Process the next frame.

        Args:
            img (np.ndarray): ``(h, w, 3)`` uint8 BGR.

        Returns:
            DetDataSample: With ``pred_track_instances`` or what else the
            model predicts, in pixels of ``img``, as known from the frames so
            far.

        Raises:
            AnnotationError: If it is no colour image or has another size
                than the frames before.
        """
        self._check(img)
        data = self._pack(self._frame_record(img))
        data = self.model.data_preprocessor(
            dict(inputs=[data['inputs']], data_samples=[data['data_samples']]),
            False)
        meta = data['data_samples'][0][0].metainfo
        if self.num_frames == 0:
            self._state = self.model.init_state(meta)
        output, self._state = self.model.step(data['inputs'][:, 0], meta,
                                              self._state)
        result = DetDataSample(metainfo=meta)
        set_result(result, self.model.online_result(output, self._state))
        self.num_frames += 1
        return result

    def _check(self, img: np.ndarray) -> None:
        if img.ndim != 3 or img.shape[2] != 3 or img.dtype != np.uint8:
            raise AnnotationError(
                f'frame {self.num_frames}: {img.dtype} array of shape '
                f'{img.shape}, expected uint8 (h, w, 3) in BGR order')
        self._size = self._size or img.shape[:2]
        if img.shape[:2] != self._size:
            raise AnnotationError(
                f'frame {self.num_frames}: size {img.shape[:2]}, expected '
                f'{self._size} (h, w) as before; start a new video where '
                'the size changes')

    def _frame_record(self, img: np.ndarray) -> dict:
        size = img.shape[:2]
        results = self._transforms(
            dict(
                img=img,
                img_shape=size,
                ori_shape=size,
                scale_factor=(1., 1.),
                flip=False,
                flip_direction=None))
        results.update(
            img_id=self.num_frames,
            frame_id=self.num_frames,
            video_id=self.video_id)
        if self.video_len is not None:
            results.update(
                video_length=self.video_len, ori_video_length=self.video_len)
        return {key: [value] for key, value in results.items()}
