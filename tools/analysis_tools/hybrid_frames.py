"""HybridTracker on frames whose segments and similarities are given."""
import argparse
import os.path as osp
import time
from copy import deepcopy
from typing import Any, Callable, Dict, List, Tuple

import torch
from mmdet.structures import DetDataSample
from mmengine.structures import PixelData
from random_frames import frame_meta, noise_images
from stopwatch import TimedModel, wrap
from torch import Tensor, nn

from mmvis_plugin.registry import MODELS
from mmvis_plugin.utils.cli import read_config

CONFIG = osp.relpath(
    osp.join(
        osp.dirname(__file__),
        '../../configs/_base_/models/hybrid-tracker_r50_fpn.py'))
SHARE = 0.28  # of a frame that things cover
CLOCKS = dict(wall=time.perf_counter, cpu=time.process_time)
ITERS = (1, 5, 10, 20)
LEFT_OVER = 'left over'
# methods by what they are called in the table
PARTS = {
    'segmenter: backbone, FPN': ['segmentor.extract_feat'],
    'segmenter: heads, masks, merge': ['segmentor.panoptic_head.predict'],
    'things of the map': ['_segment'],
    'RoIs, embeddings': ['instance_head.cut_out', 'instance_head.forward'],
    'flow: features of the frame': ['_flow_feats'],
    'flow: refinements': ['flow.flow'],
    'similarity': ['_similarities'],
    'association': ['_assign'],
    'write': ['advance', 'online_result'],
}


def id_map(num: int, size: Tuple[int, int], share: float = SHARE) -> Tensor:
    """Draw ellipses on a grid.

    Args:
        num (int): Their number.
        size (tuple[int, int]): Height and width of the map.
        share (float): Of the map that they cover.

    Returns:
        Tensor: ``(H, W)`` int32, 0 or 1 to ``num``.
    """
    columns = int((2 * num - 1)**0.5) + 1
    rows = -(-num // columns)
    y, x = ((torch.arange(side) + 0.5) * cells / side
            for side, cells in zip(size, (rows, columns)))
    cell = y.long()[:, None] * columns + x.long()
    radius = (share * rows * columns / num / torch.pi)**0.5
    distance = (y % 1 - 0.5)[:, None]**2 + (x % 1 - 0.5)**2
    inside = (distance < radius**2) & (cell < num)
    return torch.where(inside, cell + 1, 0).int()


class Frames(TimedModel):
    """One video through a model whose segments and similarities are given.

    Args:
        model (nn.Module): HybridTracker.
        args (argparse.Namespace): The options.
        left_over (bool): Whether the last thing of every frame has no
            partner in the last one.
    """

    def __init__(self, model: nn.Module, args: argparse.Namespace,
                 left_over: bool) -> None:
        self.left_over = left_over
        self.ids = id_map(args.objects, args.size).to(args.device).long()
        self.num_frames = self.num_compared = 0
        self.found: List[int] = []
        self.state: Any = model.init_state({})
        self.images = noise_images(2, args.size, args.device)
        wrap(model, 'segmentor.predict', self._given_segments)
        wrap(model, '_similarities', self._given_similarities)
        super().__init__(model, PARTS, args.device, CLOCKS[args.clock])

    def _given_segments(self, method: Callable) -> Callable:

        def call(*args, **kwargs) -> List[DetDataSample]:
            sample, = method(*args, **kwargs)
            values = sample.pred_panoptic_seg.sem_seg.unique()
            self.found.append(int((values >= 1000).sum()))
            ids = self.ids.roll((self.num_frames, 2 * self.num_frames), (0, 1))
            stuff = self.model.counts.things
            sample.pred_panoptic_seg = PixelData(
                sem_seg=torch.where(ids > 0, 1000 * ids, stuff)[None])
            return [sample]

        return call

    def _given_similarities(self, method: Callable) -> Callable:

        def call(*args, **kwargs) -> Tuple[Tensor, Tensor]:
            sims = [torch.eye(len(s)).to(s) for s in method(*args, **kwargs)]
            if self.left_over and self.num_compared == 0:
                for sim in sims:
                    sim[-1, -1] = 0
            self.num_compared += 1
            return tuple(sims)

        return call

    def step(self) -> None:
        """Process the next frame."""
        image = self.images[self.num_frames % len(self.images)]
        size = tuple(image.shape[-2:])
        meta = frame_meta(self.num_frames, size, size)
        self.num_compared = 0
        output, self.state = self.model.step(image, meta, self.state)
        self.model.online_result(output, self.state)
        self.num_frames += 1

    def time(self) -> Dict[str, float]:
        """Return milliseconds of each part for the next frame."""
        self.watch.seconds.clear()
        self.step()
        times = {k: 1e3 * v for k, v in self.watch.seconds.items()}
        return dict(times, frame=sum(times.values()))


def build_frames(args: argparse.Namespace) -> Dict[str, Frames]:
    """Build the model of each column of the table.

    Args:
        args (argparse.Namespace): The options.
    """
    cfg = read_config(args.config, args.cfg_options).model
    cfg.segmentor.backbone.init_cfg = None
    # whatever its scores are, the segmenter has --objects things to paste
    cfg.segmentor.panoptic_head.test_cfg.update(
        center_thr=0., max_things=args.objects, rescored_thr=0., score_thr=0.)
    columns = {}
    for iters in (*ITERS, LEFT_OVER):
        torch.manual_seed(0)
        model = MODELS.build(deepcopy(cfg)).eval().to(args.device)
        model.flow.iters = ITERS[-1] if iters == LEFT_OVER else iters
        columns[f'{model.flow.iters} refinements' +
                (f', one thing {LEFT_OVER}' if iters == LEFT_OVER else ''
                 )] = Frames(model, args, iters == LEFT_OVER)
    return columns
