import numpy as np
import pytest
import torch

from mmvis_plugin.models.panoptic_fcn import (Candidates, fuse_stuff_kernels,
                                              fuse_thing_kernels, rescore,
                                              stuff_candidates,
                                              thing_candidates)


def fuse_loop(kernels, labels, thr):
    """Kept rows and their kernels, one candidate after the other."""
    num = len(kernels)
    unit = kernels / np.linalg.norm(kernels, axis=1, keepdims=True)

    def related(i, j):
        return i == j or (labels[i] == labels[j] and unit[i] @ unit[j] >= thr)

    first = [
        next(i for i in range(j + 1) if related(i, j)) for j in range(num)
    ]
    kept = [j for j in range(num) if first[j] == j]
    groups = [[j for j in range(num) if first[j] == i] for i in kept]
    return kept, [kernels[group].mean(0) for group in groups]


@pytest.mark.parametrize('num', [1, 5, 40])
@pytest.mark.parametrize('thr', [0.5, 0.9])
def test_thing_fusion_equals_loops(num, thr):
    rng = np.random.default_rng(num)
    kernels = rng.normal(size=(num, 3))
    labels = rng.integers(0, 2, num)
    things = Candidates(
        torch.from_numpy(kernels), torch.from_numpy(labels),
        torch.linspace(1, 0.5, num))
    kept, means = fuse_loop(kernels, labels, thr)
    got = fuse_thing_kernels(things, thr)
    np.testing.assert_allclose(got.kernels, means)
    assert got.labels.tolist() == labels[kept].tolist()
    assert torch.equal(got.scores, things.scores[kept])


def test_the_end_of_a_chain_is_lost():
    angles = torch.tensor([0., 0.4, 0.8])  # cosines 0.92, 0.70
    kernels = torch.stack([angles.cos(), angles.sin()], 1)
    things = Candidates(kernels, torch.zeros(3, dtype=torch.long),
                        torch.ones(3))
    got = fuse_thing_kernels(things, 0.9)
    torch.testing.assert_close(got.kernels, kernels[:2].mean(0)[None])


def test_zero_kernels_stay_alone():
    things = Candidates(
        torch.zeros(2, 3), torch.zeros(2, dtype=torch.long), torch.ones(2))
    assert len(fuse_thing_kernels(things, 0.9).kernels) == 2


def empty():
    return Candidates(
        torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), torch.zeros(0))


def test_no_candidates():
    assert len(fuse_thing_kernels(empty(), 0.9).kernels) == 0
    assert len(fuse_stuff_kernels(empty(), 4).kernels) == 0
    things, probs = rescore(empty(), torch.zeros(0, 4, 4), 0.4, 0.05, 10)
    assert len(things.kernels) == len(probs) == 0


def test_stuff_fusion_is_the_mean_per_class():
    stuff = Candidates(
        torch.tensor([[1., 2.], [3., 4.], [5., 0.]]), torch.tensor([2, 0, 2]),
        torch.tensor([.2, .5, .4]))
    got = fuse_stuff_kernels(stuff, 4)
    assert got.labels.tolist() == [0, 2]
    torch.testing.assert_close(got.kernels, torch.tensor([[3., 4.], [3., 1.]]))
    torch.testing.assert_close(got.scores, torch.tensor([.5, .3]))


def test_peaks_are_those_of_the_averaged_map():
    center = torch.full((2, 6, 7), -20.)
    center[1, 2, 3] = 20.
    center[1, 2, 4] = 19.  # same probability, same surrounding: two peaks
    center[0, 5, 6] = 1.
    kernel = torch.arange(42.).view(1, 6, 7)
    got = thing_candidates([center], [kernel], [3], 100, 0.05)
    assert got.labels.tolist() == [1, 1, 0]
    assert got.kernels[:2, 0].sort()[0].tolist() == [17., 18.]
    assert got.kernels[2, 0] == 41
    corner = torch.tensor(1.).sigmoid()
    expected = torch.stack([torch.tensor(11 / 18)] * 2 + [corner * 5 / 9])
    torch.testing.assert_close(got.scores, expected)
    assert len(thing_candidates([center], [kernel], [3], 2, 0.05).labels) == 1


def test_stuff_is_where_its_class_wins():
    region = torch.tensor([[[2., 2., -3.]], [[0., 3., -3.1]]])
    kernel = torch.tensor([[[1., 10., 100.]]])
    got = stuff_candidates([region], [kernel], 0.05)
    assert got.labels.tolist() == [0, 1]
    torch.testing.assert_close(got.kernels[:, 0],
                               torch.tensor([101 / 3, 10 / 3]))
    probs = region.sigmoid()
    torch.testing.assert_close(
        got.scores,
        torch.stack([(probs[0, 0, 0] + probs[0, 0, 2]) / 2, probs[1, 0, 1]]))


def test_rescore_orders_and_drops():
    things = Candidates(
        torch.eye(4), torch.arange(4), torch.tensor([.9, .8, .7, .6]))
    probs = torch.zeros(4, 1, 4)
    probs[0, 0, 0] = 0.5  # 0.9 * 0.5
    probs[1, 0, :2] = torch.tensor([0.6, 1.])  # 0.8 * 0.8
    probs[2, 0, :] = 0.3  # no pixel
    probs[3, 0, 1] = 1.  # 0.6 * 1
    got, kept = rescore(things, probs, 0.4, 0.05, 10)
    assert got.labels.tolist() == [1, 3, 0]
    torch.testing.assert_close(got.scores, torch.tensor([.64, .6, .45]))
    assert torch.equal(kept, probs[[1, 3, 0]])
    assert rescore(things, probs, 0.4, 0.05, 2)[0].labels.tolist() == [1, 3]
