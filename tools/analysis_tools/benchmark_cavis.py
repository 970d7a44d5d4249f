"""Say where the time and the memory of CAVIS go.

Time: one process times online CAVIS and mmdet's Mask2Former image model with
the same backbone, queries and weights, in turn on the same frames of 360 x
640, one frame at a time. A frame is a normalised and padded image on the
device. Mask2Former is done with it when its instances are known. CAVIS is
done when its slots are; at the end of each video of --frames frames come the
masks and run-length codes of the reported slots, which count as a part of
every frame.

Times are those of methods, without the timed methods they call. What adds up
to a frame is measured in the same frame, so that shares are right on a busy
machine, too.

Memory, with --memory: one video of the size of OVIS is predicted window by
window, with random features in place of the network's, and the peak of the
resident memory is printed.
"""
import argparse
import os.path as osp
import statistics
from copy import deepcopy
from typing import Any, Dict, List

import torch
from cavis_memory import measure_memory
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.config import Config, ConfigDict, DictAction
from mmengine.registry import init_default_scope
from random_frames import frame_meta, noise_images
from stopwatch import (REST, TimedModel, device_name, part_rows, print_table,
                       spread)
from torch import Tensor

from mmvis_plugin.apis.inference import pick_device
from mmvis_plugin.models.cavis import CAVIS
from mmvis_plugin.registry import MODELS
from mmvis_plugin.utils.cli import (one_line_errors, read_config,
                                    require_positive)

CONFIG = osp.relpath(
    osp.join(
        osp.dirname(__file__), '..', '..', 'configs', 'cavis',
        'cavis-online_r50_8xb1-160k_coco-ovis.py'))
SIZE, PADDED = (360, 640), (384, 640)
TIME_LIMIT, CONTEXT_LIMIT = 1.15, 0.03
CONTEXT, RESULTS = 'context features', 'results'
# methods by what they are called in the table
CAVIS_PARTS = {
    'backbone': ['backbone.forward'],
    'pixel decoder': ['segment_head.pixel_decoder.forward'],
    'decoder': ['segment_head.forward'],
    CONTEXT: ['segment_head.embed_contexts'],
    'tracker': ['tracker.step', 'tracker.predict_classes'],
    'masks of slots': ['tracker.predict_masks', '_keep'],
    RESULTS: ['finish']
}
MASK2FORMER_PARTS = {
    'backbone': ['backbone.forward'],
    'pixel decoder': ['panoptic_head.pixel_decoder.forward'],
    'decoder': ['panoptic_head.forward'],
    RESULTS: ['panoptic_head.predict', 'panoptic_fusion_head.predict']
}


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--config', default=CONFIG, help='recipe (%(default)s)')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override config values: key=value')
    parser.add_argument('--device', help='default: a GPU if there is one')
    parser.add_argument(
        '--threads', type=int, default=2, help='CPU threads (2)')
    parser.add_argument(
        '--frames',
        type=int,
        help='frames of a video: 4 on a CPU, else 50; with --memory 300')
    parser.add_argument(
        '--repeats', type=int, default=20, help='videos per system (20)')
    parser.add_argument(
        '--warmup', type=int, default=1, help='videos before (1)')
    parser.add_argument(
        '--amp',
        choices=['bfloat16', 'float16'],
        help='mixed precision of both systems')
    parser.add_argument(
        '--memory', action='store_true', help='measure memory, not time')
    parser.add_argument(
        '--window',
        type=int,
        default=3,
        help='frames per step with --memory (3)')
    parser.add_argument(
        '--check',
        action='store_true',
        help=f'exit with code 1 if CAVIS takes more than {TIME_LIMIT} times '
        f'that of Mask2Former or {CONTEXT} more than {CONTEXT_LIMIT:.0%}')
    args = parser.parse_args()
    args.device = pick_device(args.device)
    if args.frames is None:
        args.frames = 4 if args.device.type == 'cpu' else 50
        args.frames = 300 if args.memory else args.frames
    require_positive(args, 'frames', 'repeats', 'threads', 'window')
    return args


class System(TimedModel):
    """CAVIS or mmdet's Mask2Former, timed."""

    def _frame(self, image: Tensor, meta: dict) -> Any:
        sample = DetDataSample(metainfo=meta)
        if not isinstance(self.model, CAVIS):
            return self.model.predict(image, [sample])
        clip = TrackDataSample()
        clip.video_data_samples = [sample]
        return self.model.predict(image[:, None], [clip])

    def time_video(self, images: List[Tensor], num: int) -> Dict[str, float]:
        """Return milliseconds per frame of each part.

        Args:
            images (list[Tensor]): Frames, used in turn.
            num (int): Frames of the video.
        """
        return self.milliseconds(
            lambda i: self._frame(images[i % len(images)],
                                  frame_meta(i, SIZE, PADDED, length=num)),
            range(num))


def mask2former_cfg(cavis: ConfigDict) -> ConfigDict:
    """Return mmdet's Mask2Former with the parts of CAVIS.

    Args:
        cavis (ConfigDict): Model of a recipe.
    """
    head = deepcopy(cavis.segment_head)
    for key in ('ctx_kernel_size', 'ctx_filter', 'with_context'):
        head.pop(key, None)
    head.update(
        type='Mask2FormerHead',
        loss_cls=dict(type='CrossEntropyLoss', class_weight=None))
    fusion = dict(
        type='MaskFormerFusionHead',
        num_things_classes=head.num_things_classes,
        num_stuff_classes=head.num_stuff_classes)
    return ConfigDict(
        type='Mask2Former',
        backbone=deepcopy(cavis.backbone),
        panoptic_head=head,
        panoptic_fusion_head=fusion,
        test_cfg=dict(
            panoptic_on=False,
            instance_on=True,
            max_per_image=min(100, head.num_queries)))


def build_systems(cfg: ConfigDict, device: torch.device) -> Dict[str, System]:
    """Build both systems with the same weights.

    Args:
        cfg (ConfigDict): Model of CAVIS.
        device (torch.device): Of the models.

    Returns:
        dict[str, System]: By the name of the column.
    """
    cfg = deepcopy(cfg)
    cfg.backbone.init_cfg = None
    torch.manual_seed(0)
    cavis = MODELS.build(cfg)
    image = MODELS.build(mask2former_cfg(cfg))
    weights = {
        name.replace('segment_head.', 'panoptic_head.'): value
        for name, value in cavis.state_dict().items()
    }
    image.load_state_dict({name: weights[name] for name in image.state_dict()})
    models = {
        'online CAVIS': (cavis, CAVIS_PARTS),
        "mmdet's Mask2Former": (image, MASK2FORMER_PARTS)
    }
    return {
        name: System(model.eval().to(device), parts, device)
        for name, (model, parts) in models.items()
    }


def time_systems(systems: Dict[str, System], args: argparse.Namespace) -> dict:
    """Time videos of all systems in turn.

    Args:
        systems (dict[str, System]): By name.
        args (argparse.Namespace): The options.

    Returns:
        dict: Milliseconds per frame and part of each video, by system.
    """
    images = noise_images(4, PADDED, args.device)
    times: Dict[str, List[Dict[str, float]]] = {name: [] for name in systems}
    dtype = getattr(torch, args.amp) if args.amp else None
    with torch.inference_mode(), torch.autocast(
            args.device.type, dtype, enabled=bool(args.amp)):
        for turn in range(args.warmup + args.repeats):
            for name, system in systems.items():
                found = system.time_video(images, args.frames)
                if turn >= args.warmup:
                    times[name].append(found)
    return times


def report(times: Dict[str, List[Dict[str, float]]],
           args: argparse.Namespace) -> bool:
    """Print a table of times; tell whether they are within the limits.

    Args:
        times (dict): Of :func:`time_systems`.
        args (argparse.Namespace): The options.
    """
    kind = device_name(args.device, args.threads)
    print(f'{kind}, torch {torch.__version__}, {args.amp or "fp32"}; '
          f'{args.repeats} videos of {args.frames} frames, {SIZE[0]} x '
          f'{SIZE[1]}\n')
    print_table('ms per frame', times, part_rows(times, [*CAVIS_PARTS, REST]))
    totals = [[sum(video.values()) for video in videos]
              for videos in times.values()]
    fps = [f'{1e3 / statistics.median(values):.1f}' for values in totals]
    print(f'\nframes per second: {", ".join(fps)}')
    ratios = [a / b for a, b in zip(*totals)]
    print(f'time of {" / ".join(times)}: {spread(ratios, ".2f")}')
    networks = [[total - video[RESULTS] for total, video in zip(*system)]
                for system in zip(totals, times.values())]
    print(f'the same without {RESULTS}: '
          f'{spread([a / b for a, b in zip(*networks)], ".2f")}')
    ours = next(iter(times.values()))
    shares = [video[CONTEXT] / sum(video.values()) for video in ours]
    print(f'share of the {CONTEXT}: {spread(shares, ".1%")}')
    return statistics.median(ratios) <= TIME_LIMIT and statistics.median(
        shares) <= CONTEXT_LIMIT


@one_line_errors
def main() -> None:
    """Measure time or memory."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    init_default_scope('mmdet')
    cfg: Config = read_config(args.config, args.cfg_options)
    if args.memory:
        measure_memory(cfg.model, args.device, args.frames, args.window)
        return
    times = time_systems(build_systems(cfg.model, args.device), args)
    if not report(times, args) and args.check:
        raise SystemExit(1)


if __name__ == '__main__':
    main()
