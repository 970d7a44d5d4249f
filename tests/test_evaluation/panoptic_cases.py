"""Golden and random cases of the panoptic metrics."""
import json
from pathlib import Path

import numpy as np

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
