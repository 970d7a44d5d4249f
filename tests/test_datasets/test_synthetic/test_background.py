import numpy as np
import pytest

from mmvis_plugin.datasets.synthetic.background import (Background,
                                                        build_background,
                                                        camera_offsets)
from mmvis_plugin.datasets.synthetic.synth_cfg import get_cfg


def stream(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def test_view_picks_plane_by_horizon_and_moves_far_by_half():
    far = np.arange(12, dtype=np.uint8).reshape(2, 6) % 3
    near = 3 + np.arange(16, dtype=np.uint8).reshape(2, 8) % 3
    horizon = np.array([0.5, 0.6, 1.5, 1.6, 0.5, 2., 0.4, 1.5])
    background = Background(far, far[..., None] * np.ones(3), near,
                            near[..., None] * np.ones(3), horizon,
                            np.array([0, 3]))
    for frame, offset in enumerate((0, 3)):
        labels, is_near = background.labels(frame, 4)
        colors = background.colors(frame, is_near)
        for y in range(2):
            for x in range(4):
                expect = y + 0.5 >= horizon[x + offset]
                label = near[y, x + offset] if expect else far[y,
                                                               x + offset // 2]
                assert is_near[y, x] == expect
                assert labels[y, x] == label
                assert (colors[y, x] == label).all()


@pytest.mark.parametrize('pan', [0., 1.5, 8.])
def test_camera_moves_by_whole_pixels_within_its_speed(pan):
    cfg = get_cfg('tiny', pan=pan)
    widths = []
    for seed in range(20):
        offsets = camera_offsets(stream(seed), cfg)
        assert offsets.dtype == np.int64 and offsets.shape == (12, )
        assert offsets.min() == 0
        assert np.abs(np.diff(offsets)).max() <= np.ceil(2 * pan)
        widths.append(offsets.max())
    assert (max(widths) > 3 * pan) if pan else max(widths) == 0


def test_bands_follow_each_other_from_top_to_bottom():
    cfg = get_cfg('small', stuff=6, void='none')
    offsets = np.array([0, 5])
    scene = build_background(stream(1), stream(2), offsets, cfg)
    assert scene.far_labels.shape == (192, 322)
    assert scene.near_labels.shape == (192, 325)
    assert sorted(np.unique(scene.far_labels)) == [0, 1, 2]
    assert sorted(np.unique(scene.near_labels)) == [3, 4, 5]
    assert (scene.far_labels[0] == 0).all()
    for labels in (scene.far_labels, scene.near_labels):
        changes = np.count_nonzero(np.diff(labels.astype(int), axis=0), axis=0)
        assert (changes == 2).all()


def test_void_blobs_have_no_label():
    cfg = get_cfg('tiny', void='blobs')
    offsets = np.zeros(12, dtype=int)
    scene = build_background(stream(1), stream(2), offsets, cfg)
    blobs = scene.near_labels == 255
    assert 0 < blobs.mean() < 0.2
    assert scene.near_colors[blobs].max() < 30
    assert not (scene.far_labels == 255).any()
