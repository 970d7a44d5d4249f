"""Compare VPQ and STQ from frame tables with recounting every window.

The video is made: objects that move over stuff, predicted with ragged
borders, wrong classes and unlabelled parts. CPU time of one thread is
compared, so that other processes disturb little. The recount is what the
programs of the data sets do: each window of each size counts the pairs of
its ids with ``np.unique``.
"""
import argparse
import statistics
import time
from typing import Callable, List, Tuple

import numpy as np

from mmvis_plugin.evaluation.functional import (panoptic_tables, stq_record,
                                                stq_results, vpq_counts,
                                                vpq_results)
from mmvis_plugin.utils.cli import one_line_errors

# half of the categories are things
CATEGORIES = [
    dict(id=i, name=f'class_{i}', isthing=int(i >= 10)) for i in range(20)
]
STUFF_BANDS = 10


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--frames', type=int, default=24)
    parser.add_argument('--height', type=int, default=1024)
    parser.add_argument('--width', type=int, default=2048)
    parser.add_argument(
        '--objects', type=int, default=40, help='moving things of a video')
    parser.add_argument(
        '--noise',
        type=float,
        default=.002,
        help='share of predicted pixels that are moved')
    parser.add_argument(
        '--windows',
        type=int,
        nargs='+',
        default=[1, 2, 3, 4],
        help='numbers of frames in a window')
    parser.add_argument(
        '--repeat', type=int, default=3, help='runs; the median counts')
    parser.add_argument(
        '--max-seconds',
        type=float,
        default=float('inf'),
        help='exit with code 1 if a frame takes longer')
    parser.add_argument(
        '--min-ratio',
        type=float,
        default=0,
        help='exit with code 1 if the speed-up is lower')
    return parser.parse_args()


def build_video(args: argparse.Namespace) -> dict:
    """Draw a video and its prediction.

    Args:
        args (argparse.Namespace): frames, height, width,
            objects and noise.

    Returns:
        dict: gt, pred, gt_segments and pred_segments.
    """
    rng = np.random.default_rng(0)
    size = np.array([args.height, args.width])
    paths = rng.random((args.objects, 2)), rng.normal(0, .01,
                                                      (args.objects, 2))
    radii = rng.uniform(.02, .08, args.objects) * size.min()
    frames: List[Tuple[np.ndarray, np.ndarray]] = []
    for t in range(args.frames):
        centres = (paths[0] + t * paths[1]) % 1 * size
        gt = draw_frame(args, centres, radii)
        # another place and ragged borders
        pred = draw_frame(args, centres + rng.normal(0, 4, centres.shape),
                          radii)
        rough = rng.random(gt.shape) < args.noise
        pred[rough] = np.roll(pred, 99, axis=0)[rough]
        gt[:, :20] = 0
        pred[:, -20:] = 0
        frames.append((gt, pred))
    gt, pred = (np.stack(side) for side in zip(*frames))
    return dict(
        gt=gt,
        pred=pred,
        gt_segments=[list_segments(frame) for frame in gt],
        pred_segments=[list_segments(frame, wrong=7) for frame in pred])


def draw_frame(args: argparse.Namespace, centres: np.ndarray,
               radii: np.ndarray) -> np.ndarray:
    """Draw discs over bands of stuff.

    Args:
        args (argparse.Namespace): height and width.
        centres (np.ndarray): Row and column of each disc.
        radii (np.ndarray): In pixels.

    Returns:
        np.ndarray: uint32 segment ids.

    Shape:
        centres: (N, 2), radii: (N, ), output: (height, width).
    """
    rows, cols = np.ogrid[:args.height, :args.width]
    wave = rows + (20 * np.sin(cols / 90)).astype(int)
    ids = 1 + wave.clip(0, args.height - 1) * STUFF_BANDS // args.height
    ids = ids.astype(np.uint32)
    for index, ((row, col), radius) in enumerate(zip(centres, radii)):
        disc = (rows - row)**2 + (cols - col)**2 <= radius**2
        # ids are spread over 24 bits, as colours are
        ids[disc] = 1000 + index * 300007
    return ids


def list_segments(ids: np.ndarray, wrong: int = 0) -> List[dict]:
    """Return the segments of a map.

    Args:
        ids (np.ndarray): Segment ids.
        wrong (int): Give every so many-th object another class; 0: none.

    Returns:
        list[dict]: id, category_id and iscrowd.
    """
    segments = []
    for i in np.unique(ids[ids > 0]).tolist():
        index = (i - 1000) // 300007
        shift = bool(wrong and i >= 1000 and index % wrong == 0)
        category = i - 1 if i < 1000 else 10 + (index + shift) % 10
        segments.append(dict(id=i, category_id=category, iscrowd=0))
    return segments


def score_tables(video: dict, windows: List[int]) -> Tuple[float, float]:
    """Return VPQ and STQ, counting each frame once.

    Args:
        video (dict): See :func:`build_video`.
        windows (list[int]): Numbers of frames in a window.
    """
    ids = [category['id'] for category in CATEGORIES]
    tables = panoptic_tables(video, set(ids))
    counts = vpq_counts(tables, ids, windows)
    record = stq_record(tables, {c['id'] for c in CATEGORIES if c['isthing']})
    return (vpq_results(counts, CATEGORIES,
                        windows)['VPQ'], stq_results([record], ids)['STQ'])


def score_windows(video: dict, windows: List[int]) -> float:
    """Return VPQ, counting all pixels of every window anew.

    Args:
        video (dict): Without crowd, see :func:`build_video`.
        windows (list[int]): Numbers of frames in a window.
    """
    scores = []
    for size in windows:
        counts = np.zeros((len(CATEGORIES), 4))
        for start in range(len(video['gt']) - size + 1):
            count_window(video, slice(start, start + size), counts)
        iou, hits, false, missed = counts[counts[:, 1:].any(axis=1)].T
        scores.append(np.mean(100 * iou / (hits + false / 2 + missed / 2)))
    return float(np.mean(scores))


def count_window(video: dict, part: slice, counts: np.ndarray) -> None:
    """Add IoU, hits, false and missed tubes of a window.

    Args:
        video (dict): See :func:`build_video`.
        part (slice): Frames of the window.
        counts (np.ndarray): float64, is changed.

    Shape:
        counts: (categories, 4).
    """
    gt, pred = ({
        segment['id']: segment['category_id']
        for frame in video[f'{side}_segments'][part]
        for segment in frame
    } for side in ('gt', 'pred'))
    keys = video['gt'][part].astype(np.uint64) << 32 | video['pred'][part]
    pairs, numbers = np.unique(keys, return_counts=True)
    common = {
        (pair >> 32, pair & 0xffffffff): number
        for pair, number in zip(pairs.tolist(), numbers.tolist())
    }
    areas = {(side, i): 0 for side in (0, 1) for i in (0, *gt, *pred)}
    for (g, p), number in common.items():
        areas[0, g] += number
        areas[1, p] += number
    found = set()
    for (g, p), number in common.items():
        if not g or not p or gt[g] != pred[p]:
            continue
        union = areas[0, g] + areas[1, p] - number - common.get((0, p), 0)
        if number / union > .5:
            counts[gt[g], :2] += number / union, 1
            found |= {(0, g), (1, p)}
    for g in gt:
        counts[gt[g], 3] += (0, g) not in found
    for p in pred:
        excused = common.get((0, p), 0) / areas[1, p] > .5
        counts[pred[p], 2] += (1, p) not in found and not excused


def timed(function: Callable, *args) -> tuple:
    """Return CPU seconds of a call, and what it returns."""
    start = time.process_time()
    value = function(*args)
    return time.process_time() - start, value


@one_line_errors
def main() -> None:
    """Run both in turn and print the medians."""
    args = parse_args()
    video = build_video(args)
    ours, theirs = [], []
    for _ in range(args.repeat):
        seconds, (vpq, stq) = timed(score_tables, video, args.windows)
        ours.append(seconds / args.frames)
        seconds, recounted = timed(score_windows, video, args.windows)
        theirs.append(seconds / args.frames)
    same = abs(vpq - recounted) < 1e-9
    ratio = statistics.median(theirs) / statistics.median(ours)
    segments = [
        max(map(len, video[f'{side}_segments'])) for side in ('gt', 'pred')
    ]
    print(f'{args.frames} frames of {args.height} x {args.width}, up to '
          f'{segments[0]} and {segments[1]} segments, windows '
          f'{args.windows}, median of {args.repeat}:')
    print(f'  frame tables, VPQ and STQ      {statistics.median(ours):.4f} s '
          f'per frame (slowest {max(ours):.4f})')
    print('  recount of each window, VPQ    '
          f'{statistics.median(theirs):.4f} s per frame')
    print(f'  speed-up {ratio:.1f}; VPQ {vpq:.3f}, STQ {stq:.4f}; VPQ equal '
          f'to 1e-9: {same}')
    slow = statistics.median(ours) > args.max_seconds
    if not same or slow or ratio < args.min_ratio:
        raise SystemExit(1)


if __name__ == '__main__':
    main()
