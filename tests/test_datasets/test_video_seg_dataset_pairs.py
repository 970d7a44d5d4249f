"""Pairs of frames where the video data sets of mmdet go wrong."""
import json

import numpy as np
import pytest

from mmvis_plugin.datasets import BDD100KMOTS
from mmvis_plugin.datasets.samplers import KeyFrameSampler

CLIP = dict(
    type='ClipSample',
    num_frames=2,
    frame_range=3,
    mode='ref',
    share_object=True)


@pytest.fixture
def build(tmp_path, collect):
    """Return a function that makes a data set of ids per frame and video."""

    def build(*shown):
        videos, images, annotations = [], [], []
        for v, frames in enumerate(shown, 1):
            videos.append(dict(id=v, name=f'v{v}'))
            for t, ids in enumerate(frames):
                images.append(
                    dict(
                        id=len(images) + 1,
                        video_id=v,
                        frame_id=t,
                        file_name=f'v{v}/{t:07d}.png',
                        height=40,
                        width=60))
                annotations += [
                    dict(
                        id=100 * len(images) + i,
                        image_id=len(images),
                        video_id=v,
                        instance_id=i,
                        category_id=3,
                        bbox=[1 + 9 * i, 2, 8, 9],
                        area=72,
                        iscrowd=0) for i in ids
                ]
        path = tmp_path / 'videos.json'
        path.write_text(
            json.dumps(
                dict(
                    videos=videos,
                    images=images,
                    annotations=annotations,
                    categories=[dict(id=3, name='car')])))
        return BDD100KMOTS(
            ann_file=str(path),
            check_files='none',
            filter_cfg=dict(filter_empty_gt=False),
            serialize_data=False,
            pipeline=[CLIP, collect])

    return build


def drawn_pairs(dataset, collect, rounds=20):
    """Return key and reference frame of clips of every key frame."""
    pairs = set()
    for seed in range(rounds):
        np.random.seed(seed)
        for key in KeyFrameSampler(dataset, seed=seed):
            dataset[key]
            clip = collect[-1]
            flags = clip['key_frame_flags']
            frames = dict(zip(flags, clip['frame_id']))
            pairs.add((clip['video_id'][0], frames[True], frames[False]))
    return pairs


def test_object_0_keeps_its_identity(build):
    # mmdet takes 0 for a missing id and puts the place in the list there
    dataset = build([[0], [2, 0], [5, 2, 0]])
    ids = [{
        obj['bbox'][0]: obj['instance_id']
        for obj in image['instances']
    } for image in dataset.get_data_info(0)['images']]
    places = {1: 1, 19: 2, 46: 3}
    for found, shown in zip(ids, ([1], [19, 1], [46, 19, 1])):
        assert found == {x: places[x] for x in shown}


def test_frames_without_objects_keep_others_apart(build, collect):
    # mmdet deletes them, so that frames 0 and 5 would become neighbours
    dataset = build([[1], [], [], [], [], [1], [1]], [[2], [2]])
    pairs = drawn_pairs(dataset, collect)
    assert {pair for pair in pairs if pair[0] == 1} == {(1, 5, 6), (1, 6, 5)}


def test_pairs_share_an_object(build, collect):
    dataset = build([[0, 1], [1, 2], [2], [0]], [[3], [3]])
    pairs = drawn_pairs(dataset, collect)
    assert {pair
            for pair in pairs if pair[0] == 1} == {(1, 0, 1), (1, 0, 3),
                                                   (1, 1, 0), (1, 1, 2),
                                                   (1, 2, 1), (1, 3, 0)}
