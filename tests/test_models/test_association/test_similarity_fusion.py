import numpy as np
import pytest
import torch

from mmvis_plugin.models.association import (class_gate, fuse_similarities,
                                             instance_similarity)


def softmax_loop(prev, cur, temperature, dustbin):
    out = np.zeros((len(prev), len(cur)))
    for i, a in enumerate(prev):
        logits = [a @ b / temperature for b in cur] + [0.] * dustbin
        top = max(logits)
        total = sum(np.exp(z - top) for z in logits)
        for j in range(len(cur)):
            out[i, j] = np.exp(logits[j] - top) / total
    return out


@pytest.mark.parametrize('temperature', [1., 3.])
@pytest.mark.parametrize('dustbin', [False, True])
@pytest.mark.parametrize('m, n', [(1, 1), (4, 7)])
def test_instance_similarity_equals_loops(temperature, dustbin, m, n):
    rng = np.random.default_rng(0)
    prev, cur = rng.normal(size=(m, 5)), rng.normal(size=(n, 5))
    got = instance_similarity(
        torch.from_numpy(prev), torch.from_numpy(cur), temperature, dustbin)
    expected = softmax_loop(prev, cur, temperature, dustbin)
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_products_beyond_half_precision_stay_finite():
    emb = torch.full((2, 1024), 16.).half()  # products are 262144
    with torch.autocast('cpu', torch.bfloat16):
        sim = instance_similarity(emb, emb)
    torch.testing.assert_close(sim, torch.full((2, 2), 0.5))


@pytest.mark.parametrize('m, n', [(0, 3), (3, 0)])
def test_no_instances(m, n):
    sim = instance_similarity(torch.zeros(m, 8), torch.zeros(n, 8))
    assert sim.shape == (m, n)
    assert fuse_similarities(sim, sim).shape == (m, n)


def test_fusion_with_gate():
    inst = torch.tensor([[.5, .5], [.2, .8]])
    pix = torch.tensor([[1., 0.], [0., .4]])
    fused = fuse_similarities(inst, pix, (.4, .6), 0.1)
    torch.testing.assert_close(fused, torch.tensor([[.9, .3], [.18, .66]]))
    gated = fuse_similarities(inst, pix, (.4, .6), 0.1, torch.tensor([1, 2]),
                              torch.tensor([2, 2]))
    torch.testing.assert_close(gated, torch.tensor([[0., 0.], [.18, .66]]))
    torch.testing.assert_close(
        class_gate(fused, torch.tensor([1, 2]), torch.tensor([2, 2])), gated)


def test_single_cues_are_weights():
    inst, pix = torch.rand(3, 4), torch.rand(3, 4)
    torch.testing.assert_close(fuse_similarities(inst, pix, (1, 0)), inst)
    torch.testing.assert_close(fuse_similarities(inst, pix, (0, 1)), pix)
