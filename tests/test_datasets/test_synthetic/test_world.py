"""Twins, crowds, entries, returns and occlusions happen as described."""
import numpy as np
import pytest

from mmvis_plugin.datasets.synthetic import generate_video, get_cfg
from mmvis_plugin.datasets.synthetic.world import build_world

QUIET = dict(
    p_late=0., p_exit=0., p_return=0., p_occlude=0., p_twin=0., p_crowd=0.)


def worlds(num=10, split='train', **overrides):
    cfg = get_cfg('tiny', **{**QUIET, **overrides})
    return [build_world(cfg, split, index) for index in range(num)]


def runs(flags):
    """Return (value, length) of the runs of a bool array."""
    edges = np.flatnonzero(np.diff(flags.astype(int))) + 1
    return [(bool(part[0]), len(part)) for part in np.split(flags, edges)]


@pytest.mark.parametrize('p_cross', [0., 1.])
def test_twins_look_alike_and_start_apart(p_cross):
    pairs, closest = 0, []
    for world in worlds(20, p_twin=1., p_cross=p_cross, twin_hue=0.05):
        by_id = {sprite.object_id: sprite for sprite in world.sprites}
        for twin in world.sprites:
            if twin.twin_of is None:
                continue
            model = by_id[twin.twin_of]
            assert (twin.label, twin.aspect) == (model.label, model.aspect)
            assert twin.texture.kind == model.texture.kind
            hue = abs(twin.texture.hsv[0] - model.texture.hsv[0])
            assert min(hue, 1 - hue) <= 0.05
            assert 0.9 <= twin.radius / model.radius <= 1.1
            gaps = np.hypot(*(twin.track.center - model.track.center).T)
            diameter = 2 * max(twin.radius, model.radius)
            assert gaps[0] >= 1.5 * diameter
            closest.append(gaps.min() / gaps[0])
            pairs += 1
    assert pairs >= 20
    if p_cross:
        assert max(closest) < 0.2
    else:
        assert np.median(closest) > 0.5


def test_returning_objects_keep_their_id():
    gaps, seen_again = [], 0
    cfg = get_cfg('tiny', **{**QUIET, 'p_return': 1.})
    for index in range(8):
        world = build_world(cfg, 'train', index)
        for sprite in world.sprites:
            (before, _), (_, gap), (after, _) = runs(sprite.track.present)
            assert before and after
            gaps.append(gap)
        video = generate_video(cfg, 'train', index, with_images=False)
        for sprite in world.sprites:
            there = video.mask(sprite.object_id).any((1, 2))
            assert not there[~sprite.track.present].any()
            gone = np.flatnonzero(~sprite.track.present)
            seen_again += there[:gone[0]].any() and there[gone[-1] + 1:].any()
    assert min(gaps) >= 2 and max(gaps) <= 5 and len(set(gaps)) > 2
    assert seen_again > 0.6 * len(gaps)


def test_objects_leave_over_the_nearest_border():
    for world, still in zip(worlds(8, p_exit=1.), worlds(8, p_exit=0.)):
        size = np.array([world.cfg.width, world.cfg.height])
        for sprite, calm in zip(world.sprites, still.sprites):
            last = np.flatnonzero(sprite.track.present)[-1]
            assert last < world.cfg.num_frames - 1

            def margin(track):
                center = track.center[last]
                return min(center.min(), (size - center).min())

            assert margin(sprite.track) < margin(calm.track)


def test_late_objects_are_absent_at_first():
    starts = [
        np.flatnonzero(sprite.track.present)[0]
        for world in worlds(8, p_late=1.) for sprite in world.sprites
    ]
    assert min(starts) >= 1 and max(starts) <= 6


def test_an_object_is_hidden_entirely_for_two_frames():
    cfg = get_cfg('tiny', **{**QUIET, 'p_occlude': 1.})
    with_pillar = 0
    for index in range(16):
        with_pillar += bool(build_world(cfg, 'train', index).pillars)
        video = generate_video(cfg, 'train', index, with_images=False)
        hidden = (video.full_areas > 0) & (video.visible_areas() == 0)
        assert (hidden[1:] & hidden[:-1]).any(), index
    # both ways to hide are in use
    assert 0 < with_pillar < 16


def test_crowds_are_one_region_of_tiny_parts():
    for world in worlds(10, p_crowd=1.):
        crowd = [sprite for sprite in world.sprites if sprite.iscrowd]
        assert 4 <= len(crowd) <= 8
        assert len({(s.object_id, s.label) for s in crowd}) == 1
        others = [s for s in world.sprites if not s.iscrowd]
        assert max(s.radius for s in crowd) < min(s.radius for s in others)
        card = world.objects[-1]
        assert card.iscrowd and card.object_id == len(world.objects)
        assert 3 <= len(others) <= 5
    assert not any(
        s.iscrowd for w in worlds(10, p_crowd=0.) for s in w.sprites)


def test_sizes_and_scales_stay_in_range():
    for world in worlds(20):
        for sprite in world.sprites:
            assert 0.08 * 96 <= sprite.radius <= 0.22 * 96
            assert 0.7 <= sprite.aspect <= 1.4
            scale = sprite.track.scale
            assert scale.min() >= 0.7 and scale.max() <= 1.4


def test_speed_sets_the_motion():

    def step(speed):
        cfg_worlds = worlds(15, speed=speed, pan=0., p_cross=0.)
        steps = [
            np.abs(np.diff(s.track.center, axis=0)).mean() for w in cfg_worlds
            for s in w.sprites
        ]
        return np.mean(steps)

    slow, fast = step(0.005), step(0.02)
    assert 2.5 < fast / slow < 5
    assert step(0.) == 0
