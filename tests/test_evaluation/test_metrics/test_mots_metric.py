import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmvis_plugin.evaluation import MOTSMetric, mots
from mmvis_plugin.evaluation.functional.mots import CLASSES
from mmvis_plugin.structures import encode_masks

DATA = Path(__file__).parents[2] / 'data' / 'metrics'


@pytest.fixture
def case():
    with np.load(DATA / 'mots_a.npz') as file:
        videos = [[
            frame_sample(i, t, *pair, len(file[f'v{i}_gt']))
            for t, pair in enumerate(
                zip(file[f'v{i}_gt'], file[f'v{i}_pred']))
        ] for i in range(3)]
        return videos, json.loads(str(file['meta']))['expected']['bdd100k']


def masks_of(image):
    track = image[..., 2].astype(int) * 256 + image[..., 3]
    ids = np.unique(track[track > 0]).tolist()
    masks = np.array([track == i for i in ids]).reshape(-1, *track.shape)
    return ids, [image[m][0].tolist() for m in masks], encode_masks(masks)


def frame_sample(video, t, gt, pred, length):
    instances = [
        dict(
            instance_id=i,
            bbox_label=row[0] - 1,
            ignore_flag=int(row[1] & 3 > 0),
            mask=rle) for i, row, rle in zip(*masks_of(gt))
    ]
    ids, rows, rles = masks_of(pred)
    sample = DetDataSample(
        metainfo=dict(
            video_id=video,
            frame_id=t,
            ori_video_length=length,
            ori_shape=gt.shape[:2],
            has_ann=True,
            instances=instances))
    sample.pred_track_instances = InstanceData(
        instances_id=torch.tensor(ids).long(),
        labels=torch.tensor([row[0] - 1 for row in rows]).long(),
        scores=torch.ones(len(ids)),
        masks=rles)
    return sample


def build():
    metric = MOTSMetric()
    metric.dataset_meta = dict(classes=CLASSES, video_ids=(0, 1, 2))
    return metric


def run(videos, to_samples, window=None):
    metric = build()
    for sample in to_samples(videos, window):
        metric.process(None, [sample.to_dict()])
    assert max(len(pickle.dumps(r)) for r in metric.results) < 2000
    return metric.evaluate(3)


def test_windows_and_order_of_videos(case, to_samples):
    whole = run(case[0], to_samples)
    for window in (1, 4):
        other = run(case[0][::-1], to_samples, window)
        assert other == pytest.approx(whole, rel=1e-12, nan_ok=True)
    expected = mots(*majority_maps())
    for name, value in whole.items():
        assert value == pytest.approx(
            expected[name[5:]], rel=0, abs=1e-9), name


def majority_maps():
    """Give each predicted track the class of most of its frames."""
    with np.load(DATA / 'mots_a.npz') as file:
        gt, pred = ([file[f'v{i}_{kind}'] for i in range(3)]
                    for kind in ('gt', 'pred'))
    for video in pred:
        track = video[..., 2].astype(int) * 256 + video[..., 3]
        for i in np.unique(track[track > 0]):
            labels = [f[t == i][0, 0] for f, t in zip(video, track) if i in t]
            video[track == i, 0] = np.bincount(labels).argmax()
    return gt, pred


def test_gathered_records(case, to_samples):
    whole = run(case[0], to_samples)
    parts = [build(), build()]
    for index, sample in enumerate(to_samples(case[0], None)):
        parts[index % 2].process(None, [sample.to_dict()])
    records = parts[1].results + parts[0].results
    results = parts[0].compute_metrics(records + records[:1])
    assert {f'mots/{key}': value for key, value in results.items()} == whole


def test_foreign_classes(case, to_samples):
    metric = build()
    metric.dataset_meta = dict(classes=('car', ))
    with pytest.raises(ValueError, match='expected .*pedestrian'):
        metric.process(None, [to_samples(case[0])[0].to_dict()])
