"""Count parameters, and the operations of a frame by the parts of a model.

The parts are those of benchmark.py: backbone, head, association, results. The
first frame of a video has no past; the mean over the later ones says what
memory and association add. What a frame costs may depend on what is in it:
give weights, and --input or the data of the config, then.

One multiplication with its addition is one operation, as in the tables of
mmdet ("GFLOPs"). Convolutions and products of matrices are counted while the
model runs, also inside attention; operators of this package run in plain
torch for that. RoIAlign, sampling, norms, activations and all that is linear
in the size of its input are left out.
"""
import argparse
import os
from itertools import islice
from typing import Dict, List

import torch
from benchmark import parts_of
from frame_source import Video, add_source_arguments, videos
from mmengine.config import DictAction
from mmengine.registry import init_default_scope
from stopwatch import REST, TimedModel, print_table
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmvis_plugin.apis.inference import init_video_model
from mmvis_plugin.apis.video_stream import VideoStream
from mmvis_plugin.models.online_video_model import OnlineVideoModel
from mmvis_plugin.utils.cli import (UsageError, one_line_errors, read_config,
                                    require_positive)


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of an online model')
    parser.add_argument('--checkpoint', help='weights; random without')
    parser.add_argument(
        '--num-frames',
        '--num-images',
        type=int,
        default=10,
        help='frames of the first video that are counted (10)')
    add_source_arguments(parser)
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override config values: key=value')
    args = parser.parse_args()
    require_positive(args, 'num_frames')
    return args


def make_visible() -> None:
    """Switch off, in this process, what hides its products when it runs.

    Raises:
        UsageError: torch has no switch for that.
    """
    if not hasattr(torch.backends, 'mha'):
        raise UsageError(f'torch {torch.__version__} hides the products of '
                         'attention; count with torch 2.3 or later')
    os.environ['MMVIS_WITH_OPS'] = '0'
    torch.backends.mha.set_fastpath_enabled(False)
    torch.backends.cuda.enable_flash_sdp(False)


def count_operations(model: OnlineVideoModel, video: Video,
                     num_frames: int) -> List[Dict[str, float]]:
    """Count the first frames of a video.

    Args:
        model (OnlineVideoModel): In evaluation mode, on the CPU.
        video (Iterable[SourceFrame]): The frames.
        num_frames (int): How many at most.

    Returns:
        list[dict[str, float]]: Operations of each part, one dict per frame.
    """
    # views of what wants gradients cannot be followed
    model.requires_grad_(False)
    counter = FlopCounterMode(display=False)
    # counts a multiplication and an addition as two
    timed = TimedModel(model, parts_of(model), torch.device('cpu'),
                       lambda: counter.get_total_flops() / 2)
    stream = VideoStream(model)
    counts = []
    for frame in islice(video, num_frames):
        with counter:  # counts from 0
            counts.append(
                timed.measure(lambda f: stream.step(f.image, f.path), [frame]))
    if not counts:
        raise UsageError('the first video has no frame, expected at least one')
    return counts


def count_parameters(model: nn.Module) -> Dict[str, int]:
    """Return the parameters of the parts of a model by their names.

    Args:
        model (nn.Module): The model; a detector or segmenter in it is taken
            apart.
    """
    found = {}
    for name, child in model.named_children():
        inner = dict(child.named_children())
        parts = {f'{name}.{key}': part for key, part in inner.items()} \
            if 'backbone' in inner else {name: child}
        for key, part in parts.items():
            found[key] = sum(p.numel() for p in part.parameters())
    found['all'] = sum(p.numel() for p in model.parameters())
    return {key: number for key, number in found.items() if number > 0}


def size_text(number: float) -> str:
    """Return a number for a table."""
    for unit, name in ((1e9, 'G'), (1e6, 'M'), (1e3, 'K')):
        if number >= unit:
            return f'{number / unit:.3f} {name}'
    return f'{number:.0f}'


def report(model: nn.Module, counts: List[Dict[str, float]]) -> None:
    """Print two tables.

    Args:
        model (nn.Module): The model.
        counts (list[dict]): Of :func:`count_operations`.
    """
    params = count_parameters(model)
    print_table('module', ['parameters'], {
        name: [size_text(n)]
        for name, n in params.items()
    })
    counts = [dict(found, frame=sum(found.values())) for found in counts]
    first, later = counts[0], counts[1:]
    rows = {}
    for name in (*parts_of(model), REST, 'frame'):
        numbers = [first.get(name, 0.)]
        if later:
            numbers.append(
                sum(found.get(name, 0.) for found in later) / len(later))
        if any(numbers) or name == 'frame':
            rows[name] = [size_text(number) for number in numbers]
    print()
    print_table('operations', ['first frame'] + ['later frames'] * bool(later),
                rows)


@one_line_errors
def main() -> None:
    """Count and print."""
    args = parse_args()
    make_visible()
    cfg = read_config(args.config, args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    model = init_video_model(cfg, args.checkpoint, 'cpu')
    counts = count_operations(model, next(videos(cfg, args)), args.num_frames)
    report(model, counts)


if __name__ == '__main__':
    main()
