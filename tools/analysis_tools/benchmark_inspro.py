"""Compare the speed of InsPro, InsPro-lite and mmdet's MaskTrack R-CNN.

One process times all systems in turn on the same frames, one frame at a
time, with random weights. A frame is a decoded image in host memory; it is
done when class and box of every object and the mask logits of the best ones
are on the device. Drawing masks into the frame, run-length encoding and
reading files are left out for all systems.

Random weights give MaskTrack R-CNN as many detections as its config allows.
It is timed twice: with the 100 of its config, and with as many as InsPro
computes masks for.
"""
import argparse
import os.path as osp
import platform
import statistics
import time
from typing import Any, Dict, List

import torch
from masktrack_rcnn_cfg import masktrack_rcnn_cfg
from mmcv.cnn import fuse_conv_bn
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox2roi
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from random_frames import frame_meta
from torch import Tensor, nn
from torch.nn import functional as F

from mmvis_plugin.apis.inference import pick_device
from mmvis_plugin.registry import MODELS
from mmvis_plugin.utils.cli import UsageError, one_line_errors

CONFIGS = osp.join(osp.dirname(__file__), '..', '..', 'configs', 'inspro')
INSPRO = 'inspro_r50_fpn_8xb1-32k_youtubevis2019.py'
LITE = 'inspro-lite_r50_fpn_8xb1-32k_youtubevis2019.py'
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--device', help='default: a GPU if there is one')
    parser.add_argument(
        '--threads', type=int, default=2, help='CPU threads (2)')
    parser.add_argument(
        '--frames',
        type=int,
        help='frames per block, 10 on a CPU, else 300; whole key intervals '
        'make the figure of InsPro-lite right')
    parser.add_argument(
        '--warmup', type=int, help='frames before, 2 on a CPU, else 50')
    parser.add_argument(
        '--repeats', type=int, default=5, help='blocks per system (5)')
    parser.add_argument(
        '--masks', type=int, default=10, help='masks per frame (10)')
    parser.add_argument(
        '--key-interval', type=int, default=10, help='of InsPro-lite (10)')
    parser.add_argument(
        '--fuse-conv-bn',
        action='store_true',
        help='fold batch norm into convolutions, in all systems')
    parser.add_argument(
        '--channels-last',
        action='store_true',
        help='memory format of backbone and neck, in all systems')
    parser.add_argument(
        '--clock',
        choices=['wall', 'cpu'],
        default='wall',
        help='cpu: processor time, which with --threads 1 other processes '
        'disturb little')
    parser.add_argument(
        '--check',
        action='store_true',
        help='exit with code 1 unless InsPro is 1.5 times as fast as '
        'MaskTrack R-CNN and InsPro-lite 1.2 times as fast as InsPro')
    args = parser.parse_args()
    args.device = pick_device(args.device)
    on_cpu = args.device.type == 'cpu'
    args.frames = args.frames or (10 if on_cpu else 300)
    args.warmup = args.warmup or (2 if on_cpu else 50)
    return args


def load_image(image: Tensor, device: torch.device,
               memory_format: torch.memory_format) -> Tensor:
    """Upload, normalise and pad a frame.

    Args:
        image (Tensor): ``(3, h, w)`` uint8 BGR in host memory.
        device (torch.device): Where to.
        memory_format (torch.memory_format): Of the result.

    Returns:
        Tensor: ``(1, 3, H, W)``, sides padded to a multiple of 32.
    """
    image = image.to(device, non_blocking=True).flip(0).float()
    channels = [(plane - mean) / std
                for plane, mean, std in zip(image, MEAN, STD)]
    height, width = image.shape[-2:]
    image = F.pad(torch.stack(channels), (0, -width % 32, 0, -height % 32))
    return image[None].contiguous(memory_format=memory_format)


class InsProStream:
    """One video of InsPro or InsPro-lite.

    Args:
        model (nn.Module): The model.
        metainfo (dict): Of every frame.
        num_masks (int): Masks per frame.
    """

    def __init__(self, model: nn.Module, metainfo: dict,
                 num_masks: int) -> None:
        self.model = model
        self.metainfo = metainfo
        self.num_masks = num_masks
        self.state = model.init_state(metainfo)

    def __call__(self, inputs: Tensor) -> Any:
        """Process a frame; on a GPU, fail if anything waits for it."""
        if inputs.is_cuda:
            torch.cuda.set_sync_debug_mode('error')
        output, self.state = self.model.step(inputs, self.metainfo, self.state)
        slots = output.logits.amax(1).topk(self.num_masks).indices
        masks = self.model.roi_head.mask_head(output.mask_feats[None],
                                              output.mask_params[None, slots],
                                              output.boxes[None, slots])
        if inputs.is_cuda:
            torch.cuda.set_sync_debug_mode('default')
        return output, masks


class MaskTrackStream:
    """One video of mmdet's MaskTrack R-CNN, without pasting of masks.

    Args:
        model (nn.Module): The model.
        metainfo (dict): Of every frame.
    """

    def __init__(self, model: nn.Module, metainfo: dict) -> None:
        self.model = model
        self.metainfo = metainfo
        self.num_frames = 0
        model.tracker.reset()

    def __call__(self, inputs: Tensor) -> InstanceData:
        """Process a frame: what ``model.predict`` does up to mask logits."""
        detector, head = self.model.detector, self.model.detector.roi_head
        sample = DetDataSample(
            metainfo=dict(self.metainfo, frame_id=self.num_frames))
        feats = detector.extract_feat(inputs)
        proposals = detector.rpn_head.predict(feats, [sample], rescale=False)
        found = head.predict_bbox(
            feats, [self.metainfo], proposals, head.test_cfg, rescale=False)[0]
        logits = head._mask_forward(feats, bbox2roi([found.bboxes]))
        rows = torch.arange(len(found), device=inputs.device)
        found.masks = logits['mask_preds'][rows, found.labels]
        sample.pred_instances = found
        self.num_frames += 1
        return self.model.tracker.track(
            model=self.model, feats=feats, data_sample=sample, rescale=False)


def build(cfg: dict, args: argparse.Namespace) -> nn.Module:
    """Build a model with random weights.

    Args:
        cfg (dict): Config of the model.
        args (argparse.Namespace): The options.

    Returns:
        nn.Module: On the device, for inference.
    """
    torch.manual_seed(0)
    model = MODELS.build(cfg).eval()
    if args.fuse_conv_bn:
        fuse_conv_bn(model)
    if args.channels_last:
        model = model.to(memory_format=torch.channels_last)
    return model.to(args.device)


def build_streams(args: argparse.Namespace, metainfo: dict) -> Dict[str, Any]:
    """Build a stream of each system.

    Args:
        args (argparse.Namespace): The options.
        metainfo (dict): Of every frame.

    Returns:
        dict: Streams by the name they have in the table.
    """
    init_default_scope('mmdet')
    streams = {}
    for name, file in (('InsPro', INSPRO), ('InsPro-lite', LITE)):
        cfg = Config.fromfile(osp.join(CONFIGS, file)).model
        cfg.backbone.init_cfg = None
        if name == 'InsPro-lite':
            cfg.roi_head.key_interval = args.key_interval
        streams[name] = InsProStream(build(cfg, args), metainfo, args.masks)
    for num in (100, args.masks):
        cfg = masktrack_rcnn_cfg(max_per_img=num)
        streams[f'MaskTrack R-CNN, {num} masks'] = MaskTrackStream(
            build(cfg, args), metainfo)
    return streams


def time_block(stream: Any, images: List[Tensor], num: int,
               args: argparse.Namespace) -> float:
    """Return milliseconds per frame; waits for a GPU at both ends only.

    Args:
        stream (Callable): Takes the inputs of a frame.
        images (list[Tensor]): Frames, used in turn.
        num (int): Frames to process.
        args (argparse.Namespace): The options.
    """
    memory_format = torch.channels_last if args.channels_last \
        else torch.contiguous_format
    on_gpu = args.device.type == 'cuda'
    if on_gpu:
        torch.cuda.synchronize(args.device)
    clock = time.process_time if args.clock == 'cpu' else time.perf_counter
    start = clock()
    for i in range(num):
        stream(load_image(images[i % len(images)], args.device, memory_format))
    if on_gpu:
        torch.cuda.synchronize(args.device)
    return (clock() - start) / num * 1e3


def describe(args: argparse.Namespace) -> str:
    """Return device, threads and versions in one line."""
    device = torch.cuda.get_device_name(args.device) \
        if args.device.type == 'cuda' else \
        f'CPU {platform.machine()} {torch.backends.cpu.get_cpu_capability()}'
    options = [
        name for name in ('fuse_conv_bn', 'channels_last')
        if getattr(args, name)
    ]
    return ', '.join([
        device, f'{args.threads} threads', f'torch {torch.__version__}',
        'fp32', f'{args.clock} time',
        f'{args.repeats} blocks of {args.frames} frames', *options
    ])


def ratio_line(text: str, slow: List[float], fast: List[float]) -> str:
    """Return the ratio of the medians and the range over the blocks."""
    ratios = [a / b for a, b in zip(slow, fast)]
    median = statistics.median(slow) / statistics.median(fast)
    return (f'{text:<44}{median:6.2f} ({min(ratios):.2f} ... '
            f'{max(ratios):.2f})')


@one_line_errors
def main() -> None:
    """Time all systems and print a table."""
    args = parse_args()
    if min(args.frames, args.repeats) < 1:
        raise UsageError('--frames and --repeats must be at least 1')
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    size = (360, 640)
    padded = (384, 640)
    metainfo = frame_meta(0, size, padded)
    images = list(torch.randint(0, 256, (8, 3, *size), dtype=torch.uint8))
    if args.device.type == 'cuda':
        images = [image.pin_memory() for image in images]
    streams = build_streams(args, metainfo)
    times: Dict[str, List[float]] = {name: [] for name in streams}
    with torch.inference_mode():
        for stream in streams.values():
            time_block(stream, images, args.warmup, args)
        for _ in range(args.repeats):
            for name, stream in streams.items():
                times[name].append(
                    time_block(stream, images, args.frames, args))
    report(times, args)


def report(times: Dict[str, List[float]], args: argparse.Namespace) -> None:
    """Print times and ratios; with ``--check`` exit with 1 on a miss.

    Args:
        times (dict[str, list[float]]): Milliseconds per frame by block.
        args (argparse.Namespace): The options.
    """
    print(describe(args))
    print(f'{"ms per frame, 360 x 640":<28}{"median":>9}{"min":>9}{"max":>9}'
          f'{"fps":>8}')
    for name, values in times.items():
        median = statistics.median(values)
        print(f'{name:<28}{median:9.1f}{min(values):9.1f}{max(values):9.1f}'
              f'{1e3 / median:8.2f}')
    ours, lite, *others = times
    print('frames per second, ratio (range over blocks)')
    for name in others:
        print(ratio_line(f'InsPro / {name}', times[name], times[ours]))
    print(ratio_line('InsPro-lite / InsPro', times[ours], times[lite]))
    if args.frames % args.key_interval:
        print(f'InsPro-lite: {args.frames} frames are no whole number of key '
              f'intervals of {args.key_interval}: its figure is too high or '
              'too low')
    medians = {name: statistics.median(v) for name, v in times.items()}
    if args.check and (medians[others[0]] < 1.5 * medians[ours]
                       or medians[ours] < 1.2 * medians[lite]):
        raise SystemExit(1)


if __name__ == '__main__':
    main()
