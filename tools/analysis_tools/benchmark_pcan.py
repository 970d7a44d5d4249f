"""Say where the time of a frame goes: PCAN beside mmdet's QDTrack.

One process times all systems in turn on the same frames of 736 x 1280, one
frame at a time, with random weights: PCAN, PCAN of stage 1 (boxes only), and
mmdet's QDTrack with the same weights. A frame is a normalised and padded
image on the device; it is done when its tracks are known and, with masks,
pasted and run-length encoded.

Random weights find nothing, or anything: the box head runs as configured, then
its result is replaced by --objects given boxes, and their embeddings by given
ones, so that all systems follow the same objects.

Times are those of methods, without the timed methods they call. What adds up
to a frame is measured in the same frame, so that shares are right on a busy
machine, too.
"""
import argparse
import os.path as osp
import statistics
from copy import deepcopy
from typing import Callable, Dict, List, NamedTuple

import torch
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from random_frames import frame_meta, noise_images
from stopwatch import (REST, TimedModel, device_name, part_rows, print_table,
                       spread, wrap)
from torch import Tensor, nn

from mmvis_plugin.apis.inference import pick_device
from mmvis_plugin.ops.ext_loader import ext_devices
from mmvis_plugin.registry import MODELS
from mmvis_plugin.utils.cli import UsageError, one_line_errors, read_config

CONFIG = osp.relpath(
    osp.join(
        osp.dirname(__file__), '..', '..', 'configs', 'pcan',
        'pcan_r50_fpn_4xb2-12e_bdd100k.py'))
PADDED, SIZE = (736, 1280), (720, 1280)
LIMIT = 0.1  # of the time of PCAN without its frame level
FRAME_LEVEL = 'frame PCAM'
# methods by what they are called in the table
PCAN_PARTS = {
    'backbone, FPN': ['encode'],
    FRAME_LEVEL: ['frame_pcam.fuse'],
    'RPN, box head': ['detector.propose', 'detector.roi_head.predict_bbox'],
    'mask head': ['detector.roi_head.base_masks'],
    'track head, tracker':
    ['track_head.embed', 'tracker.match', 'tracker.update'],
    'refine head': ['refine_head.refine'],
    'paste, RLE': ['_results']
}
QDTRACK_PARTS = {
    'backbone, FPN': ['detector.extract_feat'],
    'RPN, box head':
    ['detector.rpn_head.predict', 'detector.roi_head.predict'],
    'track head, tracker': ['track_head.predict', 'tracker.track']
}


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--config', default=CONFIG, help='two-stage recipe (%(default)s)')
    parser.add_argument('--device', help='default: a GPU if there is one')
    parser.add_argument(
        '--threads', type=int, default=2, help='CPU threads (2)')
    parser.add_argument(
        '--frames', type=int, help='per block, 1 on a CPU, else 50')
    parser.add_argument(
        '--warmup', type=int, help='frames before, 2 on a CPU, else 20')
    parser.add_argument(
        '--repeats', type=int, default=20, help='blocks per system (20)')
    parser.add_argument(
        '--objects', type=int, default=20, help='per frame (20)')
    parser.add_argument(
        '--check',
        action='store_true',
        help='exit with code 1 if the frame level adds more than '
        f'{LIMIT:.0%}% to the time of a frame')
    args = parser.parse_args()
    args.device = pick_device(args.device)
    on_cpu = args.device.type == 'cpu'
    args.frames = args.frames or (1 if on_cpu else 50)
    args.warmup = args.warmup or (2 if on_cpu else 20)
    if min(args.frames, args.repeats, args.objects) < 1:
        raise UsageError('--frames, --repeats and --objects must be at '
                         'least 1')
    return args


class Objects(NamedTuple):
    """What all systems detect in every frame.

    Attributes:
        found (InstanceData): ``bboxes``, ``scores`` and ``labels``.
        embeds (Tensor): One direction per object, ``(N, C)``.
    """
    found: InstanceData
    embeds: Tensor


def given_objects(num: int, num_channels: int, num_classes: int,
                  device: torch.device) -> Objects:
    """Lay out objects on a grid, so that none covers another.

    Args:
        num (int): N.
        num_channels (int): C.
        num_classes (int): Labels are 0, 1, ... in turn.
        device (torch.device): Of the tensors.

    Returns:
        Objects: Boxes of 32 to 96 x 32 to 144 pixels in the input.
    """
    columns = int(num**0.5 * 4 / 3) + 1
    rows = -(-num // columns)
    generator = torch.Generator().manual_seed(0)
    index = torch.arange(num)
    cell = torch.tensor([SIZE[1] / columns, SIZE[0] / rows])
    centre = (torch.stack([index % columns, index // columns], 1) + 0.5) * cell
    side = 32 + torch.rand(
        num, 2, generator=generator) * torch.tensor([64., 112])
    side = torch.minimum(side, 0.9 * cell)
    found = InstanceData(
        bboxes=torch.cat([centre - side / 2, centre + side / 2], dim=1),
        scores=0.99 - 0.1 * index / num,
        labels=index % num_classes)
    embeds = torch.nn.functional.one_hot(index % num_channels, num_channels)
    return Objects(found.to(device), 10. * embeds.to(device))


class Stream(TimedModel):
    """One video of a system, timed."""
    num_frames = 0

    def _frame(self, inputs: Tensor) -> None:
        sample = TrackDataSample()
        sample.video_data_samples = [
            DetDataSample(metainfo=frame_meta(self.num_frames, SIZE, PADDED))
        ]
        self.model.predict(inputs[:, None], [sample])
        self.num_frames += 1

    def time_block(self, images: List[Tensor], num: int) -> Dict[str, float]:
        """Return milliseconds per frame of each part.

        Args:
            images (list[Tensor]): Frames, used in turn.
            num (int): Frames to process.
        """
        return self.milliseconds(
            lambda i: self._frame(images[i % len(images)]), range(num))


def qdtrack_cfg(pcan: ConfigDict) -> ConfigDict:
    """Return mmdet's QDTrack with the parts of a PCAN config.

    Args:
        pcan (ConfigDict): Model of stage 1.
    """
    cfg = deepcopy(pcan)
    cfg.type = 'QDTrack'
    for key in ('refine_head', 'frame_pcam', 'freeze', 'with_detections'):
        cfg.pop(key, None)
    cfg.detector.type = 'FasterRCNN'
    cfg.detector.roi_head.type = 'StandardRoIHead'
    cfg.track_head.type = 'QuasiDenseTrackHead'
    cfg.tracker.type = 'QuasiDenseTracker'
    return cfg


def build_streams(cfg: ConfigDict,
                  args: argparse.Namespace) -> Dict[str, Stream]:
    """Build a stream of each system.

    Args:
        cfg (ConfigDict): Model of PCAN.
        args (argparse.Namespace): The options.

    Returns:
        dict[str, Stream]: By the name of the column.
    """
    cfg = deepcopy(cfg)
    cfg.detector.backbone.init_cfg = None
    boxes = deepcopy(cfg)
    boxes.update(refine_head=None, frame_pcam=None, freeze=[])
    boxes.detector.roi_head.update(mask_roi_extractor=None, mask_head=None)
    objects = given_objects(args.objects,
                            cfg.track_head.embed_head.embed_channels,
                            cfg.detector.roi_head.bbox_head.num_classes,
                            args.device)
    systems = {
        'PCAN': (cfg, PCAN_PARTS),
        'PCAN, boxes only': (boxes, PCAN_PARTS),
        "mmdet's QDTrack": (qdtrack_cfg(boxes), QDTRACK_PARTS)
    }
    streams, weights = {}, None
    for name, (model_cfg, parts) in systems.items():
        torch.manual_seed(0)
        model = MODELS.build(model_cfg).eval().to(args.device)
        weights = weights or model.state_dict()
        model.load_state_dict(
            {key: weights[key]
             for key in model.state_dict()})
        is_pcan = parts is PCAN_PARTS
        give(model, 'predict_bbox' if is_pcan else 'predict',
             'embed' if is_pcan else 'predict', objects)
        streams[name] = Stream(model, parts, args.device)
    return streams


def give(model: nn.Module, detect: str, embed: str, objects: Objects) -> None:
    """Let a model detect and embed given objects, at its usual cost.

    Args:
        model (nn.Module): The model.
        detect (str): Method of its RoI head.
        embed (str): Method of its track head.
        objects (Objects): What it finds.
    """

    def detections(method: Callable) -> Callable:

        def call(*args, **kwargs) -> List[InstanceData]:
            method(*args, **kwargs)
            return [objects.found.clone()]

        return call

    def embeddings(method: Callable) -> Callable:

        def call(*args, **kwargs) -> Tensor:
            method(*args, **kwargs)
            return objects.embeds.clone()

        return call

    wrap(model, f'detector.roi_head.{detect}', detections)
    wrap(model, f'track_head.{embed}', embeddings)


def report(times: Dict[str, List[Dict[str, float]]],
           args: argparse.Namespace) -> float:
    """Print a table of times, and what the frame level adds.

    Args:
        times (dict): Milliseconds per frame and part of each block, by
            system.
        args (argparse.Namespace): The options.

    Returns:
        float: Median of what the frame level adds to the time of PCAN.
    """
    kind = device_name(args.device, args.threads)
    print(f'{kind}, torch {torch.__version__}, fp32; operators for: '
          f'{", ".join(ext_devices()) or "nothing"}; {args.objects} objects '
          f'per frame; {args.repeats} blocks of {args.frames} frames\n')
    print_table('ms per frame', times, part_rows(times, [*PCAN_PARTS, REST]))
    print()
    totals = {
        name: [sum(block.values()) for block in blocks]
        for name, blocks in times.items()
    }
    ours, *others = times
    for name in others:
        ratios = [a / b for a, b in zip(totals[ours], totals[name])]
        print(f'time of {ours} / {name}: {spread(ratios, ".2f")}')
    added = [
        block[FRAME_LEVEL] / (sum(block.values()) - block[FRAME_LEVEL])
        for block in times[ours]
    ]
    print(f'the frame level adds {spread(added, ".1%")}')
    return statistics.median(added)


@one_line_errors
def main() -> None:
    """Time all systems and print a table."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    init_default_scope('mmdet')
    streams = build_streams(read_config(args.config).model, args)
    images = noise_images(4, PADDED, args.device)
    times: Dict[str, List[Dict[str, float]]] = {name: [] for name in streams}
    with torch.inference_mode():
        for stream in streams.values():
            stream.time_block(images, args.warmup)
        for _ in range(args.repeats):
            for name, stream in streams.items():
                times[name].append(stream.time_block(images, args.frames))
    added = report(times, args)
    if args.check and added > LIMIT:
        raise SystemExit(1)


if __name__ == '__main__':
    main()
