"""Say what HybridTracker costs: its similarity, a frame, its correlation.

similarity: warped_dice on frames of 1024 x 2048 with 10 to 100 instances that
cover the same share of the frame, beside a dense version that makes the mask
of every moved instance and compares it with every mask of the next frame.

frame: one frame after the other through HybridTracker with random weights, by
its parts, for several numbers of refinements of the flow; then the flow of a
pair with the features of both frames at hand and without. Random weights find
nothing, or anything: the segmenter keeps its best --objects candidates at the
usual cost, then its result is replaced by --objects given things that move;
similarities are computed and replaced by given ones, so that no frame is
compared with an older one. In the last column one thing is left over in every
frame, which costs flow from and to the frame before the last one.

correlation: look-up of the windows around all cells out of the whole volume,
and out of slices of it.

Times are medians and ranges. Those of parts are of methods, without the timed
methods they call. Memory is the peak above what was there before.
"""
import argparse
import statistics
from typing import Callable, Dict, List, Tuple

import torch
import torch.nn.functional as F
from benchmark_em import extra_memory, seconds
from hybrid_frames import CLOCKS, CONFIG, ITERS, PARTS, build_frames, id_map
from mmengine.config import DictAction
from mmengine.registry import init_default_scope
from stopwatch import device_name, print_table, spread
from torch import Tensor

from mmvis_plugin.apis.inference import pick_device
from mmvis_plugin.models.association import warped_dice
from mmvis_plugin.models.raft import RAFT
from mmvis_plugin.models.raft.correlation import (ChunkedCorrelation,
                                                  VolumeCorrelation)
from mmvis_plugin.utils.cli import one_line_errors, require_positive

COUNTS = (10, 20, 40, 100)
COMPARED = 40  # instances
MAX_MS, MIN_SPEEDUP, MAX_MEMORY = 250., 15., 1 / 8


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('mode', choices=('similarity', 'frame', 'correlation'))
    parser.add_argument(
        '--config',
        default=CONFIG,
        help='recipe of HybridTracker for "frame" (%(default)s)')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override config values: key=value')
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        metavar=('H', 'W'),
        help='default: 1024 2048 for "similarity", else 512 1024')
    parser.add_argument('--device', help='default: a GPU if there is one')
    parser.add_argument(
        '--threads', type=int, default=1, help='CPU threads (1)')
    parser.add_argument(
        '--clock',
        choices=sorted(CLOCKS),
        default='wall',
        help='cpu: time of the process, which other processes disturb less '
        '(wall)')
    parser.add_argument(
        '--repeats', type=int, default=5, help='measurements of each (5)')
    parser.add_argument(
        '--objects', type=int, default=20, help='things of a frame (20)')
    parser.add_argument(
        '--check',
        action='store_true',
        help=f'exit with code 1 if the similarity takes more than '
        f'{MAX_MS:g} ms, is less than {MIN_SPEEDUP:g} times as fast as the '
        'dense one or does not grow slower than the instances, or slices '
        f'need more than {MAX_MEMORY:g} of the memory of the volume')
    args = parser.parse_args()
    require_positive(args, 'threads', 'repeats', 'objects')
    args.device = pick_device(args.device)
    large = args.mode == 'similarity'
    args.size = tuple(args.size or ((1024, 2048) if large else (512, 1024)))
    return args


def smooth_flow(size: Tuple[int, int]) -> Tensor:
    """Draw flow ``(2, H, W)`` of some 12 pixels that varies slowly."""
    generator = torch.Generator().manual_seed(0)
    coarse = 12 * torch.randn(1, 2, 8, 16, generator=generator)
    return F.interpolate(coarse, size=size, mode='bicubic')[0]


def dense_dice(id_prev: Tensor, id_cur: Tensor, flow: Tensor, m: int,
               n: int) -> Tensor:
    """Do what ``warped_dice`` does with one mask per instance.

    Args:
        id_prev (Tensor): ``(H, W)``.
        id_cur (Tensor): ``(H, W)``.
        flow (Tensor): ``(2, H, W)``.
        m (int): Instances of the earlier frame.
        n (int): Instances of the later frame.

    Returns:
        Tensor: ``(m, n)`` float64.
    """
    height, width = id_prev.shape
    rows = torch.arange(height, device=flow.device)[:, None]
    columns = torch.arange(width, device=flow.device)
    x = (columns + flow[0].double() + 0.5).floor()
    y = (rows + flow[1].double() + 0.5).floor()
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    places = (y * width + x).long()
    masks = [id_cur == j + 1 for j in range(n)]
    areas = [mask.sum() for mask in masks]
    dice = torch.zeros(m, n, dtype=torch.float64)
    for i in range(m):
        moved = torch.zeros_like(inside).flatten()
        moved[places[inside & (id_prev == i + 1)]] = True
        moved = moved.view(height, width)
        area = moved.sum()
        for j, mask in enumerate(masks):
            inter = (moved & mask).sum().double()
            dice[i, j] = 2 * inter / (area + areas[j]).clamp(min=1)
    return dice


def describe(args: argparse.Namespace) -> str:
    """Return device, version and size for the head of a table."""
    return (f'{device_name(args.device, args.threads)}, '
            f'torch {torch.__version__}, fp32; {args.size[0]} x '
            f'{args.size[1]}; {args.repeats} repeats\n')


def milliseconds(call: Callable, args: argparse.Namespace) -> float:
    """Return the time of a call.

    Args:
        call (Callable): What to time.
        args (argparse.Namespace): The options.
    """
    return 1e3 * seconds(call, args.device, CLOCKS[args.clock])


def mebibytes(call: Callable, device: torch.device) -> str:
    """Return the peak memory of a call for a table."""
    memory = extra_memory(call, device)
    return 'n/a' if memory is None else f'{memory:.0f}'


def benchmark_similarity(args: argparse.Namespace) -> List[str]:
    """Print the table of ``warped_dice``; return the aims that it misses.

    Args:
        args (argparse.Namespace): The options.
    """
    flow = smooth_flow(args.size).to(args.device)
    cases, times = {}, {}
    for num in COUNTS:
        ids = id_map(num, args.size).to(args.device)
        cases[num] = (ids, ids.roll((7, 11), (0, 1)), flow, num, num)
        times[num] = []
        warped_dice(*cases[num])
    for _ in range(args.repeats):
        for num, case in cases.items():
            times[num].append(milliseconds(lambda: warped_dice(*case), args))
    print(describe(args))
    rows = {
        f'{num} x {num}': [
            spread(times[num]),
            mebibytes(lambda: warped_dice(*case), args.device)
        ]
        for num, case in cases.items()
    }
    print_table('instances', ['ms', 'MiB'], rows)
    case, found = cases[COMPARED], []
    dense = milliseconds(lambda: found.append(dense_dice(*case)), args)
    same = torch.allclose(
        found[0].to(flow.device), warped_dice(*case).dice, atol=1e-6)
    median = {num: statistics.median(values) for num, values in times.items()}
    speedup = dense / median[COMPARED]
    growth = median[COUNTS[-1]] / median[COUNTS[0]]
    print(f'\ndense, {COMPARED} x {COMPARED}: {dense:.0f} ms, '
          f'{speedup:.0f} times as long, same result: {same}')
    print(f'{COUNTS[-1]} instead of {COUNTS[0]} instances: {growth:.2f} times '
          'as long')
    aims = {
        f'{median[COMPARED]:.0f} ms, {MAX_MS:g} ms wanted':
        median[COMPARED] <= MAX_MS,
        f'{speedup:.1f} times as fast, {MIN_SPEEDUP:g} wanted':
        speedup >= MIN_SPEEDUP,
        'another result than the dense version':
        same,
        f'{growth:.1f} times as long for {COUNTS[-1] // COUNTS[0]} times as '
        'many instances':
        growth < COUNTS[-1] / COUNTS[0]
    }
    return [text for text, reached in aims.items() if not reached]


def benchmark_correlation(args: argparse.Namespace) -> List[str]:
    """Print the table of both correlations; return the aims they miss.

    Args:
        args (argparse.Namespace): The options.
    """
    generator = torch.Generator().manual_seed(0)
    cells = [-(-side // 8) for side in args.size]
    fmaps = torch.randn(2, 1, 256, *cells, generator=generator).to(args.device)
    rows, columns = torch.meshgrid(
        *(torch.arange(n) for n in cells), indexing='ij')
    coords = torch.stack([columns, rows])[None].float().to(args.device)
    print(describe(args))
    rows, memory = {}, {}
    for kind in (VolumeCorrelation, ChunkedCorrelation):

        def call() -> Tensor:
            return kind(*fmaps, 4)(coords)

        memory[kind] = extra_memory(call, args.device)
        times = [milliseconds(call, args) for _ in range(args.repeats)]
        rows[f'{kind.__name__}, one look-up'] = [
            spread(times), mebibytes(call, args.device)
        ]
    print_table(f'{cells[0]} x {cells[1]} cells, 256 channels', ['ms', 'MiB'],
                rows)
    if None in memory.values():
        return []
    share = memory[ChunkedCorrelation] / memory[VolumeCorrelation]
    print(f'\nslices need {share:.3f} of the memory of the volume')
    return [f'{share:.3f} of the memory, less than {MAX_MEMORY:g} wanted'
            ] if share >= MAX_MEMORY else []


def benchmark_frame(args: argparse.Namespace) -> List[str]:
    """Print the table of a frame and that of the flow of a pair.

    Args:
        args (argparse.Namespace): The options.
    """
    init_default_scope('mmdet')
    columns = build_frames(args)
    times: Dict[str, List[Dict[str, float]]] = {name: [] for name in columns}
    for frames in columns.values():
        for _ in range(3):  # until there is a frame before the last one
            frames.step()
    for _ in range(args.repeats):
        for name, frames in columns.items():
            times[name].append(frames.time())
    print(
        describe(args) + f'{args.objects} things per frame; the segmenter '
        f'found {statistics.median(next(iter(columns.values())).found):g}\n')
    rows = {
        label: [
            spread([block.get(label, 0.) for block in blocks])
            for blocks in times.values()
        ]
        for label in (*PARTS, 'frame')
    }
    rows['peak memory, MiB'] = [
        mebibytes(frames.step, args.device) for frames in columns.values()
    ]
    print_table('ms per frame', columns, rows)
    print()
    benchmark_flow(next(iter(columns.values())).model.flow, args)
    return []


def benchmark_flow(raft: RAFT, args: argparse.Namespace) -> None:
    """Print the table of the flow of a pair.

    Args:
        raft (RAFT): The network.
        args (argparse.Namespace): The options.
    """
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(256, (2, 1, 3, *args.size), generator=generator)
    frames = frames.to(args.device)
    feats = [raft.encode(frame) for frame in frames]
    rows = {}
    for iters in ITERS:
        cells = []
        for call in (lambda: raft.flow(*feats, iters),
                     lambda: raft(*frames, iters)):
            cells.append(
                spread([milliseconds(call, args)
                        for _ in range(args.repeats)]))
        rows[f'{iters} refinements'] = cells
    print_table('flow of a pair, ms', ['features at hand', 'without'], rows)


@one_line_errors
def main() -> None:
    """Run one of the benchmarks."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    run = dict(
        similarity=benchmark_similarity,
        frame=benchmark_frame,
        correlation=benchmark_correlation)[args.mode]
    with torch.inference_mode():
        missed = run(args)
    for text in missed:
        print(f'missed: {text}')
    if args.check and missed:
        raise SystemExit(1)


if __name__ == '__main__':
    main()
