from pathlib import Path

import numpy as np
import pytest
import torch

from mmvis_plugin.models.association import instance_similarity
from mmvis_plugin.models.losses import (DMLLoss, differentiable_matching_loss,
                                        match_accuracy)
from mmvis_plugin.registry import MODELS

DATA = Path(__file__).parents[2] / 'data/hybrid'
EMBEDDINGS = ('emb_prev', 'emb_cur')


def load(case):
    with np.load(DATA / f'hybrid_dml_{case}.npz') as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


@pytest.mark.parametrize('case', [1, 2])
@pytest.mark.parametrize('loss', ['bce', 'ce'])
@pytest.mark.parametrize('dtype, rtol, grad_atol',
                         [(torch.float64, 1e-10, 1e-10),
                          (torch.float32, 1e-5, 1e-4)])
def test_reference_values_and_gradient(case, loss, dtype, rtol, grad_atol):
    ref = load(case)
    emb = [ref[key].to(dtype).requires_grad_() for key in EMBEDDINGS]
    value = differentiable_matching_loss(*emb, ref['ids_prev'], ref['ids_cur'],
                                         loss)
    value.backward()
    torch.testing.assert_close(
        value.double(), ref[f'loss_{loss}'], rtol=rtol, atol=0)
    for tensor, name in zip(emb, ('prev', 'cur')):
        torch.testing.assert_close(
            tensor.grad.double(),
            ref[f'grad_{name}_{loss}'],
            rtol=0,
            atol=grad_atol)


@pytest.mark.parametrize('case', [1, 2])
def test_reference_probabilities(case):
    ref = load(case)
    prob = instance_similarity(*[ref[key].double() for key in EMBEDDINGS])
    torch.testing.assert_close(prob, ref['prob'], rtol=0, atol=1e-10)
    expected = (prob * torch.arange(prob.size(1))).sum(1)
    torch.testing.assert_close(expected, ref['expect_idx'], rtol=0, atol=1e-10)


def naive(emb_prev, emb_cur, ids_prev, ids_cur, loss, temperature, dustbin):
    """Sum over pairs, from the definition."""
    rows = []
    for a, identity in zip(emb_prev, ids_prev):
        if identity not in ids_cur:
            continue
        logits = [a @ b / temperature for b in emb_cur] + [0.] * dustbin
        p = np.exp(logits) / np.exp(logits).sum()
        row = 0.
        for j, other in enumerate(ids_cur):
            if other == identity:
                row -= np.log(p[j])
            elif loss == 'bce':
                row -= np.log(1 - p[j])
        rows.append(row)
    return np.mean(rows)


@pytest.mark.parametrize('m, n', [(1, 2), (7, 3), (3, 12)])
@pytest.mark.parametrize('loss', ['bce', 'ce'])
@pytest.mark.parametrize('temperature, dustbin', [(1., False), (2., True)])
def test_equals_loops(m, n, loss, temperature, dustbin):
    rng = np.random.default_rng(m * n)
    emb = [rng.normal(size=(k, 4)) for k in (m, n)]
    # the first row has a partner, others may have none
    ids = [np.arange(m) + 1, rng.permutation(n) + 1]
    got = differentiable_matching_loss(*map(torch.from_numpy, emb + ids), loss,
                                       temperature, dustbin)
    expected = naive(*emb, *ids, loss, temperature, dustbin)
    np.testing.assert_allclose(got, expected, rtol=1e-9)


@pytest.mark.parametrize('loss', ['bce', 'ce'])
def test_single_candidate(loss):
    emb = torch.randn(3, 4), torch.randn(1, 4).requires_grad_()
    value = differentiable_matching_loss(*emb, torch.tensor([1, 2, 3]),
                                         torch.tensor([2]), loss)
    value.backward()
    assert value == 0 and (emb[1].grad == 0).all()
    emb[1].grad = None
    value = differentiable_matching_loss(
        *emb, torch.tensor([1, 2, 3]), torch.tensor([2]), loss, dustbin=True)
    value.backward()
    assert value > 0 and emb[1].grad.isfinite().all()


@pytest.mark.parametrize('loss', ['bce', 'ce'])
@pytest.mark.parametrize('right', [True, False])
def test_finite_at_logits_of_2000(loss, right):
    prev = torch.eye(6).requires_grad_()
    cur = 2000 * (2 * torch.eye(6) - 1)
    cur = (cur if right else -cur).requires_grad_()
    ids = torch.arange(6) + 1
    value = differentiable_matching_loss(prev, cur, ids, ids, loss)
    value.backward()
    assert value.isfinite() and (value < 1) == right
    assert prev.grad.isfinite().all() and cur.grad.isfinite().all()


@pytest.mark.parametrize('m, n', [(0, 0), (0, 3), (3, 0), (3, 2)])
def test_no_common_identity_gives_zero_with_a_graph(m, n):
    emb = [torch.randn(k, 4).requires_grad_() for k in (m, n)]
    ids = torch.arange(m) + 1, torch.arange(n) + 10
    value = DMLLoss()(*emb, *ids)
    value.backward()
    assert value == 0
    assert all((tensor.grad == 0).all() for tensor in emb)
    assert match_accuracy(*emb, *ids).isnan()


def test_gradient_equals_finite_differences():
    torch.manual_seed(0)
    emb = [torch.randn(k, 3).double().requires_grad_() for k in (4, 5)]
    ids = torch.tensor([1, 2, 3, 9]), torch.tensor([3, 7, 1, 8, 2])
    assert torch.autograd.gradcheck(
        lambda a, b: differentiable_matching_loss(a, b, *ids), emb)


def test_registered_loss():
    torch.manual_seed(0)
    emb, ids = torch.randn(2, 5, 4), torch.tensor([[1, 2, 3, 4, 5],
                                                   [4, 7, 2, 8, 1]])
    layer = MODELS.build(
        dict(type='DMLLoss', loss='ce', symmetric=True, loss_weight=3.))
    there = differentiable_matching_loss(*emb, *ids, 'ce')
    back = differentiable_matching_loss(*emb.flip(0), *ids.flip(0), 'ce')
    torch.testing.assert_close(layer(*emb, *ids), 1.5 * (there + back))


def test_match_accuracy():
    emb = torch.eye(4)
    ids = torch.tensor([1, 2, 3, 4])
    assert match_accuracy(emb, emb, ids, ids) == 1
    other = torch.tensor([1, 2, 4, 9])  # 3 has no partner, 4 a wrong one
    assert match_accuracy(emb, emb, ids, other) == pytest.approx(2 / 3)


def test_wrong_options():
    with pytest.raises(ValueError, match="loss='nll', expected one of"):
        DMLLoss(loss='nll')
    with pytest.raises(ValueError, match='temperature must be > 0, got 0'):
        DMLLoss(temperature=0)
