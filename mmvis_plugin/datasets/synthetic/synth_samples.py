"""MovingShapes as what a video model hands to the metrics."""
import os.path as osp
from typing import Dict, List

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData, PixelData
from pycocotools import mask as mask_utils

from mmvis_plugin.structures import encode_masks, write_panoptic_map
from .background import VOID
from .synth_cfg import SHAPES, STUFF
from .synth_prediction import SynthPrediction

_ID_STEP = 1000


def panoptic_metainfo(num_videos: int) -> dict:
    """Return the metainfo of a panoptic data set of MovingShapes.

    Args:
        num_videos (int): Videos have the ids 0 to this number, excluded.
    """
    classes = SHAPES + STUFF
    return dict(
        classes=classes,
        thing_classes=SHAPES,
        stuff_classes=STUFF,
        label2cat=tuple(range(len(classes))),
        video_ids=tuple(range(num_videos)))


def sample_frames(truth: SynthPrediction, found: SynthPrediction,
                  video_id: int, folder: str) -> List[DetDataSample]:
    """Return the frames of a video with annotations and predictions.

    They carry what every metric of the package looks at. Maps of the
    annotated segments are written to ``folder``.

    Args:
        truth (SynthPrediction): The ground truth of a video.
        found (SynthPrediction): What a model says about it.
        video_id (int): Id of the video.
        folder (str): Where the maps go, ``<video_id>_<frame>.png``.

    Returns:
        list[DetDataSample]: ``pred_track_instances`` and
        ``pred_panoptic_seg``, and the metainfo of a frame.
    """
    length, *size = truth.id_maps.shape
    frames = []
    for t in range(length):
        path = osp.join(folder, f'{video_id}_{t}.png')
        frame = DetDataSample(
            metainfo=dict(
                video_id=video_id,
                video_name=f'video_{video_id}',
                frame_id=t,
                img_id=_ID_STEP * video_id + t,
                img_path=path,
                ori_video_length=length,
                ori_shape=tuple(size),
                has_ann=True,
                instances=_instances(truth, t, video_id),
                seg_map_path=path,
                segments_info=_write_segments(truth, t, video_id, path)))
        frame.pred_track_instances = _tracks(found, t)
        codes = _ID_STEP * found.id_maps[t] + found.label_maps[t]
        frame.pred_panoptic_seg = PixelData(
            sem_seg=torch.from_numpy(codes[None]))
        frames.append(frame)
    return frames


def _seen(pred: SynthPrediction, t: int, crowds: bool) -> Dict[int, dict]:
    """Return the masks of the objects of a frame by identity."""
    ids = sorted(set(pred.labels) - (set() if crowds else pred.crowds))
    masks = encode_masks(pred.id_maps[t] == np.reshape(ids, (-1, 1, 1)))
    return {i: m for i, m in zip(ids, masks) if mask_utils.area(m)}


def _corners(rle: dict) -> List[float]:
    left, top, width, height = mask_utils.toBbox(rle).tolist()
    return [left, top, left + width, top + height]


def _instances(truth: SynthPrediction, t: int, video_id: int) -> List[dict]:
    return [
        dict(
            instance_id=_ID_STEP * video_id + i,
            bbox_label=truth.labels[i],
            bbox=_corners(rle),
            ignore_flag=int(i in truth.crowds),
            mask=rle,
            area=int(mask_utils.area(rle)))
        for i, rle in _seen(truth, t, True).items()
    ]


def _tracks(found: SynthPrediction, t: int) -> InstanceData:
    seen = _seen(found, t, False)
    return InstanceData(
        instances_id=torch.tensor(list(seen)).long(),
        labels=torch.tensor([found.labels[i] for i in seen]).long(),
        scores=torch.tensor([found.scores[i] for i in seen]).double(),
        bboxes=torch.tensor([_corners(m)
                             for m in seen.values()]).reshape(-1, 4),
        masks=list(seen.values()))


def _write_segments(truth: SynthPrediction, t: int, video_id: int,
                    path: str) -> List[dict]:
    labels, objects = truth.label_maps[t].astype(np.int64), truth.id_maps[t]
    ids = np.where(labels == VOID, 0, _ID_STEP * (labels + 1) + objects)
    write_panoptic_map(path, ids)
    found, areas = np.unique(ids[ids > 0], return_counts=True)
    return [
        dict(
            id=i,
            category=i // _ID_STEP - 1,
            is_thing=i % _ID_STEP > 0,
            iscrowd=int(i % _ID_STEP in truth.crowds),
            instance_id=_ID_STEP * video_id + i % _ID_STEP,
            area=area) for i, area in zip(found.tolist(), areas.tolist())
    ]
