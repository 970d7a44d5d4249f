"""One video on its way through an online model."""
from typing import Any, Iterator, List, Optional, Sequence, Tuple

import numpy as np
import torch
from mmcv.transforms import Compose
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.config import Config

from mmvis_plugin.datasets.transforms import PackClipInputs
from mmvis_plugin.models.online_video_model import (FrameOutput,
                                                    OnlineVideoModel,
                                                    set_result)
from mmvis_plugin.registry import TRANSFORMS
from mmvis_plugin.utils.errors import AnnotationError

Paths = Optional[Sequence[Optional[str]]]


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
    """Feed a video to a model, some frames at a time.

    A stream holds the state of its video, so several streams of one model
    can be stepped in turn. :meth:`step` and :meth:`steps` return what is
    known from the frames so far; memory does not grow with their number.
    :meth:`keep` returns nothing yet and keeps what :meth:`finish` needs for
    the results of the whole video, which are those of ``tools/test.py``.

    Args:
        model (OnlineVideoModel): From ``init_video_model``.
        video_len (int, optional): Length of the video where it is known; no
            result depends on it. Defaults to None.
        video_id (int): Id of the video in the results. Defaults to 0.
        video_name (str, optional): Its name in the results. Defaults to
            None.
    """

    def __init__(self,
                 model: OnlineVideoModel,
                 video_len: Optional[int] = None,
                 video_id: int = 0,
                 video_name: Optional[str] = None) -> None:
        self.model = model
        self.video_len = video_len
        self.video_id = video_id
        self.video_name = video_name
        self.num_frames = 0
        self._size = None
        self._state: Any = None
        self._kept: List[FrameOutput] = []
        self._transforms = frame_transforms(model.cfg)
        self._pack = PackClipInputs()

    @property
    def state(self) -> Any:
        """What the model carries; None before the first frame."""
        return self._state

    def step(self,
             img: np.ndarray,
             img_path: Optional[str] = None) -> DetDataSample:
        """Process the next frame.

        Args:
            img (np.ndarray): ``(h, w, 3)`` uint8 BGR.
            img_path (str, optional): File of the frame. Defaults to None.

        Returns:
            DetDataSample: With ``pred_track_instances`` or what else the
            model predicts, in pixels of ``img``, as known from the frames so
            far.

        Raises:
            AnnotationError: If it is no colour image or has another size
                than the frames before.
        """
        return self.steps([img], [img_path])[0]

    @torch.no_grad()
    def steps(self,
              imgs: Sequence[np.ndarray],
              img_paths: Paths = None) -> List[DetDataSample]:
        """Process the next frames; results do not depend on their number.

        Args:
            imgs (Sequence[np.ndarray]): Each as :meth:`step` takes it; they
                are encoded at once.
            img_paths (Sequence[str], optional): Their files. Defaults to
                None.

        Returns:
            list[DetDataSample]: One per frame.
        """
        return [
            self._result(meta, output)
            for meta, output in self._advance(imgs, img_paths)
        ]

    @torch.no_grad()
    def keep(self,
             imgs: Sequence[np.ndarray],
             img_paths: Paths = None) -> Optional[DetDataSample]:
        """Process the next frames for :meth:`finish`.

        Args:
            imgs (Sequence[np.ndarray]): As :meth:`steps` takes them.
            img_paths (Sequence[str], optional): Their files. Defaults to
                None.

        Returns:
            DetDataSample or None: On the first call, its first frame as it
            is known so far: with the fields that the results will have.
        """
        first = None
        for meta, output in self._advance(imgs, img_paths):
            if not self._kept:
                first = self._result(meta, output)
            self._kept.append(output)
        return first

    @torch.no_grad()
    def finish(self) -> TrackDataSample:
        """Return the results of all frames that were kept.

        Raises:
            ValueError: If there are none.
        """
        if not self._kept:
            raise ValueError('no frame was kept, expected keep() before '
                             'finish()')
        kept, self._kept = self._kept, []
        return self.model.finish(kept, self._state)

    def _result(self, meta: dict, output: FrameOutput) -> DetDataSample:
        result = DetDataSample(metainfo=meta)
        set_result(result, self.model.online_result(output, self._state))
        return result

    def _advance(self, imgs: Sequence[np.ndarray],
                 img_paths: Paths) -> Iterator[Tuple[dict, FrameOutput]]:
        """Yield metainfo and output of each frame, once it is processed."""
        data = self._pack(self._records(imgs, img_paths or [None] * len(imgs)))
        data = self.model.data_preprocessor(
            dict(inputs=[data['inputs']], data_samples=[data['data_samples']]),
            False)
        metas = [frame.metainfo for frame in data['data_samples'][0]]
        feats = self.model.encode(data['inputs'][0])
        for i, meta in enumerate(metas):
            if self.num_frames == 0:
                self._state = self.model.init_state(meta)
            output, self._state = self.model.advance(
                [feat[i:i + 1] for feat in feats], meta, self._state)
            self.num_frames += 1
            yield meta, output

    def _records(self, imgs: Sequence[np.ndarray],
                 img_paths: Sequence) -> dict:
        frames = [
            self._frame_record(self.num_frames + i, img, path)
            for i, (img, path) in enumerate(zip(imgs, img_paths))
        ]
        return {key: [frame.get(key) for frame in frames] for key in frames[0]}

    def _check(self, index: int, img: np.ndarray) -> None:
        if img.ndim != 3 or img.shape[2] != 3 or img.dtype != np.uint8:
            raise AnnotationError(
                f'frame {index}: {img.dtype} array of shape {img.shape}, '
                'expected uint8 (h, w, 3) in BGR order')
        self._size = self._size or img.shape[:2]
        if img.shape[:2] != self._size:
            raise AnnotationError(
                f'frame {index}: size {img.shape[:2]}, expected {self._size} '
                '(h, w) as before; start a new video where the size changes')

    def _frame_record(self, index: int, img: np.ndarray,
                      img_path: Optional[str]) -> dict:
        self._check(index, img)
        size = img.shape[:2]
        results = self._transforms(
            dict(
                img=img,
                img_shape=size,
                ori_shape=size,
                scale_factor=(1., 1.),
                flip=False,
                flip_direction=None))
        results.update(img_id=index, frame_id=index, video_id=self.video_id)
        known = dict(
            img_path=img_path,
            video_name=self.video_name,
            video_length=self.video_len,
            ori_video_length=self.video_len)
        results.update({k: v for k, v in known.items() if v is not None})
        return results
