"""One video through a model and into its outputs."""
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from typing import Any, Iterator, List, Optional, Sequence

import numpy as np
from mmdet.structures import DetDataSample
from mmengine.logging import print_log

from mmvis_plugin.models.online_video_model import OnlineVideoModel
from mmvis_plugin.utils.progress import FrameProgress
from mmvis_plugin.utils.video_reader import VideoReader
from mmvis_plugin.visualization import VideoVisualizer
from .outputs import (OUTPUT_KINDS, FrameView, OutputPlace, OverlayWindow,
                      ResultWriter, usual_kinds)
from .second_look import SecondLook
from .video_stream import VideoStream

_LONG = 1000  # frames; their outputs may take gigabytes


@dataclass(frozen=True)
class RunOptions:
    """What is to be done with a video; see :class:`VideoInferencer`.

    Attributes:
        online (bool): Results from the frames so far.
        clip_len (int): Frames that are encoded at once.
        with_frames (bool): Whether the caller wants to see frames.
        draw_pred (bool): Draw the result.
        score_thr (float): Least score drawn.
        show (bool): Open a window.
        wait_time (float): Seconds a frame stays in it.
        with_vis (bool): Write the overlay, unless ``outputs`` are named.
        with_pred (bool): Write the results, unless ``outputs`` are named.
        outputs (Sequence, optional): Kinds and writers.
        place (OutputPlace): Where outputs go.
        progress (bool): Show the progress.
    """
    online: bool
    clip_len: int
    with_frames: bool
    draw_pred: bool
    score_thr: float
    show: bool
    wait_time: float
    with_vis: bool
    with_pred: bool
    outputs: Optional[Sequence[Any]]
    place: OutputPlace
    progress: bool


class InferenceRun:
    """Frames of one video in, their results out, outputs written aside.

    Args:
        model (OnlineVideoModel): From ``init_video_model``.
        reader (VideoReader): The video.
        visualizer (VideoVisualizer): Draws overlays.
        options (RunOptions): What is to be done.

    Attributes:
        files (list[str]): What is complete once the run has ended.
    """

    def __init__(self, model: OnlineVideoModel, reader: VideoReader,
                 visualizer: VideoVisualizer, options: RunOptions) -> None:
        self.model = model
        self.reader = reader
        self.visualizer = visualizer
        self.options = options
        self.files: List[str] = []
        self._writers: List[ResultWriter] = []
        self._outputs = ExitStack()
        self._begun = False

    def views(self) -> Iterator[FrameView]:
        """Yield frames with their results, then complete the outputs.

        An interrupt, or a caller that stops early, ends the video there: what
        was written so far is kept. An error drops it.
        """
        with ExitStack() as stack:
            results = self._online() if self.options.online else self._whole()
            stack.enter_context(closing(results))
            # entered later, completed earlier
            stack.enter_context(self._outputs)
            try:
                for view in results:
                    self._begin(view.sample)
                    for writer in self._writers:
                        writer.write(view)
                    yield view
                    del view
            except KeyboardInterrupt:  # how a camera stream ends
                print_log('stopped; what was made so far is kept', 'current')
            except GeneratorExit:
                pass
        self.files = [w.path for w in self._writers if w.path]

    def _online(self) -> Iterator[FrameView]:
        """Yield each frame with what is known up to it."""
        stream = self._stream()
        with self._progress() as progress:
            for frames, paths in self._clips():
                samples = stream.steps(frames, paths)
                # one frame is held at a time
                for _ in range(len(frames)):
                    yield self._view(samples.pop(0), frames.pop(0))
                    progress.advance()

    def _whole(self) -> Iterator[FrameView]:
        """Yield the frames of a video with what is known at its end."""
        self._warn_of_length()
        stream = self._stream()
        with SecondLook(self.reader) as look:
            self._read_all(stream, look)
            samples = stream.finish().video_data_samples
            samples.reverse()
            frames = iter(look) if self._needs_frames() else None
            with self._progress('results', len(samples)) as progress:
                while samples:
                    frame = None if frames is None else next(frames)
                    yield self._view(samples.pop(), frame)
                    progress.advance()

    def _read_all(self, stream: VideoStream, look: SecondLook) -> None:
        with self._progress() as progress:
            try:
                for frames, paths in self._clips():
                    first = stream.keep(frames, paths)
                    if first is not None:
                        # an output that does not fit is not worth the wait
                        self._begin(first)
                    if self._needs_frames():
                        look.keep(frames)
                    progress.advance(len(frames))
            except KeyboardInterrupt:
                if stream.num_frames == 0:
                    raise
                print_log(
                    f'stopped after {stream.num_frames} frames; their results '
                    'follow', 'current')

    def _stream(self) -> VideoStream:
        return VideoStream(
            self.model, video_id=1, video_name=self.options.place.name)

    def _clips(self) -> Iterator[tuple]:
        """Yield lists of frames and of their files."""
        frames = self.reader.with_paths()
        while True:
            clip = list(islice(frames, self.options.clip_len))
            if not clip:
                return
            images, paths = map(list, zip(*clip))
            del clip  # a frame lives as long as the caller needs it
            yield images, paths

    def _view(self, sample: DetDataSample,
              frame: Optional[np.ndarray]) -> FrameView:
        return FrameView(sample, frame, self.visualizer,
                         self.options.draw_pred, self.options.score_thr)

    def _progress(self,
                  label: str = 'frames',
                  total: Optional[int] = None) -> FrameProgress:
        return FrameProgress(
            total or self.reader.num_frames,
            label,
            visible=self.options.progress)

    def _begin(self, sample: DetDataSample) -> None:
        """Open the outputs, once it is known what the model predicts."""
        if self._begun:
            return
        self._begun = True
        options, kinds = self.options, self.options.outputs
        if kinds is None:
            kinds = usual_kinds(sample, options.with_vis, options.with_pred)
        self._writers = [
            OUTPUT_KINDS[kind](options.place)
            if isinstance(kind, str) else kind for kind in kinds
        ]
        if options.show:
            self._writers.append(
                OverlayWindow(self.visualizer, options.wait_time))
        for writer in self._writers:
            writer.check(sample)
        for writer in self._writers:
            self._outputs.enter_context(writer)

    def _needs_frames(self) -> bool:
        return self.options.with_frames or any(writer.needs_frames
                                               for writer in self._writers)

    def _warn_of_length(self) -> None:
        if (self.reader.num_frames or 0) > _LONG:
            print_log(
                f'{self.reader.name}: {self.reader.num_frames} frames; what '
                'the model keeps until the end grows with them. online=True '
                'needs constant memory', 'current')
