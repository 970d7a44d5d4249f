"""An online model whose right answer is known: it tracks coloured spots."""
from pathlib import Path
from typing import Optional, Sequence, Tuple

import numpy as np
import torch
from mmdet.structures import TrackDataSample
from mmengine.config import Config
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmvis_plugin.models.online_video_model import (FrameOutput,
                                                    OnlineVideoModel,
                                                    as_track_sample)
from mmvis_plugin.registry import MODELS
from mmvis_plugin.structures import encode_masks


class SpotOutput(FrameOutput):
    """Three masks, one per colour."""

    masks: Optional[Tensor] = None


@MODELS.register_module(force=True)
class SpotTracker(OnlineVideoModel):
    """Red, green and blue pixels are the tracks 0, 1 and 2.

    The score is 0.9, and 0.1 on the first frame that shows the track: it
    needs the state.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.bias = nn.Parameter(torch.zeros(3))

    def loss(self, inputs: Tensor, data_samples: Sequence[TrackDataSample]):
        raise NotImplementedError

    def encode(self, inputs: Tensor) -> Sequence[Tensor]:
        return (inputs + self.bias[:, None, None], )

    def init_state(self, metainfo: dict) -> Tensor:
        return torch.zeros(3, dtype=torch.bool)

    def advance(self, feats: Sequence[Tensor], metainfo: dict,
                state: Tensor) -> Tuple[FrameOutput, Tensor]:
        height, width = metainfo['img_shape'][:2]
        spots = feats[0][:, :, :height, :width]
        spots = nn.functional.interpolate(spots, metainfo['ori_shape'][:2])[0]
        output = SpotOutput(metainfo)
        output.masks = spots > 200
        seen = output.masks.flatten(1).any(1)
        output.scores = torch.where(state, 0.9, 0.1)[seen]
        output.ids = seen.nonzero()[:, 0]
        return output, state | seen

    def online_result(self, output: FrameOutput,
                      state: Tensor) -> InstanceData:
        masks = output.masks[output.ids]
        boxes = []
        for mask in masks:
            y, x = mask.nonzero().T
            boxes.append([x.min(), y.min(), x.max() + 1, y.max() + 1])
        return InstanceData(
            instances_id=output.ids,
            labels=output.ids % 2,
            scores=output.scores,
            bboxes=torch.tensor(boxes).reshape(-1, 4).float(),
            masks=encode_masks(masks))

    def finish(self, outputs, state: Tensor) -> TrackDataSample:
        return as_track_sample([o.metainfo for o in outputs],
                               [self.online_result(o, state) for o in outputs])


def spot_config(scale: Optional[Tuple[int, int]] = None) -> Config:
    """Return a config of the tracker; ``scale`` (w, h) resizes frames."""
    pipeline = [
        dict(
            type='TransformBroadcaster',
            transforms=[dict(type='LoadVideoFrame')]),
        dict(type='PackClipInputs')
    ]
    if scale is not None:
        pipeline[0]['transforms'].append(
            dict(
                type='Resize',
                scale=scale,
                keep_ratio=True,
                interpolation='nearest'))
    dataset = dict(
        type='YouTubeVIS',
        ann_file='absent.json',
        metainfo=dict(classes=('even', 'odd')),
        test_mode=True,
        pipeline=pipeline)
    return Config(
        dict(
            default_scope='mmdet',
            model=dict(
                type='SpotTracker',
                data_preprocessor=dict(
                    type='TrackDataPreprocessor',
                    mean=[0., 0., 0.],
                    std=[1., 1., 1.],
                    bgr_to_rgb=True,
                    pad_size_divisor=32)),
            test_dataloader=dict(dataset=dataset)))


def write_config(folder: Path, **kwargs) -> str:
    """Write :func:`spot_config` to a file and return its name."""
    path = folder / 'spot_tracker.py'
    path.write_text(spot_config(**kwargs).pretty_text)
    return str(path)


def spot_frame(frame_id: int, size: Tuple[int, int] = (60, 80)) -> np.ndarray:
    """Return a BGR frame: a red 20x20 square that moves right by 4 pixels
    per frame and, from frame 2 on, a blue one that stays."""
    frame = np.full((*size, 3), 30, np.uint8)
    left = 4 + 4 * frame_id
    frame[8:28, left:left + 20] = (0, 0, 255)
    if frame_id >= 2:
        frame[36:56, 52:72] = (255, 0, 0)
    return frame
