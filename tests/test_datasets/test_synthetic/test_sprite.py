import numpy as np
import pytest

from mmvis_plugin.datasets.synthetic.sprite import Sprite, Track
from mmvis_plugin.datasets.synthetic.textures import Texture


def make(shape='square', center=(20., 12.), angle=0., scale=1., aspect=1.):
    track = Track(
        np.array([center]), np.array([scale]), np.array([angle]),
        np.ones(1, dtype=bool))
    texture = Texture('plain', (0., 1., 1.), 0.5, 1., np.zeros((9, 9)))
    return Sprite(1, 1, shape, 10., aspect, 4, 0.3, texture, track)


def test_local_coordinates_turn_with_the_sprite():
    sprite = make(angle=np.pi / 2, scale=1.2, aspect=1.44)
    assert sprite.half_axes(0) == pytest.approx((14.4, 10.))
    # the first local axis points down in the image after a quarter turn
    u, v = sprite.to_local(0, np.array([20.]), np.array([12 + 14.4]))
    assert (u[0], v[0]) == pytest.approx((1, 0))


def test_to_image_is_the_inverse_of_to_local():
    sprite = make(angle=0.7, scale=0.8, aspect=0.75)
    x, y = np.random.RandomState(0).uniform(0, 40, (2, 50))
    back = sprite.to_image(0, *sprite.to_local(0, x, y))
    np.testing.assert_allclose(back, (x, y), atol=1e-10)


@pytest.mark.parametrize('shape', ['square', 'star5', 'capsule'])
@pytest.mark.parametrize('center', [(20., 12.), (0.3, 0.2), (39., 23.9)])
def test_window_holds_all_covered_pixels(shape, center):
    sprite = make(shape, center, angle=0.4, aspect=1.4)
    window, inside, u, v = sprite.cover(0, 24, 40)
    found = np.zeros((24, 40), dtype=bool)
    found[window] = inside
    big = make(shape, (center[0] + 50, center[1] + 50), 0.4, aspect=1.4)
    window, inside, _, _ = big.cover(0, 124, 140)
    whole = np.zeros((124, 140), dtype=bool)
    whole[window] = inside
    assert (found == whole[50:74, 50:90]).all() and found.any()


def test_sprites_outside_or_absent_cover_nothing():
    assert not make(center=(90., -40.)).cover(0, 24, 40)[1].any()
    sprite = make()
    sprite.track.present[0] = False
    assert not sprite.cover(0, 24, 40)[1].any()


def test_pixel_centres_decide():
    # a square around a pixel corner is 4 pixels or nothing
    sprite = make(center=(10., 10.), scale=0.51 / 9)
    assert sprite.cover(0, 24, 40)[1].sum() == 4
    sprite = make(center=(10., 10.), scale=0.49 / 9)
    assert sprite.cover(0, 24, 40)[1].sum() == 0
