"""A model that reads the annotation and errs in a known way.

Its scores are neither perfect nor zero, so that evaluations of it can be
compared.
"""
from typing import Sequence, Tuple

import numpy as np
import torch
from mmdet.structures import TrackDataSample
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.structures import InstanceData, PixelData
from pycocotools import mask as mask_utils
from torch import Tensor, nn

from mmvis_plugin.models.online_video_model import (FrameOutput,
                                                    OnlineVideoModel,
                                                    as_track_sample)
from mmvis_plugin.registry import MODELS
from mmvis_plugin.structures import as_rle, encode_masks, read_panoptic_map


@MODELS.register_module(force=True)
class GuidedTracker(OnlineVideoModel):
    """Finds most objects, displaced by up to ``shift`` pixels, a weight.

    The score of a track is a mean over its frames: windows before the end of
    a video are provisional.
    """

    def __init__(self, num_classes: int = 4, **kwargs) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.shift = nn.Parameter(torch.zeros(1))

    def loss(self, inputs: Tensor, data_samples: Sequence[TrackDataSample]):
        raise NotImplementedError

    def encode(self, inputs: Tensor) -> Sequence[Tensor]:
        return (inputs.mean(dim=(1, 2, 3)), )

    def init_state(self, metainfo: dict) -> dict:
        return {}

    def advance(self, feats: Sequence[Tensor], metainfo: dict,
                state: dict) -> Tuple[FrameOutput, dict]:
        state = dict(state)
        for item in metainfo.get('instances', []):
            rng = draws(item, metainfo)
            state.setdefault(item['instance_id'], []).append(rng.random())
        return FrameOutput(metainfo), state

    def online_result(self, output: FrameOutput, state: dict) -> InstanceData:
        meta = output.metainfo
        found = [
            item for item in meta.get('instances', []) if is_found(item, meta)
        ]
        masks = [self.displaced(item, meta) for item in found]
        ids = [item['instance_id'] for item in found]
        return InstanceData(
            instances_id=torch.tensor(ids).long(),
            labels=torch.tensor([self.label(item) for item in found]).long(),
            scores=torch.tensor([np.mean(state[i]) for i in ids]).double(),
            bboxes=torch.tensor([item['bbox']
                                 for item in found]).reshape(-1, 4).float() +
            self.shift.detach() / 5,
            masks=encode_masks(np.array(masks)) if masks else [])

    def label(self, item: dict) -> int:
        wrong = item['instance_id'] % 4 == 0
        return (item['bbox_label'] + wrong) % self.num_classes

    def displaced(self, item: dict, meta: dict) -> np.ndarray:
        mask = mask_utils.decode(as_rle(item['mask'], *meta['ori_shape'][:2]))
        shift = draws(item, meta).uniform(0, self.shift.item())
        return np.roll(mask, int(shift), axis=1)

    def panoptic_codes(self, meta: dict) -> Tensor:
        """Return label + 1000 * track id of every pixel of a frame."""
        ids = read_panoptic_map(meta['seg_map_path'])
        codes = np.full(ids.shape, 255, dtype=np.int64)
        for item in meta['segments_info']:
            shift = draws(item, meta).uniform(0, self.shift.item())
            mask = np.roll(ids == item['id'], int(shift), axis=1)
            codes[mask] = item['category'] + item['is_thing'] * 1000 * (
                item['instance_id'] +
                (item['instance_id'] % 4 == meta['frame_id']))
        return torch.from_numpy(codes[None])

    def finish(self, outputs, state: dict) -> TrackDataSample:
        sample = as_track_sample(
            [o.metainfo for o in outputs],
            [self.online_result(o, state) for o in outputs])
        for frame in sample:
            if frame.get('seg_map_path') is not None:
                codes = self.panoptic_codes(frame.metainfo)
                frame.pred_panoptic_seg = PixelData(sem_seg=codes)
        return sample


def draws(item: dict, meta: dict) -> np.random.Generator:
    """Return random numbers that belong to an object in a frame."""
    return np.random.default_rng([item['instance_id'], meta['frame_id']])


def is_found(item: dict, meta: dict) -> bool:
    """Tell whether an object is found in a frame."""
    return draws(item, meta).random() < .9


@HOOKS.register_module(force=True)
class SaveWeights(Hook):
    """Write what each process learnt and saw."""

    priority = 'LOWEST'

    def before_run(self, runner) -> None:
        """Start the list of first pixels."""
        self.seen = []

    def after_train_iter(self,
                         runner,
                         batch_idx,
                         data_batch=None,
                         outputs=None) -> None:
        """Note names of the frames of the batch."""
        self.seen += [
            f.img_path for s in data_batch['data_samples'] for f in s
        ]

    def after_train(self, runner) -> None:
        """Write a file per process."""
        model = getattr(runner.model, 'module', runner.model)
        torch.save(
            dict(weights=model.state_dict(), seen=self.seen),
            f'{runner.work_dir}/rank{runner.rank}.pth')
