"""Run a model on a video and write an overlay of its tracks."""
import argparse
import os
import os.path as osp
import sys
from contextlib import ExitStack
from typing import List, Optional, Tuple, Union

import cv2
import numpy as np
from mmdet.structures import DetDataSample
from mmengine.config import DictAction

import mmvis_plugin  # noqa: F401  (names what is missing from the stack)
from mmvis_plugin.apis import inference_frame, init_video_model
from mmvis_plugin.models.online_video_model import OnlineVideoModel
from mmvis_plugin.utils.cli import UsageError, one_line_errors
from mmvis_plugin.utils.progress import FrameProgress
from mmvis_plugin.utils.video_reader import VideoReader
from mmvis_plugin.visualization import (FrameFolder, FrameStrip, VideoSink,
                                        VideoVisualizer, check_image_name)

_DEFAULT_FPS = 10.  # of sources that state none, such as folders
_NO_WINDOW = ('--show: no window can be opened here; it needs a display and '
              'opencv-python, not opencv-python-headless; use --out instead')


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'positional',
        nargs='*',
        metavar='INPUTS CONFIG [CHECKPOINT]',
        help='video file, folder of images, camera number or stream URL; '
        'config; weights. Without INPUTS if --input or --camera-id is given')
    parser.add_argument('--input', help='same as INPUTS')
    parser.add_argument('--camera-id', type=int, help='read this camera')
    parser.add_argument('--checkpoint', help='same as CHECKPOINT')
    parser.add_argument(
        '--device',
        help="such as cuda:0 or cpu (default: a GPU if there's "
        'one)')
    parser.add_argument(
        '--max-frames', type=int, help='stop after so many frames')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override config values: key=value, dotted keys')


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--out',
        '--output',
        help='.mp4 file, or a folder for PNG frames (default: '
        '<name of the input>_tracks.mp4, unless --show or --strip is given)')
    parser.add_argument(
        '--strip',
        metavar='PNG',
        help='write evenly spaced frames side by '
        'side')
    parser.add_argument(
        '--strip-frames', type=int, default=6, help='frames of the strip')
    parser.add_argument(
        '--show', action='store_true', help='show frames in a window')
    parser.add_argument(
        '--wait-time',
        type=float,
        default=0.001,
        help='seconds a shown frame stays at least')
    parser.add_argument(
        '--fps',
        type=float,
        help='frame rate of the output (default: that of the input, '
        f'{_DEFAULT_FPS:g} if it has none)')


def _add_drawing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--score-thr', type=float, default=0.3, help='least score drawn')
    parser.add_argument(
        '--alpha', type=float, default=0.45, help='opacity of masks')
    parser.add_argument(
        '--trail-length',
        type=int,
        default=30,
        help='frames of the trail behind each track')
    parser.add_argument(
        '--no-trail', action='store_true', help='draw no trails')
    parser.add_argument(
        '--no-label', action='store_true', help='write no labels')
    parser.add_argument(
        '--bbox', action='store_true', help='draw boxes around masks')
    parser.add_argument(
        '--legend', action='store_true', help='list the tracks in a corner')
    parser.add_argument(
        '--min-side',
        type=int,
        default=256,
        help='enlarge frames with a shorter side below this by a whole '
        'number; 0 never')


def parse_args() -> argparse.Namespace:
    """Return the options, with ``inputs``, ``config`` and ``checkpoint``."""
    parser = argparse.ArgumentParser(description=__doc__)
    _add_source(parser)
    _add_output(parser)
    _add_drawing(parser)
    args = parser.parse_args()
    args.inputs, args.config, args.checkpoint = _sort_positional(args)
    return args


def _sort_positional(
        args: argparse.Namespace
) -> Tuple[Union[str, int], str, Optional[str]]:
    """Return inputs, config and checkpoint from wherever they were given."""
    rest: List[str] = list(args.positional)
    named = args.input if args.camera_id is None else args.camera_id
    inputs = rest.pop(0) if named is None and rest else named
    if inputs is None or not 1 <= len(rest) <= 2:
        raise UsageError(
            f'{len(args.positional)} positional arguments, expected INPUTS '
            'CONFIG [CHECKPOINT], or CONFIG [CHECKPOINT] with --input or '
            '--camera-id')
    if not rest[0].endswith('.py'):
        raise UsageError(f'{rest[0]}: expected a config (.py) here; the '
                         'order is INPUTS CONFIG [CHECKPOINT]')
    if len(rest) == 2 and args.checkpoint is not None:
        raise UsageError(f'two checkpoints: {rest[1]} and --checkpoint '
                         f'{args.checkpoint}, expected one')
    return inputs, rest[0], rest[1] if len(rest) == 2 else args.checkpoint


def open_sink(args: argparse.Namespace,
              reader: VideoReader) -> Optional[Union[VideoSink, FrameFolder]]:
    """Return the writer that ``--out`` asks for.

    Args:
        args (argparse.Namespace): The options.
        reader (VideoReader): Gives the frame rate and the default name.

    Returns:
        VideoSink, FrameFolder or None.
    """
    out = args.out
    if out is None:
        if args.show or args.strip:
            return None
        out = f'{reader.name}_tracks.mp4'
    suffix = osp.splitext(out)[1].lower()
    if suffix in ('.avi', '.mkv', '.mov', '.webm', '.gif'):
        raise UsageError(f'{out}: videos are written as .mp4; end the name '
                         'in .mp4, or give a folder for PNG frames')
    if suffix == '.mp4':
        return VideoSink(out, args.fps or reader.fps or _DEFAULT_FPS)
    return FrameFolder(out)


class _Window:
    """Frames on the screen."""

    def __init__(self, visualizer: VideoVisualizer, wait_time: float) -> None:
        displays = ('DISPLAY', 'WAYLAND_DISPLAY')
        # Qt ends the process where it finds none
        if sys.platform == 'linux' and not any(map(os.environ.get, displays)):
            raise UsageError(_NO_WINDOW)
        self._visualizer = visualizer
        self._wait_time = wait_time

    def add(self, frame: np.ndarray) -> None:
        try:
            self._visualizer.show(
                np.ascontiguousarray(frame[..., ::-1]),
                wait_time=self._wait_time,
                backend='cv2')
        except cv2.error as error:
            raise UsageError(_NO_WINDOW) from error


def build_visualizer(args: argparse.Namespace,
                     model: OnlineVideoModel,
                     max_width: Optional[int] = None) -> VideoVisualizer:
    """Return the visualizer that the options ask for.

    Args:
        args (argparse.Namespace): The options.
        model (OnlineVideoModel): Knows the classes.
        max_width (int, optional): Largest width of a drawn frame. Defaults
            to None.
    """
    visualizer = VideoVisualizer(
        'video_demo',
        alpha=args.alpha,
        draw_bbox=True if args.bbox else None,
        draw_label=not args.no_label,
        trail_length=0 if args.no_trail else args.trail_length,
        legend=args.legend,
        min_side=args.min_side,
        max_width=max_width)
    visualizer.dataset_meta = model.dataset_meta
    return visualizer


def run(args: argparse.Namespace) -> None:
    """Read, infer, draw and write, one frame in memory at a time.

    Args:
        args (argparse.Namespace): The options.
    """
    reader = VideoReader(args.inputs, args.max_frames)
    strip = None
    if args.strip:
        check_image_name(args.strip)
        strip = FrameStrip(args.strip_frames)
    sink = open_sink(args, reader)
    model = init_video_model(args.config, args.checkpoint, args.device,
                             args.cfg_options)
    visualizer = build_visualizer(args, model)
    if strip is not None:
        narrow = build_visualizer(args, model, strip.max_width)
    targets = [] if sink is None else [sink.write]
    if args.show:
        targets.append(_Window(visualizer, args.wait_time).add)
    with ExitStack() as stack:
        if sink is not None:
            stack.enter_context(sink)
        progress = stack.enter_context(FrameProgress(reader.num_frames))
        try:
            for index, frame in enumerate(reader):
                sample = inference_frame(model, frame, index)
                drawn = _draw(visualizer, frame, sample, args)
                for target in targets:
                    target(drawn)
                if strip is not None:
                    # a frame shrunk afterwards would lose its text
                    if drawn.shape[1] > strip.max_width:
                        drawn = _draw(narrow, frame, sample, args)
                    strip.add(drawn)
                progress.advance()
        except KeyboardInterrupt:  # how a camera stream ends
            print('stopped; what was drawn so far is kept')
    _report(args, sink, strip, progress)


def _draw(visualizer: VideoVisualizer, frame: np.ndarray,
          sample: DetDataSample, args: argparse.Namespace) -> np.ndarray:
    """Return a BGR frame with its tracks, RGB."""
    return visualizer.overlay(
        frame[..., ::-1], sample, pred_score_thr=args.score_thr)


def _report(args: argparse.Namespace, sink: Optional[Union[VideoSink,
                                                           FrameFolder]],
            strip: Optional[FrameStrip], progress: FrameProgress) -> None:
    print(f'{progress.count} frames at {progress.fps:.1f} frames per second')
    if sink is not None and sink.num_frames:
        print(f'wrote {sink.path}')
    if strip is not None and len(strip):
        strip.save(args.strip)
        print(f'wrote {args.strip}')


@one_line_errors
def main() -> None:
    """Parse the options and run; wrong values end with one line."""
    args = parse_args()
    try:
        run(args)
    except ValueError as error:
        raise UsageError(str(error)) from error


if __name__ == '__main__':
    main()
