from math import floor, isfinite
from pathlib import Path

import numpy as np
import pytest
import torch

from mmvis_plugin.models.association import warped_dice

DATA = Path(__file__).parents[2] / 'data/hybrid'


def moved_masks(id_prev, flow, m, rounding='half_up', collision='set'):
    """Masks (m, H, W) of the moved instances, pixel by pixel."""
    height, width = id_prev.shape
    masks = np.zeros((m, height, width), bool)
    for y in range(height):
        for x in range(width):
            instance = int(id_prev[y, x])
            dx, dy = float(flow[0, y, x]), float(flow[1, y, x])
            if instance == 0 or not (isfinite(dx) and isfinite(dy)):
                continue
            if rounding == 'half_up':
                u, v = floor(x + dx + 0.5), floor(y + dy + 0.5)
            else:
                u, v = int(x + dx), int(y + dy)
            if 0 <= u < width and 0 <= v < height:
                if collision == 'last':
                    masks[:, v, u] = False
                masks[instance - 1, v, u] = True
    return masks


def overlaps(masks, id_cur, n):
    """Dice, intersection and areas by loops over instances."""
    inter = np.zeros((len(masks), n), int)
    dice = np.zeros((len(masks), n))
    for i, mask in enumerate(masks):
        for j in range(n):
            other = id_cur == j + 1
            inter[i, j] = (mask & other).sum()
            total = mask.sum() + other.sum()
            dice[i, j] = 2 * inter[i, j] / total if total else 0
    areas = [(id_cur == j + 1).sum() for j in range(n)]
    return dice, inter, masks.sum((1, 2)), np.array(areas, int)


def random_case(seed, height, width, m, n, spread=3.):
    rng = np.random.default_rng(seed)
    id_prev = rng.integers(0, m + 1, (height, width))
    id_cur = rng.integers(0, n + 1, (height, width))
    flow = rng.normal(0, spread, (2, height, width)).astype(np.float32)
    return id_prev, id_cur, flow


def assert_equal(result, expected):
    np.testing.assert_allclose(result.dice, expected[0], rtol=0, atol=1e-12)
    for got, want in zip(result[1:], expected[1:]):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize('case', [1, 2])
def test_reference_values(case):
    with np.load(DATA / f'hybrid_dice_{case}.npz') as file:
        ref = dict(file)
    result = warped_dice(
        *[torch.from_numpy(ref[k]) for k in ('id_prev', 'id_cur', 'flow')],
        int(ref['m']), int(ref['n']))
    keys = ('dice', 'inter', 'area_warp', 'area_cur')
    assert_equal(result, [ref[key] for key in keys])


@pytest.mark.parametrize('size', [(1, 1), (7, 30), (33, 20)])
@pytest.mark.parametrize('m, n', [(1, 1), (5, 3), (12, 20)])
@pytest.mark.parametrize('options', [{}, {
    'rounding': 'trunc'
}, {
    'collision': 'last'
}])
def test_equals_loops(size, m, n, options):
    id_prev, id_cur, flow = random_case(0, *size, m, n)
    masks = moved_masks(id_prev, flow, m, **options)
    result = warped_dice(id_prev, id_cur, flow, m, n, **options)
    assert_equal(result, overlaps(masks, id_cur, n))


def test_wide_keys_give_the_same():
    # m * H * W above 2**31: few ids, far apart
    id_prev, id_cur, flow = random_case(1, 20, 30, 3, 4)
    small = warped_dice(id_prev, id_cur, flow, 3, 4)
    frame = [
        np.pad(x, [(0, 0)] * (x.ndim - 2) + [(300, 680), (400, 570)])
        for x in (np.array([0, 1, 2, 2500])[id_prev], id_cur, flow)
    ]
    large = warped_dice(*frame, 2500, 4)
    np.testing.assert_array_equal(large.inter[[0, 1, 2499]], small.inter)
    assert large.inter.sum() == small.inter.sum()


@pytest.mark.parametrize('m, n', [(0, 0), (0, 3), (3, 0)])
def test_no_instances(m, n):
    id_prev, id_cur, flow = random_case(2, 6, 5, m, n)
    result = warped_dice(id_prev, id_cur, flow, m, n)
    assert result.dice.shape == result.inter.shape == (m, n)
    np.testing.assert_array_equal(result.area_cur,
                                  [(id_cur == j + 1).sum() for j in range(n)])


def test_zero_flow_gives_ones_on_the_diagonal():
    id_prev, _, flow = random_case(3, 9, 8, 4, 4)
    result = warped_dice(id_prev, id_prev, 0 * flow, 4, 4)
    np.testing.assert_array_equal(result.dice, np.eye(4))


@pytest.mark.parametrize('value', [1e30, -1e30, 100., np.nan, np.inf])
def test_flow_out_of_the_frame_lands_nowhere(value):
    id_prev, id_cur, flow = random_case(4, 9, 8, 2, 3)
    result = warped_dice(id_prev, id_cur, np.full_like(flow, value), 2, 3)
    assert result.area_warp.tolist() == [0, 0]
    assert (result.dice == 0).all()


def test_instances_share_a_pixel_but_count_it_once():
    id_prev = torch.tensor([[1, 1, 2, 0]])
    flow = torch.tensor([[[3., 2., 1., 0.]], [[0., 0., 0., 0.]]])
    result = warped_dice(id_prev, torch.tensor([[0, 0, 0, 1]]), flow, 2, 1)
    assert result.dice.tolist() == [[1.], [1.]]
    last = warped_dice(
        id_prev, torch.tensor([[0, 0, 0, 1]]), flow, 2, 1, collision='last')
    assert last.dice.tolist() == [[0.], [1.]]


def test_exact_half_pixels_round_up():
    id_prev = torch.tensor([[0, 1, 0]])
    for dx, column in ((.5, 2), (-.5, 1), (-1.5, 0)):
        flow = torch.tensor([dx, 0.]).view(2, 1, 1).expand(2, 1, 3)
        id_cur = torch.zeros(1, 3, dtype=torch.long)
        id_cur[0, column] = 1
        assert warped_dice(id_prev, id_cur, flow, 1, 1).dice.item() == 1


@pytest.mark.parametrize('name', ['rounding', 'collision'])
def test_unknown_option(name):
    with pytest.raises(ValueError, match=f"{name}='up', expected one of"):
        warped_dice(*random_case(5, 4, 4, 1, 1), 1, 1, **{name: 'up'})
