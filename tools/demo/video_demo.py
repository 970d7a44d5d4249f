"""Run a model on a video; write overlays, pictures, JSON and text."""
import argparse
import time
from typing import List, Optional, Tuple, Union

from mmengine.config import DictAction

import mmvis_plugin  # noqa: F401  (names what is missing from the stack)
from mmvis_plugin.apis import VideoInferencer
from mmvis_plugin.apis.outputs import (OUTPUT_KINDS, OverlayStrip,
                                       OverlayWriter, ResultWriter)
from mmvis_plugin.apis.video_inferencer import DEFAULT_FPS
from mmvis_plugin.utils.checkpoint import load_detector
from mmvis_plugin.utils.cli import UsageError, one_line_errors
from mmvis_plugin.utils.video_reader import VideoReader
from mmvis_plugin.visualization import FrameFolder, VideoSink, VideoVisualizer


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'positional',
        nargs='*',
        metavar='INPUTS [MODEL [CHECKPOINT]]',
        help='video file, folder of images, camera number or URL; config, or '
        'name of a model of the zoo (default: a small one of the package); '
        'weights. Without INPUTS if --input or --camera-id is given')
    parser.add_argument('--input', help='same as INPUTS')
    parser.add_argument('--camera-id', type=int, help='read this camera')
    parser.add_argument('--checkpoint', '--weights', help='same as CHECKPOINT')
    parser.add_argument(
        '--detector',
        help='weights of the detector or segmentor, in the place of those in '
        'the checkpoint')
    parser.add_argument(
        '--device',
        help="such as cuda:0 or cpu (default: a GPU if there's one)")
    parser.add_argument(
        '--max-frames', type=int, help='stop after so many frames')
    parser.add_argument(
        '--online',
        action='store_true',
        help='results from the frames so far, in constant memory, instead of '
        'from the whole video; cameras, streams and --show imply it')
    parser.add_argument(
        '--clip-len',
        type=int,
        default=1,
        help='frames encoded at once; changes no result (default: 1)')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override config values: key=value, dotted keys')


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--out',
        '--output',
        help='overlay: .mp4 file, or a folder for PNG frames (default: '
        '<name of the input>_tracks.mp4, unless another output is asked for)')
    parser.add_argument(
        '--out-dir', help='folder of the outputs that --save names')
    parser.add_argument(
        '--save',
        nargs='+',
        choices=list(OUTPUT_KINDS),
        default=[],
        help='kinds of outputs in --out-dir')
    parser.add_argument(
        '--strip',
        metavar='PNG',
        help='write evenly spaced frames side by side')
    parser.add_argument(
        '--strip-frames', type=int, default=6, help='frames of the strip')
    parser.add_argument(
        '--show', action='store_true', help='show frames in a window')
    parser.add_argument(
        '--wait-time',
        type=float,
        default=0.,
        help='seconds a shown frame stays at least')
    parser.add_argument(
        '--fps',
        type=float,
        help='frame rate of the overlay (default: that of the input, '
        f'{DEFAULT_FPS:g} if it has none)')
    parser.add_argument(
        '--print-result', action='store_true', help='print the results')


def _add_drawing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--score-thr',
        '--pred-score-thr',
        type=float,
        default=0.3,
        help='least score drawn, and kept in ids, mots and mot')
    parser.add_argument(
        '--palette',
        default='none',
        help="mmdet's colours of stuff, such as coco (default: the model's)")
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
    """Return the options, with ``inputs``, ``model`` and ``checkpoint``."""
    parser = argparse.ArgumentParser(description=__doc__)
    _add_source(parser)
    _add_output(parser)
    _add_drawing(parser)
    args = parser.parse_args()
    args.inputs, args.model, args.checkpoint = _sort_positional(args)
    if bool(args.save) != bool(args.out_dir):
        raise UsageError('--save names the kinds of outputs and --out-dir '
                         'their folder: give both')
    return args


def _sort_positional(
    args: argparse.Namespace
) -> Tuple[Union[str, int], Optional[str], Optional[str]]:
    """Return inputs, model and checkpoint from wherever they were given."""
    rest: List[str] = list(args.positional)
    named = args.input if args.camera_id is None else args.camera_id
    inputs = rest.pop(0) if named is None and rest else named
    if inputs is None or len(rest) > 2:
        raise UsageError(
            f'{len(args.positional)} positional arguments, expected INPUTS '
            '[MODEL [CHECKPOINT]], or [MODEL [CHECKPOINT]] with --input or '
            '--camera-id')
    if str(inputs).endswith('.py'):
        raise UsageError(f'{inputs}: expected a video here; the order is '
                         'INPUTS MODEL [CHECKPOINT]')
    if len(rest) == 2 and args.checkpoint is not None:
        raise UsageError(f'two checkpoints: {rest[1]} and --checkpoint '
                         f'{args.checkpoint}, expected one')
    model, checkpoint = (*rest, None, None)[:2]
    return inputs, model, checkpoint or args.checkpoint


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
        if args.show or args.strip or args.save or args.print_result:
            return None
        out = f'{reader.name}_tracks.mp4'
    if out.lower().endswith(('.avi', '.mkv', '.mov', '.webm', '.gif')):
        raise UsageError(f'{out}: videos are written as .mp4; end the name '
                         'in .mp4, or give a folder for PNG frames')
    if out.lower().endswith('.mp4'):
        return VideoSink(out, args.fps or reader.fps or DEFAULT_FPS)
    return FrameFolder(out)


def build_visualizer(args: argparse.Namespace, meta: dict) -> VideoVisualizer:
    """Return the visualizer that the options ask for.

    Args:
        args (argparse.Namespace): The options.
        meta (dict): Knows the classes.
    """
    visualizer = VideoVisualizer(
        'video_demo',
        alpha=args.alpha,
        draw_bbox=True if args.bbox else None,
        draw_label=not args.no_label,
        trail_length=0 if args.no_trail else args.trail_length,
        legend=args.legend,
        min_side=args.min_side)
    visualizer.dataset_meta = meta
    return visualizer


def run(args: argparse.Namespace) -> None:
    """Run the model and say what was written.

    Args:
        args (argparse.Namespace): The options.
    """
    reader = VideoReader(args.inputs, args.max_frames)
    outputs: List[Union[str, ResultWriter]] = list(args.save)
    sink = open_sink(args, reader)
    if sink is not None:
        outputs.append(OverlayWriter(sink))
    narrow = build_visualizer(args, {})
    if args.strip:
        outputs.append(OverlayStrip(args.strip, narrow, args.strip_frames))
    inferencer = VideoInferencer(
        args.model,
        args.checkpoint,
        args.device,
        palette=args.palette,
        cfg_options=args.cfg_options)
    if args.detector:
        load_detector(inferencer.model, args.detector)
    narrow.dataset_meta = inferencer.model.dataset_meta
    inferencer.visualizer = build_visualizer(args, narrow.dataset_meta)
    start, count = time.perf_counter(), 0
    for result in inferencer(
            reader,
            show=args.show,
            wait_time=args.wait_time,
            pred_score_thr=args.score_thr,
            return_datasamples=not args.print_result,
            print_result=args.print_result,
            out_dir=args.out_dir or '',
            outputs=outputs,
            stream=True,
            online=args.online or args.show or reader.is_endless,
            clip_len=args.clip_len,
            fps=args.fps):
        count += 1
    speed = count / (time.perf_counter() - start)
    print(f'{count} frames at {speed:.1f} frames per second')
    for path in inferencer.files:
        print(f'wrote {path}')


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
