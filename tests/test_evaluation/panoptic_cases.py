"""Golden and random cases of the panoptic metrics."""
import json
from pathlib import Path

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import PixelData
from PIL import Image

DATA = Path(__file__).parents[1] / 'data' / 'metrics'
VPQ_CASES = [
    f'vpq_{kind}_{case}' for kind in ('cityscapes', 'viper', 'vipseg')
    for case in 'ab'
]


def read_case(name):
    """Return the arrays of a golden case and its description."""
    with np.load(DATA / f'{name}.npz') as file:
        arrays = {key: file[key] for key in file.files}
    return arrays, json.loads(str(arrays.pop('meta')))


def vpq_case(name):
    """Return the videos of a case and its description."""
    arrays, meta = read_case(name)
    videos = [
        dict(video, gt=arrays[f'v{i}_gt'], pred=arrays[f'v{i}_pred'])
        for i, video in enumerate(meta['videos'])
    ]
    return videos, meta


def vpq_rules(name):
    """Return the options of the data set that a case is like."""
    return dict(
        min_area=1024, skip_categories=(11, )) if 'viper' in name else {}


def random_video(rng, length=5, size=(6, 8), num_ids=5, num_categories=3):
    """Return a video of blocky segments: class flips, crowd, void."""

    def side(crowd):
        small = rng.integers(0, num_ids + 1, (length, 3, 4))
        # most of a frame stays as it was
        for t in range(1, length):
            keep = rng.random(small[t].shape) < .6
            small[t][keep] = small[t - 1][keep]
        maps = np.kron(small, np.ones((1, size[0] // 3, size[1] // 4), int))
        classes = rng.integers(0, num_categories, num_ids + 1)
        is_crowd = (rng.random(num_ids + 1) < .4) & crowd
        lists = []
        for frame in maps:
            flip = rng.random(num_ids + 1) < .15
            ids = rng.permutation(np.unique(frame[frame > 0]))
            lists.append([
                dict(
                    id=int(i) * 7,
                    category_id=int((classes[i] + flip[i]) % num_categories),
                    iscrowd=int(is_crowd[i]),
                    area=int((frame == i).sum())) for i in ids
            ])
        return (maps * 7).astype(np.uint32), lists

    gt, gt_segments = side(True)
    pred, pred_segments = side(False)
    # half of the prediction is right, else nothing ever matches
    for t in range(length):
        if rng.random() < .6:
            pred[t], pred_segments[t] = gt[t], gt_segments[t]
    return dict(
        gt=gt, pred=pred, gt_segments=gt_segments, pred_segments=pred_segments)


def case_metainfo(categories, num_videos):
    """Return the metainfo of a data set: labels, things first."""
    order = sorted(categories, key=lambda c: (not c['isthing'], c['id']))
    return dict(
        classes=tuple(c['name'] for c in order),
        thing_classes=tuple(c['name'] for c in order if c['isthing']),
        label2cat=tuple(c['id'] for c in order),
        video_ids=tuple(range(num_videos)))


def encode_prediction(ids, lists, cat2label):
    """Return label + 1000 * number of the id; both values of void."""
    found = sorted({s['id'] for segments in lists for s in segments})
    out = np.full(ids.shape, len(cat2label), dtype=np.int64)
    out[1::2] = 255 + 1000 * 3
    for frame, segments, target in zip(ids, lists, out):
        for segment in segments:
            target[frame == segment['id']] = cat2label[
                segment['category_id']] + 1000 * (
                    found.index(segment['id']) + 1)
    return out


def write_ids(path, ids):
    """Write a picture of segment ids with another program than reads it."""
    rgb = np.stack([ids >> shift & 255 for shift in (0, 8, 16)], axis=-1)
    Image.fromarray(rgb.astype(np.uint8)).save(path)
    return str(path)


def panoptic_frames(video, video_id, metainfo, folder, has_ann=None):
    """Return the frames of a video as samples; its annotation on disk."""
    cat2label = {c: i for i, c in enumerate(metainfo['label2cat'])}
    pred = encode_prediction(video['pred'], video['pred_segments'], cat2label)
    frames = []
    for t, ids in enumerate(video['gt']):
        info = [
            dict(
                id=s['id'],
                category=cat2label[s['category_id']],
                iscrowd=s['iscrowd'],
                instance_id=0,
                area=s['area']) for s in video['gt_segments'][t]
        ]
        labelled = has_ann is None or has_ann[t]
        frame = DetDataSample(
            metainfo=dict(
                video_id=video_id,
                video_name=f'name{video_id}',
                frame_id=t,
                ori_video_length=len(pred),
                ori_shape=ids.shape,
                has_ann=labelled))
        if labelled:
            path = write_ids(folder / f'{video_id}_{t}.png', ids)
            frame.set_metainfo(dict(seg_map_path=path, segments_info=info))
        frame.pred_panoptic_seg = PixelData(
            sem_seg=torch.from_numpy(pred[t][None]))
        frames.append(frame)
    return frames


def panoptic_samples(name, folder):
    """Return the frames of the videos of a golden case, and metainfo."""
    videos, meta = vpq_case(name)
    metainfo = case_metainfo(meta['categories'], len(videos))
    return [
        panoptic_frames(video, i, metainfo, folder)
        for i, video in enumerate(videos)
    ], metainfo


def split_ids(video, categories):
    """Return a video in which a predicted id of two classes is two ids."""
    ids = np.zeros(video['pred'].shape, dtype=np.int64)
    lists = []
    for frame, segments, target in zip(video['pred'], video['pred_segments'],
                                       ids):
        for segment in segments:
            target[frame == segment[
                'id']] = segment['id'] * categories + segment['category_id']
        lists.append([
            dict(s, id=s['id'] * categories + s['category_id'])
            for s in segments
        ])
    return dict(video, pred=ids, pred_segments=lists)
