"""Say how fast a model is, where the time goes and how much memory it takes.

inference: frames go through the model one at a time, as a stream does it. A
frame begins as a decoded image in host memory and ends when its tracks are
known at its own size, masks as run-length codes. Reading and decoding are
never counted. The parts are

- input: resizing, normalising, padding, upload;
- backbone: with its neck;
- head: objects and masks of the frame;
- association: what links frames; of HybridTracker also the optical flow;
- results: masks at the size of the frame, run-length codes;

and the rest. Papers tend to count backbone, head and association ("network").
On a GPU every part waits for the device, so the speed is measured first
without parts. Memory is the peak of the frames after the warm-up (GPU), or of
the process (resident).

dataloader, dataset: how fast batches or samples of a config come.
"""
import argparse
import json
import os.path as osp
import statistics
import time
from itertools import islice
from typing import Dict, Iterable, Iterator, List, Tuple

import torch
from benchmark_metric_memory import peak_bytes
from frame_source import Video, add_source_arguments, dataset_cfg, videos
from mmcv.cnn import fuse_conv_bn
from mmengine.config import Config
from mmengine.dist import get_local_rank, init_dist, is_main_process
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from stopwatch import (REST, TimedModel, device_name, part_rows, print_table,
                       spread, wrap)

from mmvis_plugin.apis.inference import init_video_model
from mmvis_plugin.apis.video_stream import VideoStream
from mmvis_plugin.models.online_video_model import OnlineVideoModel
from mmvis_plugin.registry import DATASETS
from mmvis_plugin.utils.cli import (UsageError, add_common_arguments,
                                    load_config, one_line_errors,
                                    require_positive)
from mmvis_plugin.utils.whole_file import write_whole

INPUT, BACKBONE, HEAD, ASSOCIATION, RESULTS = ('input', 'backbone', 'head',
                                               'association', 'results')
NETWORK = (BACKBONE, HEAD, ASSOCIATION)
# methods of each part, by the type of the model
PARTS = dict(
    InsPro={
        BACKBONE: ['backbone.forward', 'neck.forward'],
        HEAD: ['roi_head.mask_feat_head.forward', 'roi_head._run_stages'],
        ASSOCIATION: ['roi_head._propagate'],
    },
    PCAN={
        BACKBONE: ['encode'],
        HEAD: ['frame_pcam.fuse', 'detector.detect', 'refine_head.refine'],
        ASSOCIATION: ['track_head.embed', 'tracker.match', 'tracker.update'],
        RESULTS: ['_results']
    },
    CAVIS={
        BACKBONE: ['backbone.forward'],
        HEAD: ['segment_head.forward'],
        ASSOCIATION: ['_link', '_track'],
        RESULTS: ['tracker.predict_masks', '_keep']
    },
    HybridTracker={
        BACKBONE: ['segmentor.extract_feat'],
        HEAD: ['_segment'],
        ASSOCIATION: ['_record', '_assign'],
    })


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of an online model')
    parser.add_argument('--checkpoint', help='weights; random without')
    parser.add_argument(
        '--task',
        choices=['inference', 'dataloader', 'dataset'],
        default='inference',
        help='what is measured (inference)')
    parser.add_argument(
        '--repeat-num', type=int, default=1, help='measurements (1)')
    parser.add_argument(
        '--max-iter',
        type=int,
        help='frames, batches or samples of a measurement: at most 2000, of '
        'noise 100')
    parser.add_argument(
        '--log-interval',
        type=int,
        default=50,
        help='frames between two lines (50)')
    parser.add_argument(
        '--num-warmup', type=int, default=5, help='frames before (5)')
    parser.add_argument(
        '--fuse-conv-bn',
        action='store_true',
        help='fold batch norm into convolutions')
    parser.add_argument('--device', help='default: a GPU if there is one')
    parser.add_argument(
        '--threads', type=int, default=2, help='CPU threads (2)')
    add_source_arguments(parser)
    add_common_arguments(parser)
    args = parser.parse_args()
    if args.max_iter is None:
        args.max_iter = 100 if args.shape else 2000
    require_positive(args, 'repeat_num', 'max_iter', 'log_interval', 'threads')
    return args


class StreamTimer(TimedModel):
    """Streams videos through a model and times its parts.

    Args:
        model (OnlineVideoModel): The model.
        device (torch.device): Of the model.
        with_parts (bool): False times whole frames only.
    """

    def __init__(self, model: OnlineVideoModel, device: torch.device,
                 with_parts: bool) -> None:
        self.with_parts = with_parts
        super().__init__(model, parts_of(model) if with_parts else {}, device)

    def run(self, sources: Iterable[Video], num: int,
            log_interval: int) -> Dict[str, float]:
        """Return milliseconds per frame of each part.

        Args:
            sources (Iterable): Videos.
            num (int): Frames at most.
            log_interval (int): Frames between two lines.
        """

        def frames() -> Iterator[tuple]:
            for video in sources:
                stream = self._open()
                for frame in video:
                    yield stream, frame

        def logged(frames: Iterable[tuple]) -> Iterator[tuple]:
            for index, frame in enumerate(frames):
                if index and index % log_interval == 0:
                    seconds = sum(self.watch.seconds.values())
                    print(
                        f'frame {index}: {index / seconds:.2f} fps',
                        flush=True)
                yield frame

        def step(frame: tuple) -> None:
            stream, (image, path) = frame
            stream.step(image, path)

        return self.milliseconds(step, logged(islice(frames(), num)))

    def _open(self) -> VideoStream:
        stream = VideoStream(self.model)
        if self.with_parts:
            for name in ('_records', '_pack'):
                wrap(stream, name, self.watch.timed(INPUT))
        return stream


def parts_of(model: OnlineVideoModel) -> Dict[str, List[str]]:
    """Return the methods that are timed.

    Args:
        model (OnlineVideoModel): The model; of a kind that is not known only
            input and results are told apart from the rest.
    """
    kinds = [kind.__name__ for kind in type(model).__mro__]
    own = next((PARTS[kind] for kind in kinds if kind in PARTS), {})
    parts = {INPUT: ['data_preprocessor.forward'], **own}
    return dict(parts, **{RESULTS: [*own.get(RESULTS, []), 'online_result']})


def benchmark_inference(cfg: Config, args: argparse.Namespace) -> dict:
    """Time a model and print a table.

    Args:
        cfg (Config): The config.
        args (argparse.Namespace): The options.

    Returns:
        dict: What the table says.
    """
    model = init_video_model(cfg, args.checkpoint, args.device)
    if args.fuse_conv_bn:
        fuse_conv_bn(model)
    device = next(model.parameters()).device
    on_gpu = device.type == 'cuda'
    blocks: List[Dict[str, float]] = []
    whole: List[float] = []
    for with_parts in ((False, True) if on_gpu else (True, )):
        timer = StreamTimer(model, device, with_parts)
        if args.num_warmup > 0:
            timer.run(videos(cfg, args), args.num_warmup, args.max_iter)
        if on_gpu and not with_parts:
            torch.cuda.reset_peak_memory_stats(device)
        for _ in range(args.repeat_num):
            found = timer.run(
                videos(cfg, args), args.max_iter, args.log_interval)
            if with_parts:
                blocks.append(found)
            else:
                whole.append(found[REST])
    memory = {'resident': peak_bytes()}
    if on_gpu:
        memory['GPU'] = torch.cuda.max_memory_allocated(device)
    return report(blocks, whole or [sum(b.values()) for b in blocks], memory,
                  device_name(device, args.threads))


def report(blocks: List[Dict[str, float]], whole: List[float],
           memory: Dict[str, int], device: str) -> dict:
    """Print what was measured.

    Args:
        blocks (list[dict]): Milliseconds per frame of the parts.
        whole (list[float]): Milliseconds per frame, without parts.
        memory (dict[str, int]): Bytes by the kind of memory.
        device (str): Name of the device.

    Returns:
        dict: The same to be written.
    """
    labels = [k for k in (INPUT, *NETWORK, RESULTS, REST) if k in blocks[0]]
    medians = {
        label: statistics.median(block[label] for block in blocks)
        for label in labels
    }
    rows = part_rows(dict(model=blocks), labels)
    for label, cells in rows.items():
        part = medians.get(label, sum(medians.values()))
        cells.append(f'{part / sum(medians.values()):.1%}')
    print(f'\n{device}, torch {torch.__version__}, {len(blocks)} '
          'measurements\n')
    print_table('', ['ms per frame', 'share'], rows)
    frame = statistics.median(whole)
    network = sum(medians.get(label, 0.) for label in NETWORK)
    print(f'\nframes per second: {1e3 / frame:.2f}' +
          (f'; network alone {1e3 / network:.2f}' if network else ''))
    print('peak memory: ' + ', '.join(f'{kind} {value / 2**20:.0f} MiB'
                                      for kind, value in memory.items()))
    return dict(
        device=device, ms_per_frame=frame, parts_ms=medians, memory=memory)


def benchmark_data(cfg: Config, args: argparse.Namespace) -> dict:
    """Time the data loader or the data set of a config.

    Args:
        cfg (Config): The config.
        args (argparse.Namespace): The options.

    Returns:
        dict: Samples or batches, and frames, per second.
    """
    kind = f'{args.dataset_type}_dataloader'
    found = dataset_cfg(cfg, args.dataset_type, args.config)
    num = args.num_warmup + args.max_iter
    if args.task == 'dataset':
        dataset, name = DATASETS.build(found), 'samples'
    else:
        loader, name = Runner.build_dataloader(cfg[kind]), 'batches'
    rates: Dict[str, List[float]] = {name: [], 'frames': []}
    for _ in range(args.repeat_num):
        items = (dataset[i % len(dataset)] for i in range(num)) \
            if args.task == 'dataset' else islice(loader, num)
        times = list(arrivals(items))
        if len(times) <= args.num_warmup + 1:
            raise UsageError(f'{args.config}: {len(times)} {name} are too few '
                             f'after --num-warmup {args.num_warmup}')
        start = times[args.num_warmup][0]
        seconds = times[-1][0] - start
        timed = times[args.num_warmup + 1:]
        rates[name].append(len(timed) / seconds)
        rates['frames'].append(sum(frames for _, frames in timed) / seconds)
    for label, values in rates.items():
        print(f'{label} per second: {spread(values, ".2f")}')
    return {k: statistics.median(v) for k, v in rates.items()}


def arrivals(items: Iterable[dict]) -> Iterator[Tuple[float, int]]:
    """Yield when each item came and how many frames it has.

    Args:
        items (Iterable[dict]): Samples or batches.
    """
    for item in items:
        inputs = item['inputs']
        inputs = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        yield time.perf_counter(), sum(len(clip) for clip in inputs)


@one_line_errors
def main() -> None:
    """Measure what the options ask for."""
    args = parse_args()
    cfg = load_config(args)
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    if args.launcher != 'none':
        init_dist(args.launcher, **cfg.get('env_cfg', {}).get('dist_cfg', {}))
        if args.device is None and torch.cuda.is_available():
            args.device = f'cuda:{get_local_rank()}'
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    measure = benchmark_inference if args.task == 'inference' \
        else benchmark_data
    found = measure(cfg, args)
    if args.work_dir and is_main_process():
        path = osp.join(args.work_dir, 'benchmark.json')
        write_whole(path, (json.dumps(found) + '\n').encode())
        print(f'written: {path}')


if __name__ == '__main__':
    main()
