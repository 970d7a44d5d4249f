"""The frame-by-frame contract of every online model."""
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from mmdet.models.mot import BaseMOTModel
from mmdet.structures import (DetDataSample, OptTrackSampleList,
                              TrackDataSample, TrackSampleList)
from mmengine.structures import BaseDataElement, InstanceData
from torch import Tensor, nn

FrameResult = Union[InstanceData, Dict[str, BaseDataElement]]
"""``pred_track_instances`` of a frame, or its fields by their names."""


@dataclass
class FrameOutput:
    """What a model keeps of one frame until its video is finished.

    Subclasses add tensors. Nothing here may be a dense mask: what outlives
    its frame is a feature, a parameter or an RLE.

    Attributes:
        metainfo (dict): Metainfo of the frame.
    """
    metainfo: dict


@dataclass
class _OpenVideo:
    """A video whose last frame has not been seen yet."""
    video_id: Any
    state: Any
    outputs: List[FrameOutput] = field(default_factory=list)

    @property
    def next_frame(self) -> int:
        return len(self.outputs)


class OnlineVideoModel(BaseMOTModel):
    """Base of models that see a video frame by frame.

    A frame comes in, identities go out, a bounded state is carried. A
    subclass says what a frame costs (:meth:`encode`), what is carried
    (:meth:`init_state`), how it changes (:meth:`advance`) and what the
    results are (:meth:`online_result` after each frame, :meth:`finish` at
    the end of the video). :meth:`predict` loops over these and gives the
    same results for whole videos, windows of any length and single frames.

    Args:
        feat_chunk (int): Frames that :meth:`encode` gets at once when a
            whole video or window is predicted. Results do not depend on it.
            Defaults to 1.
        data_preprocessor (dict, optional): Config of the preprocessor.
            Defaults to None.
        init_cfg (dict, optional): Initialisation config. Defaults to None.
    """

    def __init__(self,
                 feat_chunk: int = 1,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(
            data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        if feat_chunk < 1:
            raise ValueError(f'feat_chunk must be >= 1, got {feat_chunk}')
        self.feat_chunk = feat_chunk
        self._video: Optional[_OpenVideo] = None

    def frozen_modules(self) -> List[nn.Module]:
        """Return what is not trained; :meth:`train` leaves it in eval mode.

        A subclass that freezes parts overrides this and calls
        :meth:`freeze_parameters` once its parts are built.
        """
        return []

    def freeze_parameters(self) -> None:
        """Take the parameters of the frozen modules out of training."""
        for module in self.frozen_modules():
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> 'OnlineVideoModel':
        """Switch the mode; frozen modules stay in evaluation mode."""
        super().train(mode)
        if mode:
            for module in self.frozen_modules():
                module.eval()
        return self

    @abstractmethod
    def encode(self, inputs: Tensor) -> Sequence[Tensor]:
        """Compute what depends on single frames only.

        Args:
            inputs (Tensor): ``(F, 3, H, W)``, normalised and padded.

        Returns:
            Sequence[Tensor]: Features with leading dimension ``F``.
        """

    @abstractmethod
    def init_state(self, metainfo: dict) -> Any:
        """Return the state of a video before its first frame.

        Args:
            metainfo (dict): Metainfo of the first frame.
        """

    @abstractmethod
    def advance(self, feats: Sequence[Tensor], metainfo: dict,
                state: Any) -> Tuple[FrameOutput, Any]:
        """Process one encoded frame; pure: ``state`` is not changed.

        Args:
            feats (Sequence[Tensor]): :meth:`encode` of one frame.
            metainfo (dict): Metainfo of the frame.
            state (Any): What the previous frame left.

        Returns:
            tuple[FrameOutput, Any]: Output of the frame and the new state.
        """

    @abstractmethod
    def online_result(self, output: FrameOutput, state: Any) -> FrameResult:
        """Return what is known of a frame when only the past is known.

        Args:
            output (FrameOutput): Output of the frame.
            state (Any): The state after that frame.

        Returns:
            InstanceData or dict: ``instances_id``, ``bboxes`` (original
            pixels), ``labels``, ``scores`` and ``masks`` (list of COCO RLE);
            or fields such as ``pred_panoptic_seg`` by their names.
        """

    @abstractmethod
    def finish(self, outputs: List[FrameOutput],
               state: Any) -> TrackDataSample:
        """Return the results of a whole video.

        Args:
            outputs (list[FrameOutput]): One per frame, in order.
            state (Any): The state after the last frame.

        Returns:
            TrackDataSample: One frame per output.
        """

    def step(self, inputs: Tensor, metainfo: dict,
             state: Any) -> Tuple[FrameOutput, Any]:
        """Process one frame.

        Args:
            inputs (Tensor): ``(1, 3, H, W)``, normalised and padded.
            metainfo (dict): ``img_shape`` and ``ori_shape`` at least.
            state (Any): From :meth:`init_state` or the previous step.

        Returns:
            tuple[FrameOutput, Any]: Output of the frame and the new state.
        """
        return self.advance(self.encode(inputs), metainfo, state)

    def predict(self,
                inputs: Tensor,
                data_samples: OptTrackSampleList = None,
                **kwargs) -> TrackSampleList:
        """Predict whole videos or the next window of the open video.

        Args:
            inputs (Tensor): ``(B, T, 3, H, W)``, normalised and padded.
            data_samples (list[TrackDataSample]): ``B`` samples of ``T``
                frames. A frame with ``frame_id`` 0 opens a video, the one
                with ``frame_id == ori_video_length - 1`` ends it. Without
                ``ori_video_length`` the sample is the whole video.

        Returns:
            list[TrackDataSample]: For a sample that ends its video, all
            frames of the video with ``pred_track_instances``. For an earlier
            window the frames without predictions and the metainfo
            ``provisional=True``: their results come with the last window.

        Raises:
            ValueError: If frames of a video are missing or out of order.
        """
        return [
            self._predict_window(frames, sample)
            for frames, sample in zip(inputs, data_samples)
        ]

    def _predict_window(self, frames: Tensor,
                        sample: TrackDataSample) -> TrackDataSample:
        metas = [frame.metainfo for frame in sample]
        length = metas[0].get('ori_video_length', len(metas))
        video = self._continue_video(metas[0])
        for start in range(0, len(metas), self.feat_chunk):
            stop = start + self.feat_chunk
            feats = self.encode(frames[start:stop])
            for i, meta in enumerate(metas[start:stop]):
                self._check_order(video, meta)
                output, video.state = self.advance([f[i:i + 1] for f in feats],
                                                   meta, video.state)
                video.outputs.append(output)
        if video.next_frame < length:
            return as_track_sample(metas, provisional=True)
        self._video = None
        return self.finish(video.outputs, video.state)

    def _continue_video(self, meta: dict) -> _OpenVideo:
        """Open a video at frame 0, else check that ``meta`` follows."""
        if meta.get('frame_id', 0) == 0:
            self._video = _OpenVideo(
                meta.get('video_id'), self.init_state(meta))
        elif self._video is None or self._video.video_id != meta.get(
                'video_id'):
            raise ValueError(
                f'video {meta.get("video_id")} begins with frame '
                f'{meta["frame_id"]}, expected frame 0: feed the frames of '
                'one video in order, without another video in between')
        return self._video

    @staticmethod
    def _check_order(video: _OpenVideo, meta: dict) -> None:
        found = meta.get('frame_id', video.next_frame)
        if found != video.next_frame:
            raise ValueError(
                f'video {video.video_id}: frame {found} follows frame '
                f'{video.next_frame - 1}, expected frame {video.next_frame}: '
                'feed the frames of one video in order')


def set_result(frame: DetDataSample, result: FrameResult) -> None:
    """Add the result of a frame to its sample.

    Args:
        frame (DetDataSample): The sample.
        result (InstanceData or dict): ``pred_track_instances``, or fields by
            their names.
    """
    if isinstance(result, InstanceData):
        result = dict(pred_track_instances=result)
    for name, value in result.items():
        setattr(frame, name, value)


def as_track_sample(metas: Sequence[dict],
                    results: Optional[Sequence[FrameResult]] = None,
                    **metainfo) -> TrackDataSample:
    """Wrap per-frame metainfo and results as one sample.

    Args:
        metas (Sequence[dict]): Metainfo of each frame.
        results (Sequence, optional): ``pred_track_instances`` of each frame,
            or a dict of its fields. Defaults to None.
        **metainfo: Metainfo of the sample itself.

    Returns:
        TrackDataSample: One ``DetDataSample`` per frame.
    """
    frames = [DetDataSample(metainfo=meta) for meta in metas]
    for frame, result in zip(frames, results or ()):
        set_result(frame, result)
    sample = TrackDataSample(metainfo=metainfo)
    sample.video_data_samples = frames
    return sample
