import numpy as np
import pytest

from mmvis_plugin.datasets.synthetic.synth_cfg import STUFF
from mmvis_plugin.datasets.synthetic.textures import (TEXTURES, Texture,
                                                      draw_texture,
                                                      paint_stuff,
                                                      paint_texture,
                                                      value_noise)


def make(kind, contrast=0.35):
    lattice = np.random.RandomState(0).rand(9, 9)
    return Texture(kind, (0.6, 0.9, 0.8), contrast, 1.5, lattice)


@pytest.mark.parametrize('contrast', [0.35, 1.5])
@pytest.mark.parametrize('kind', TEXTURES)
def test_patterns_mix_both_colors(kind, contrast):
    u, v = np.random.RandomState(1).uniform(-1.4, 1.4, (2, 4000))
    painted = paint_texture(make(kind, contrast), u, v)
    first, second = make(kind, contrast).colors()
    low, high = np.minimum(first, second), np.maximum(first, second)
    assert painted.shape == (4000, 3)
    assert (painted >= low - 1e-9).all() and (painted <= high + 1e-9).all()
    share = np.abs(painted - first).sum(1) / np.abs(second - first).sum()
    assert (share.mean() == 0) if kind == 'plain' else 0.1 < share.mean() < 0.9


def test_textures_differ_from_each_other():
    u, v = np.random.RandomState(1).uniform(-1.4, 1.4, (2, 4000))
    images = [paint_texture(make(kind), u, v) for kind in TEXTURES]
    for i, first in enumerate(images):
        for second in images[i + 1:]:
            assert np.abs(first - second).mean() > 10


def test_hue_shift_keeps_the_pattern():
    texture = make('dots')
    shifted = texture.with_hue_shift(0.5)
    assert shifted.hsv == pytest.approx((0.1, 0.9, 0.8))
    assert shifted.lattice is texture.lattice
    assert np.abs(shifted.colors() - texture.colors()).max() > 50


def test_draws_are_bright_and_cover_all_kinds():
    rng = np.random.Generator(np.random.PCG64(0))
    drawn = [draw_texture(rng) for _ in range(100)]
    assert {texture.kind for texture in drawn} == set(TEXTURES)
    assert all(texture.hsv[1] >= 0.65 for texture in drawn)


def test_value_noise_passes_through_its_lattice():
    noise = value_noise(np.random.Generator(np.random.PCG64(3)), 9, 13, 4.)
    lattice = np.random.Generator(np.random.PCG64(3)).random((4, 5))
    np.testing.assert_allclose(noise[::4, ::4], lattice[:3, :4], atol=2e-3)
    middle = (lattice[0, 0] + lattice[0, 1]) / 2
    assert noise[0, 2] == pytest.approx(middle)


@pytest.mark.parametrize('kind', STUFF)
def test_stuff_is_dull_and_not_flat(kind):
    rng = np.random.Generator(np.random.PCG64(0))
    plane = paint_stuff(rng, kind, 48, 70)
    assert plane.shape == (48, 70, 3)
    assert plane.min() > 20 and plane.max() < 250
    assert plane.std(axis=(0, 1)).max() > 4
