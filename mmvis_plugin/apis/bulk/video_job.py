"""One of many videos through a model."""
from dataclasses import dataclass
from typing import NamedTuple, Optional, Tuple

from mmdet.structures import DetDataSample

from mmvis_plugin.utils.video_reader import VideoReader
from ..outputs import OUTPUT_KINDS, FrameView, OutputPlace, ResultWriter
from ..video_inferencer import DEFAULT_FPS, VideoInferencer
from .video_list import ListedVideo

_CUT = 0.9  # headers are estimates


class OutputMisfit(ValueError):
    """An output does not fit the model, whatever the video."""


@dataclass(frozen=True)
class BulkOptions:
    """What is to be done with each video; see :class:`VideoInferencer`.

    Attributes:
        outputs (tuple[str], optional): Kinds of outputs; None is the kind of
            results that fits the model.
        score_thr (float): Least score drawn, and kept in some outputs.
        online (bool): Results from the frames so far.
        max_frames (int, optional): Stop after so many frames.
        fps (float, optional): Frame rate of overlays.
    """
    outputs: Optional[Tuple[str, ...]] = None
    score_thr: float = 0.3
    online: bool = False
    max_frames: Optional[int] = None
    fps: Optional[float] = None


class VideoFacts(NamedTuple):
    """What was seen of a video.

    Attributes:
        frames (int): Number of frames.
        is_cut (bool): The header says there are more.
    """
    frames: int
    is_cut: bool


def run_video(inferencer: VideoInferencer,
              video: ListedVideo,
              out_dir: str,
              options: BulkOptions,
              clip_len: int = 1) -> VideoFacts:
    """Make the outputs of a video.

    Args:
        inferencer (VideoInferencer): The model.
        video (ListedVideo): The video.
        out_dir (str): Folder of the outputs.
        options (BulkOptions): What is to be done.
        clip_len (int): Frames that are encoded at once. Defaults to 1.

    Returns:
        VideoFacts: What was seen.

    Raises:
        OutputMisfit: If an output does not fit the model.
        Exception: Whatever a broken video leads to.
    """
    reader = VideoReader(video.source, options.max_frames)
    outputs = None
    if options.outputs is not None:
        outputs = [_OutputGuard(inferencer, options), *options.outputs]
    frames = 0
    for _ in inferencer(
            reader,
            stream=True,
            online=options.online,
            return_datasamples=True,
            no_save_vis=True,
            no_save_pred=False,
            outputs=outputs,
            pred_score_thr=options.score_thr,
            out_dir=out_dir,
            clip_len=clip_len,
            fps=options.fps,
            video_name=video.name):
        frames += 1
    return VideoFacts(frames, frames < _CUT * (reader.num_frames or 0))


class _OutputGuard(ResultWriter):
    """Tell outputs that fit no video from a video that is broken."""

    def __init__(self, inferencer: VideoInferencer,
                 options: BulkOptions) -> None:
        meta = inferencer.model.dataset_meta
        place = OutputPlace('', '', options.fps or DEFAULT_FPS, meta)
        try:
            self._writers = [
                OUTPUT_KINDS[kind](place) for kind in options.outputs
            ]
        except ValueError as error:
            raise OutputMisfit(str(error)) from error

    def check(self, sample: DetDataSample) -> None:
        for writer in self._writers:
            try:
                writer.check(sample)
            except ValueError as error:
                raise OutputMisfit(str(error)) from error

    def write(self, view: FrameView) -> None:
        pass

    def close(self) -> None:
        pass
