import math

import numpy as np
import pytest

from mmvis_plugin.datasets.synthetic.shapes import core, covers, reach
from mmvis_plugin.datasets.synthetic.synth_cfg import SHAPES

# closed forms of the areas at radius 1
AREAS = dict(
    disc=math.pi,
    square=1.8**2,
    triangle=3 * math.sqrt(3) / 4 * 1.45**2,
    star5=5 * 1.45 * 0.62 * math.sin(math.pi / 5),
    ring=math.pi * (1.1**2 - 0.58**2),
    cross=2 * 2.3 * 0.76 - 0.76**2,
    capsule=2 * 0.85 * 2 * 0.58 + math.pi * 0.58**2,
    blob=math.pi * (1 + 0.3**2 / 2))


@pytest.fixture(scope='module')
def grid():
    axis = (np.arange(600) + 0.5) / 600 * 4 - 2
    return np.meshgrid(axis, axis)


@pytest.mark.parametrize('shape', SHAPES)
def test_area_is_the_closed_form(shape, grid):
    area = covers(shape, *grid, lobes=4, depth=0.3).mean() * 16
    assert area == pytest.approx(AREAS[shape], rel=4e-3)


@pytest.mark.parametrize('shape', SHAPES)
def test_form_lies_within_reach_and_holds_its_core(shape, grid):
    radius = np.hypot(*grid)
    inside = covers(shape, *grid, lobes=5, depth=0.4)
    assert radius[inside].max() <= reach(shape) + 1e-9
    assert radius[inside].max() >= reach(shape) - 0.02
    if core(shape):
        assert inside[radius <= core(shape)].all()


def test_borders_belong_to_the_form():
    one = np.array([1.0])
    assert covers('disc', one, 0 * one)
    assert not covers('disc', np.nextafter(one, 2), 0 * one)
    assert covers('square', 0.9 * one, 0.9 * one)


def test_rings_have_a_hole_and_stars_have_five_tips():
    assert not covers('ring', np.zeros(1), np.zeros(1))
    angle = np.linspace(0, 2 * np.pi, 3600, endpoint=False)
    on = covers('star5', 1.2 * np.cos(angle), 1.2 * np.sin(angle))
    assert np.count_nonzero(on & ~np.roll(on, 1)) == 5
