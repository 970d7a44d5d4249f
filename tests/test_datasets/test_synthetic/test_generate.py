import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from mmvis_plugin.datasets.synthetic import (PROFILES, generate_flow,
                                             generate_frame, generate_video,
                                             get_cfg)
from mmvis_plugin.datasets.synthetic.generate import _world_with_maps
from mmvis_plugin.datasets.synthetic.world import build_world

DIGESTS = Path(__file__).parents[2] / 'data/moving_shapes_sha256.json'


def digest(video):
    maps = video.label_maps.tobytes() + video.id_maps.tobytes()
    return hashlib.sha256(maps).hexdigest()


def fresh_video(*args, **kwargs):
    _world_with_maps.cache_clear()
    return generate_video(*args, **kwargs)


@pytest.mark.parametrize('key',
                         ['micro/train/0', 'tiny/val/3', 'hard/train/1'])
def test_ground_truth_has_the_recorded_digest(key):
    profile, split, index = key.split('/')
    video = fresh_video(get_cfg(profile), split, int(index), False)
    assert digest(video) == json.loads(DIGESTS.read_text())[key]


def test_same_call_gives_the_same_bytes():
    cfg = get_cfg('micro')
    first = fresh_video(cfg, 'train', 1)
    np.random.seed(5)
    second = fresh_video(get_cfg('micro', num_train=90), 'train', 1)
    assert first.frames.tobytes() == second.frames.tobytes()
    assert digest(first) == digest(second)


def test_no_global_random_state_is_used():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    fresh_video(get_cfg('micro'), 'train', 0)
    assert (np.random.get_state()[1] == before).all()


@pytest.mark.parametrize('other', [('train', 1, 0), ('val', 0, 0),
                                   ('train', 0, 1)])
def test_index_split_and_seed_change_the_video(other):
    split, index, seed = other
    first = generate_video(get_cfg('micro'), 'train', 0)
    second = generate_video(get_cfg('micro', seed=seed), split, index)
    assert digest(first) != digest(second)
    assert (first.frames != second.frames).mean() > 0.5


def test_single_frames_are_those_of_the_video(rich_cfg):
    video = fresh_video(rich_cfg, 'val', 0)
    _world_with_maps.cache_clear()
    frame = generate_frame(rich_cfg, 'val', 0, 5)
    assert (frame == video.frames[5]).all()
    assert (frame != video.frames[4]).any()


def test_maps_agree_with_each_other(rich_cfg):
    video = generate_video(rich_cfg, 'train', 0)
    labels = {o.object_id: o.label for o in video.objects}
    for object_id, label in labels.items():
        assert (video.label_maps[video.mask(object_id)] == label).all()
    assert ((video.label_maps < 8) == (video.id_maps > 0)).all()
    assert set(np.unique(
        video.label_maps[video.id_maps == 0])) <= {*range(8, 14), 255}
    assert (video.visible_areas() <= video.full_areas).all()
    assert video.frames.dtype == np.uint8
    assert video.frames.shape == (8, 64, 96, 3)


@pytest.mark.parametrize('profile', PROFILES)
def test_every_video_shows_an_object_for_three_frames(profile):
    cfg = get_cfg(profile)
    for index in range(3 if cfg.height > 100 else cfg.num_train):
        video = generate_video(cfg, 'train', index, with_images=False)
        plain = [not o.iscrowd for o in video.objects]
        low, high = cfg.objects
        assert low <= sum(plain) <= high
        assert all(o.label < cfg.classes for o in video.objects)
        assert (video.visible_areas() > 0).sum(0)[plain].max() >= 3


def test_layouts_that_show_too_little_are_redrawn():
    cfg = get_cfg('micro', objects=(1, 1), p_late=1., p_exit=1., num_frames=6)
    redrawn = 0
    for index in range(12):
        first = build_world(cfg, 'train', index, attempt=0)
        world, maps = _world_with_maps(cfg, 'train', index)
        assert sum((m.ids == 1).any() for m in maps) >= 3
        redrawn += (first.sprites[0].radius != world.sprites[0].radius)
    assert redrawn > 0


def test_impossible_layouts_are_an_error():
    cfg = get_cfg('micro', objects=(1, 1), p_late=1., p_exit=1., num_frames=4)
    with pytest.raises(ValueError, match='no layout of train_0000 .* 3 fram'):
        generate_video(cfg, 'train', 0)


def test_unknown_split_is_an_error():
    with pytest.raises(ValueError, match="unknown split 'test'"):
        generate_video(get_cfg('micro'), 'test', 0)


@pytest.mark.parametrize('profile', ['tiny', 'hard'])
@pytest.mark.parametrize('distance', [1, -1, 2, -2])
def test_flow_leads_to_the_same_surface(profile, distance):
    still = dict(noise=0., flicker=0., blur=False)
    cfg = get_cfg(profile, num_frames=12, **still)
    video = generate_video(cfg, 'train', 3)
    assert np.ptp(video.label_maps) == 255
    rows, cols = np.mgrid[:cfg.height, :cfg.width]
    errors, kept = [], []
    for source in range(2, 10, 3):
        target = source + distance
        flow, valid = generate_flow(cfg, 'train', 3, source, target)
        assert flow.dtype == np.float32 and np.isfinite(flow).all()
        x = np.floor(cols + flow[0] + 0.5)[valid].astype(int)
        y = np.floor(rows + flow[1] + 0.5)[valid].astype(int)
        for maps in (video.id_maps, video.label_maps):
            assert (maps[target, y, x] == maps[source][valid]).all()
        before = video.frames[source][valid].astype(int)
        after = video.frames[target, y, x].astype(int)
        thing = video.id_maps[source][valid] > 0
        assert (before[~thing] == after[~thing]).all()
        errors.append(np.abs(before - after)[thing].mean())
        kept.append(valid.mean())
    # things turn and grow, so that borders of their texture miss a pixel
    assert np.mean(errors) < 12
    assert 0.7 < min(kept) < 1


def test_flow_of_the_next_frame_is_that_of_the_video():
    cfg = get_cfg('tiny')
    video = generate_video(cfg, 'val', 0, with_images=False, with_flow=True)
    flow, valid = generate_flow(cfg, 'val', 0, 4, 5)
    assert (flow.transpose(1, 2, 0) == video.flow[4]).all()
    assert (valid == video.flow_valid[4]).all()


def test_flow_there_and_back():
    cfg = get_cfg('hard', num_frames=12)
    rows, cols = np.mgrid[:cfg.height, :cfg.width]
    there, valid = generate_flow(cfg, 'train', 0, 3, 5)
    back, _ = generate_flow(cfg, 'train', 0, 5, 3)
    x = np.floor(cols + there[0] + 0.5)[valid].astype(int)
    y = np.floor(rows + there[1] + 0.5)[valid].astype(int)
    # the end is looked up in the pixel that it falls into
    assert np.abs(there[:, valid] + back[:, y, x]).max() < 0.6
    still, seen = generate_flow(cfg, 'train', 0, 3, 3)
    assert np.abs(still).max() < 1e-4 and seen.all()


@pytest.mark.parametrize('frames', [(-1, 0), (0, 6), (6, 0)])
def test_flow_of_frames_that_are_not_there(frames):
    with pytest.raises(ValueError, match='of train_0001, expected 0 to 5'):
        generate_flow(get_cfg('micro'), 'train', 1, *frames)
