import numpy as np
import pytest

from mmvis_plugin.datasets.synthetic import generate_video, get_cfg
from mmvis_plugin.datasets.synthetic.renderer import render_image, render_maps
from mmvis_plugin.datasets.synthetic.shapes import covers
from mmvis_plugin.datasets.synthetic.world import build_world

STILL = dict(noise=0., flicker=0., blur=False)


def paint_by_loop(world, frame):
    """Paint identities pixel by pixel with an own pose formula."""
    cfg = world.cfg
    ids = np.zeros((cfg.height, cfg.width), dtype=int)
    for sprite in world.sprites:
        if not sprite.track.present[frame]:
            continue
        angle = sprite.track.angle[frame]
        axes = sprite.radius * sprite.track.scale[frame] * np.array(
            [sprite.aspect**0.5, sprite.aspect**-0.5])
        turn = np.array([[np.cos(angle), -np.sin(angle)],
                         [np.sin(angle), np.cos(angle)]]) * axes
        inverse = np.linalg.inv(turn)
        for y in range(cfg.height):
            for x in range(cfg.width):
                point = np.array([x + 0.5, y + 0.5])
                u, v = inverse @ (point - sprite.track.center[frame])
                if covers(sprite.shape, np.array([u]), np.array([v]),
                          sprite.lobes, sprite.depth)[0]:
                    ids[y, x] = sprite.object_id
    return ids


@pytest.mark.parametrize('index', [0, 1])
def test_identities_match_a_loop_over_pixels(index):
    cfg = get_cfg('micro', height=32, width=40, classes=8, void='none')
    world = build_world(cfg, 'train', index)
    assert (render_maps(world, 2).ids == paint_by_loop(world, 2)).all()


def test_front_hides_back_and_full_area_counts_both():
    cfg = get_cfg('micro', objects=(2, 2), classes=1, p_late=0., p_exit=0.)
    world = build_world(cfg, 'train', 0)
    back, front = world.sprites
    back.radius, front.radius = 12., 8.
    for sprite in (back, front):
        sprite.track.center[:] = (48, 32)
        sprite.track.scale[:] = 1
        sprite.aspect = 1.
    maps = render_maps(world, 0)
    disc = np.hypot(*np.mgrid[-31.5:32, -47.5:48])
    assert ((maps.ids == front.object_id) == (disc <= 8)).all()
    assert ((maps.ids == back.object_id) == ((disc > 8) & (disc <= 12))).all()
    assert maps.full_areas[back.object_id - 1] == (disc <= 12).sum()


def test_strip_and_pillar_hide_objects(rich_cfg):
    world = build_world(rich_cfg, 'train', 0)
    world.pillars = [(20., 40.)]
    maps = render_maps(world, 3)
    left = 20 - int(world.background.offsets[3])
    assert (maps.labels[-5:] == 255).all()
    assert (maps.labels[:-5, max(left, 0):left + 20] == 9).all()
    assert (maps.ids[:, max(left, 0):left + 20] == 0).all()
    image = render_image(world, 3, maps)
    assert image[-5:].mean() < 60


def test_void_blobs_stay_behind_objects():
    cfg = get_cfg('micro', void='blobs', num_train=4)
    video = generate_video(cfg, 'train', 0, with_images=False)
    assert 0 < (video.label_maps == 255).mean() < 0.2
    bare = generate_video(
        get_cfg('micro', void='none'), 'train', 0, with_images=False)
    assert not (bare.label_maps == 255).any()


@pytest.mark.parametrize('stuff', range(1, 7))
def test_number_of_stuff_classes(stuff):
    cfg = get_cfg('micro', stuff=stuff, objects=(1, 1), void='none')
    labels = generate_video(cfg, 'train', 0, with_images=False).label_maps
    assert len(np.unique(labels[labels >= 8])) == stuff
    assert 8 in labels


def test_flow_moves_pixels_onto_the_same_surface():
    cfg = get_cfg('small', num_frames=6, p_cross=0., p_occlude=0., **STILL)
    errors, kept = [], []
    for index in range(3):
        video = generate_video(cfg, 'train', index, with_flow=True)
        rows, cols = np.mgrid[:cfg.height, :cfg.width]
        for t in range(cfg.num_frames - 1):
            valid = video.flow_valid[t]
            x = np.floor(cols + 0.5 + video.flow[t, ..., 0])[valid].astype(int)
            y = np.floor(rows + 0.5 + video.flow[t, ..., 1])[valid].astype(int)
            assert (video.id_maps[t + 1][y,
                                         x] == video.id_maps[t][valid]).all()
            before = video.frames[t][valid].astype(int)
            after = video.frames[t + 1][y, x].astype(int)
            stuff = video.id_maps[t][valid] == 0
            assert (before[stuff] == after[stuff]).all()
            errors.append(np.abs(before - after)[~stuff].mean())
            kept.append(valid.mean())
    # objects turn and grow, so texture borders may fall beside the pixel
    assert np.mean(errors) < 12
    assert min(kept) > 0.8


def test_flow_is_the_motion_of_the_sprite():
    cfg = get_cfg('micro', objects=(1, 1), num_frames=4, p_late=0., p_exit=0.)
    world = build_world(cfg, 'train', 1)
    video = generate_video(cfg, 'train', 1, with_flow=True)
    track = world.sprites[0].track
    mask = video.mask(1)[0]
    rows, cols = np.nonzero(mask)
    offset = np.stack([cols, rows], 1) + 0.5 - track.center[0]
    turn = track.angle[1] - track.angle[0]
    grow = track.scale[1] / track.scale[0]
    rotation = grow * np.array([[np.cos(turn), -np.sin(turn)],
                                [np.sin(turn), np.cos(turn)]])
    expected = offset @ rotation.T + track.center[1] - track.center[0]
    expected = expected - offset
    np.testing.assert_allclose(video.flow[0][mask], expected, atol=1e-4)


def test_flow_of_stuff_is_whole_pixels_and_slower_when_far():
    cfg = get_cfg('micro', objects=(1, 1), pan=60., num_frames=6, void='none')
    video = generate_video(cfg, 'train', 0, with_flow=True)
    world = build_world(cfg, 'train', 0)
    stuff = video.id_maps[:-1] == 0
    assert (video.flow[stuff] == np.round(video.flow[stuff])).all()
    assert (video.flow[stuff][:, 1] == 0).all()
    sky = video.label_maps[:-1] == 8
    near = video.label_maps[:-1] >= 11
    pan = np.diff(world.background.offsets)
    assert np.abs(pan).sum() > 4
    for t, step in enumerate(pan):
        assert (video.flow[t, ..., 0][near[t]] == -step).all()
    ratio = np.abs(video.flow[sky]).sum() / sky.sum() / (
        np.abs(video.flow[near]).sum() / near.sum())
    assert 0.3 < ratio < 0.7


def test_noise_flicker_and_blur_change_images_only():
    base = get_cfg('micro', **STILL)
    clean = generate_video(base, 'train', 0)
    assert clean.flow is None and clean.flow_valid is None
    for change in (dict(noise=8.), dict(flicker=0.2), dict(blur=True)):
        other = generate_video(
            get_cfg('micro', **{
                **STILL,
                **change
            }), 'train', 0)
        assert (other.id_maps == clean.id_maps).all()
        assert (other.frames != clean.frames).any()
    noisy = generate_video(
        get_cfg('micro', **{
            **STILL, 'noise': 8.
        }), 'train', 0)
    inner = (clean.frames > 40) & (clean.frames < 215)
    noise = (noisy.frames.astype(int) - clean.frames)[inner]
    assert noise.std() == pytest.approx(8, rel=0.05)
