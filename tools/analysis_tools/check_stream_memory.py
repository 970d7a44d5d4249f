"""Check that a long video does not fill the memory.

Streams synthetic frames through a model as ``VideoStream`` does, prints the
resident memory of the process and the size of the state at intervals, and
exits with code 1 if either, or the memory of a GPU, has grown by more than
the tolerance since the first line.
"""
import argparse
import gc
import time
from typing import Dict, List, Tuple

import numpy as np
import torch
from mmengine.config import Config, DictAction

from mmvis_plugin.apis.inference import init_video_model
from mmvis_plugin.apis.video_stream import VideoStream
from mmvis_plugin.testing import nbytes
from mmvis_plugin.utils.cli import UsageError, one_line_errors, read_config
from mmvis_plugin.utils.memory import resident_bytes


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of an online model')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='weights; without them they are random, and the presence gate '
        'is off, so that every frame has results')
    parser.add_argument(
        '--frames', type=int, default=2000, help='frames to stream (2000)')
    parser.add_argument(
        '--interval',
        type=int,
        default=200,
        help='frames between two lines, and the warm-up (200)')
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        default=(96, 160),
        metavar=('H', 'W'),
        help='size of the frames (96 160)')
    parser.add_argument(
        '--tolerance', type=float, default=0.05, help='growth allowed (0.05)')
    parser.add_argument('--device', help='default: a GPU if there is one')
    parser.add_argument(
        '--threads', type=int, default=1, help='CPU threads (1)')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override config values: key=value')
    args = parser.parse_args()
    if args.frames < 2 * args.interval or args.interval < 1:
        parser.error('--frames must be at least twice --interval')
    return args


def prepare(args: argparse.Namespace) -> Config:
    """Read the config; without weights switch the presence gate off.

    Args:
        args (argparse.Namespace): The options.

    Returns:
        Config: Of the model.
    """
    cfg = read_config(args.config, args.cfg_options)
    if args.checkpoint is None and 'frame_score_thr' in cfg.model.get(
            'test_cfg', {}):
        cfg.model.test_cfg.frame_score_thr = 0.
    return cfg


def scene(size: Tuple[int, int]) -> np.ndarray:
    """Return coarse random patches ``(h, w, 3)`` uint8."""
    rng = np.random.default_rng(0)
    height, width = size
    small = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3))
    return small.repeat(8, 0).repeat(8, 1)[:height, :width].astype(np.uint8)


def measure(stream: VideoStream, num_results: int) -> Dict[str, int]:
    """Return the sizes that must not grow, in bytes, and what was found.

    Args:
        stream (VideoStream): The video so far.
        num_results (int): Objects reported since the last line.
    """
    gc.collect()
    sizes = dict(rss=resident_bytes(), state=nbytes(stream.state))
    if torch.cuda.is_available():
        sizes['gpu'] = torch.cuda.memory_allocated()
    return dict(sizes, results=num_results)


def run(args: argparse.Namespace) -> List[Dict[str, int]]:
    """Stream the frames and print a line per interval.

    Args:
        args (argparse.Namespace): The options.

    Returns:
        list[dict[str, int]]: Sizes at each interval.
    """
    model = init_video_model(prepare(args), args.checkpoint, args.device)
    stream, image = VideoStream(model), scene(args.size)
    lines, num_results, start = [], 0, time.perf_counter()
    for t in range(1, args.frames + 1):
        frame = stream.step(np.roll(image, (t, 2 * t), (0, 1)))
        num_results += len(frame.pred_track_instances)
        if t % args.interval == 0:
            lines.append(measure(stream, num_results))
            seconds = time.perf_counter() - start
            print(
                f'frame {t:6d}  ' + '  '.join(
                    f'{key} {value / 2**20:9.2f} MiB'
                    for key, value in lines[-1].items() if key != 'results') +
                f'  {num_results / args.interval:5.1f} objects per frame  '
                f'{t / seconds:6.1f} fps',
                flush=True)
            num_results = 0
    return lines


@one_line_errors
def main() -> None:
    """Stream, print, and judge the growth."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    lines = run(args)
    if not any(line['results'] for line in lines):
        raise UsageError(f'{args.config}: no frame had a result, so nothing '
                         'was tested; lower the score threshold')
    grown = False
    for key in lines[0].keys() - {'results'}:
        first, most = lines[0][key], max(line[key] for line in lines)
        growth = most / max(first, 1) - 1
        grown |= growth > args.tolerance
        print(f'{key}: at most {growth:+.1%} after frame {args.interval}, '
              f'allowed {args.tolerance:+.1%}')
    if grown:
        raise SystemExit(1)


if __name__ == '__main__':
    main()
