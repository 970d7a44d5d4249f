"""Memory that CAVIS needs for a long video."""
import time
from copy import deepcopy

import torch
from benchmark_metric_memory import peak_bytes
from mmdet.structures import DetDataSample, TrackDataSample
from mmengine.config import ConfigDict
from random_frames import frame_meta
from torch import Tensor
from torch.nn.functional import interpolate

from mmvis_plugin.models.cavis import SegmentedFrames
from mmvis_plugin.registry import MODELS
from mmvis_plugin.testing import nbytes
from mmvis_plugin.utils.memory import resident_bytes

# of the padded input, of what it holds, and of the frame
OVIS_PADDED, OVIS_SIZE, OVIS_FRAME = (448, 800), (448, 796), (1080, 1920)


class RandomFeatures:
    """What a segmenter could find on frames of the size of OVIS.

    Args:
        cfg (ConfigDict): Model of CAVIS.
        device (torch.device): Of the tensors.
    """

    def __init__(self, cfg: ConfigDict, device: torch.device) -> None:
        head = cfg.segment_head
        self.num_queries, self.dims = head.num_queries, head.feat_channels
        self.num_logits = 1 + head.num_things_classes + head.num_stuff_classes
        self.device = device

    def __call__(self, inputs: Tensor) -> SegmentedFrames:
        """Return smooth maps and random queries for ``(F, 3, H, W)``."""
        num, size = len(inputs), [side // 4 for side in inputs.shape[-2:]]

        def draw(*shape) -> Tensor:
            return torch.randn(num, *shape, device=self.device)

        def blobs(channels: int) -> Tensor:
            return interpolate(draw(channels, 7, 12), size, mode='bilinear')

        queries = (self.num_queries, self.dims)
        return SegmentedFrames(
            draw(self.num_queries, self.num_logits), blobs(self.num_queries),
            draw(*queries), draw(*queries), draw(*queries), blobs(self.dims))


@torch.inference_mode()
def measure_memory(cfg: ConfigDict, device: torch.device, num_frames: int,
                   window: int) -> None:
    """Predict a video of random features; print what it took.

    Args:
        cfg (ConfigDict): Model of CAVIS.
        device (torch.device): Of the model.
        num_frames (int): Of the video.
        window (int): Frames per step.
    """
    cfg = deepcopy(cfg)
    features = RandomFeatures(cfg, device)
    # the network is not run
    cfg.backbone = dict(type='ResNet', depth=18, base_channels=4)
    model = MODELS.build(cfg).eval().to(device)
    model.encode = features
    metas = [
        frame_meta(i, OVIS_SIZE, OVIS_PADDED, OVIS_FRAME, num_frames)
        for i in range(num_frames)
    ]
    before, start, kept = resident_bytes(), time.perf_counter(), 0
    for first in range(0, num_frames, window):
        sample = TrackDataSample()
        sample.video_data_samples = [
            DetDataSample(metainfo=meta)
            for meta in metas[first:first + window]
        ]
        inputs = torch.zeros(1).expand(1, len(sample), 3, *OVIS_PADDED)
        (result, ) = model.predict(inputs, [sample])
        if first == 0 and model._video is not None:
            kept = nbytes(model._video.outputs) / len(sample)
    seconds = time.perf_counter() - start
    num = sum(len(frame.get('pred_track_instances', [])) for frame in result)
    print(f'stage {cfg.stage!r}: {features.num_queries} slots, {num_frames} '
          f'frames of {OVIS_PADDED[0]} x {OVIS_PADDED[1]}, masks of '
          f'{OVIS_FRAME[0]} x {OVIS_FRAME[1]}, windows of {window}')
    print(f'kept per frame: {kept / 2**20:.2f} MiB; resident memory before: '
          f'{before / 2**20:.0f} MiB, at its peak {peak_bytes() / 2**20:.0f} '
          'MiB')
    print(f'{seconds / num_frames * 1e3:.0f} ms per frame; {num} masks of '
          f'{len(result)} frames')
