"""Golden and drawn cases of the MOTS scores as samples of a video model."""
import json
from pathlib import Path

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmvis_plugin.evaluation import MOTSMetric
from mmvis_plugin.evaluation.functional.mots import CLASSES
from mmvis_plugin.structures import encode_masks

DATA = Path(__file__).parents[1] / 'data' / 'metrics'


def mots_maps(name):
    """Return annotations, predictions and expected scores of a case."""
    with np.load(DATA / f'mots_{name}.npz') as file:
        count = sum(key.endswith('_gt') for key in file.files)
        return ([file[f'v{i}_gt'] for i in range(count)],
                [file[f'v{i}_pred'] for i in range(count)],
                json.loads(str(file['meta']))['expected']['bdd100k'])


def mots_videos(gt, pred):
    """Return the frames of each video, lists of ``DetDataSample``."""
    return [[
        frame_sample(i, t, *pair, len(maps[0]))
        for t, pair in enumerate(zip(*maps))
    ] for i, maps in enumerate(zip(gt, pred))]


def masks_of(image):
    """Return ids, colours and masks (N, H, W) of a picture."""
    track = image[..., 2].astype(int) * 256 + image[..., 3]
    ids = np.unique(track[track > 0]).tolist()
    masks = np.array([track == i for i in ids]).reshape(-1, *track.shape)
    return ids, [image[m][0].tolist() for m in masks], masks


def frame_sample(video, t, gt, pred, length):
    """Return a frame with its annotations and predictions."""
    ids, rows, masks = masks_of(gt)
    instances = [
        dict(
            instance_id=i,
            bbox_label=row[0] - 1,
            bbox=tight_box(mask),
            ignore_flag=int(row[1] & 3 > 0),
            mask=rle)
        for i, row, mask, rle in zip(ids, rows, masks, encode_masks(masks))
    ]
    ids, rows, masks = masks_of(pred)
    sample = DetDataSample(
        metainfo=dict(
            video_id=video,
            video_name=f'clip-{video}',
            img_id=100 * video + t + 1,
            frame_id=t,
            src_frame=t + 1,
            ori_video_length=length,
            ori_shape=gt.shape[:2],
            has_ann=True,
            instances=instances))
    sample.pred_track_instances = InstanceData(
        instances_id=torch.tensor(ids).long(),
        bboxes=torch.tensor([tight_box(m) for m in masks]).reshape(-1, 4),
        labels=torch.tensor([row[0] - 1 for row in rows]).long(),
        scores=torch.ones(len(ids)),
        masks=encode_masks(masks))
    return sample


def tight_box(mask):
    """Return x1, y1, x2, y2 of a mask."""
    rows, cols = np.nonzero(mask)
    return [
        float(cols.min()),
        float(rows.min()),
        float(cols.max() + 1),
        float(rows.max() + 1)
    ]


def build_metric(videos, **kwargs):
    """Return a metric that waits for these videos."""
    metric = MOTSMetric(**kwargs)
    metric.dataset_meta = dict(
        classes=CLASSES,
        label2cat=tuple(range(1, 9)),
        video_ids=tuple(frames[0].video_id for frames in videos))
    return metric


def feed(metric, samples):
    """Give samples to a metric as an evaluator does; return the metric."""
    for sample in samples:
        metric.process(None, [sample.to_dict()])
    return metric


def draw(*frames):
    """Draw a video; a frame is a list of (id, start, stop, label, bits)."""
    video = np.zeros((len(frames), 4, 40, 4), dtype=np.uint8)
    for image, parts in zip(video, frames):
        for track, start, stop, label, bits in parts:
            image[:, start:stop] = (label + 1, bits, track >> 8, track & 255)
    return video
