import numpy as np
import pytest
import torch

from mmvis_plugin.models.association import best_row_check, mutual_check


def mutual_loop(sim, thr):
    pairs = []
    for i, row in enumerate(sim):
        j = int(np.argmax(row))
        if int(np.argmax(sim[:, j])) == i and row[j] > thr:
            pairs.append([i, j])
    return pairs


def best_row_loop(sim, thr):
    wishes = {}
    for j in range(sim.shape[1]):
        i = int(np.argmax(sim[:, j]))
        best = wishes.get(i)
        if sim[i, j] > thr and (best is None or sim[i, j] > sim[i, best]):
            wishes[i] = j
    return [[i, wishes[i]] for i in sorted(wishes)]


@pytest.mark.parametrize('shape', [(1, 1), (1, 6), (6, 1), (9, 14), (30, 30)])
@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('check, loop', [(mutual_check, mutual_loop),
                                         (best_row_check, best_row_loop)])
def test_equals_loops(shape, seed, check, loop):
    # few values make ties
    sim = np.random.default_rng(seed).integers(0, 6, shape) / 5.
    for thr in (1e-5, 0.5, -np.inf):
        assert check(torch.from_numpy(sim), thr).tolist() == loop(sim, thr)


@pytest.mark.parametrize('check', [mutual_check, best_row_check])
@pytest.mark.parametrize('shape', [(0, 0), (0, 4), (4, 0)])
def test_empty(check, shape):
    pairs = check(torch.zeros(shape))
    assert pairs.shape == (0, 2) and pairs.dtype == torch.long


def test_first_of_ties_and_threshold_is_exclusive():
    assert mutual_check(torch.ones(3, 3)).tolist() == [[0, 0]]
    assert mutual_check(torch.full((1, 1), 0.5), 0.5).tolist() == []
    assert mutual_check(torch.zeros(2, 2)).tolist() == []


def test_nan_makes_no_pair():
    sim = torch.tensor([[float('nan'), 0.], [0., 1.]])
    assert mutual_check(sim).tolist() == [[1, 1]]
