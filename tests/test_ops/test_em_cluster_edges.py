"""Empty, degenerate and wrong input of the operator and its twin."""
import pytest
import torch

from mmvis_plugin.ops import em_cluster, em_cluster_torch

NAN = float('nan')
both = pytest.mark.parametrize('cluster', [em_cluster, em_cluster_torch])
resident_or_cut = pytest.mark.parametrize('num', [50, 4000])


def problem(batch=2, channels=40, num=50, clusters=3):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(batch, channels, num, generator=generator)
    mu = torch.randn(batch, channels, clusters, generator=generator)
    return x, mu / mu.norm(dim=1, keepdim=True)


@both
@pytest.mark.parametrize('batch, num', [(0, 196), (2, 0), (0, 0)])
def test_nothing_to_cluster(cluster, batch, num):
    x, mu = problem(batch, num=num)
    for start in (mu, torch.randn(1, 40, 3)):
        got, resp = cluster(x, start, 2, torch.zeros(batch, num))
        assert got.shape == (batch, 40, 3) and resp.shape == (batch, num, 3)
        assert not got.any()


@both
@resident_or_cut
def test_no_weight_gives_zeros_and_a_zero_start_equal_shares(cluster, num):
    x, mu = problem(num=num)
    weight = torch.ones(2, num)
    weight[0] = 0
    got, resp = cluster(x, mu, 3, weight)
    assert not got[0].any() and got[1].norm(dim=0).allclose(torch.ones(3))
    torch.testing.assert_close(resp.sum(2), torch.ones(2, num))
    again, resp = cluster(x, got, 1)
    torch.testing.assert_close(resp[0], torch.full((num, 3), 1 / 3))
    mean = torch.nn.functional.normalize(x[0].mean(1), dim=0)
    torch.testing.assert_close(again[0], mean[:, None].expand(-1, 3))


@both
def test_large_features_stay_finite(cluster):
    x, mu = problem()
    got, resp = cluster(1e4 * x, mu, 3)
    assert got.isfinite().all() and resp.isfinite().all()
    torch.testing.assert_close(resp.sum(2), torch.ones(2, 50))
    assert (resp == 0).any()  # hard assignment, no residue


@both
@resident_or_cut
@pytest.mark.parametrize('value', [NAN, float('inf')])
@pytest.mark.parametrize('where', ['x', 'x of weight 0', 'mu', 'weight'])
@pytest.mark.parametrize('with_resp', [True, False])
def test_not_finite_input_stays_in_its_problem(cluster, num, value, where,
                                               with_resp):
    x, mu = problem(num=num)
    weight = torch.ones(2, num)
    weight[1, :20] = 0
    clean = cluster(x, mu, 2, weight)[0]
    if where == 'mu':
        weight[1] = 0  # not even read by the sums
    dict(
        x=x[1, 3], mu=mu[1, 3], weight=weight[1]).get(where,
                                                      x[1, 3, :20])[-1] = value
    more = {} if cluster is em_cluster_torch else dict(with_resp=with_resp)
    got = cluster(x, mu, 2, weight, **more)[0]
    assert got[1].isnan().all()
    assert torch.equal(got[0], clean[0])


def test_permuted_starts_permute_the_prototypes():
    x, mu = problem()
    order = torch.tensor([2, 0, 1])
    protos, resp = em_cluster(x, mu, 3)
    other = em_cluster(x, mu[:, :, order], 3)
    torch.testing.assert_close(other[0], protos[:, :, order])
    torch.testing.assert_close(other[1], resp[:, :, order])


def test_no_gradient_and_float64():
    x, mu = problem()
    got = em_cluster(x.requires_grad_(), mu.requires_grad_(), 2)
    assert not got[0].requires_grad and not got[1].requires_grad
    wide = em_cluster(x.double(), mu.double(), 2)
    assert wide[0].dtype == wide[1].dtype == torch.float64
    torch.testing.assert_close(wide[0].float(), got[0])


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_is_computed_in_float32(dtype):
    x, mu = problem()
    x = x.to(dtype)
    expected = em_cluster(x.float(), mu, 3)
    with torch.autocast('cpu', torch.bfloat16):
        mixed = em_cluster(x, mu, 3)  # a start value may stay float32
        wide = em_cluster(x.double(), mu.double(), 3)
    assert mixed[0].dtype == mixed[1].dtype == torch.float32
    assert torch.equal(mixed[0], expected[0])
    assert torch.equal(mixed[1], expected[1])
    torch.testing.assert_close(wide[0].float(), expected[0])
    same = em_cluster(x, mu.to(dtype), 3)[0]
    assert same.dtype == torch.float32


WRONG = {
    'x must be floats': [
        dict(x=torch.randn(40, 50)),
        dict(x=torch.ones(2, 40, 50, dtype=torch.int32)),
        dict(x=torch.randn(2, 0, 50)),
    ],
    'mu must be': [
        dict(mu=torch.randn(2, 40, 0)),
        dict(mu=torch.randn(2, 41, 3)),
        dict(mu=torch.randn(3, 40, 3)),
        dict(mu=torch.randn(40, 3)),
        dict(mu=torch.randn(2, 40, 3, dtype=torch.float64)),
        dict(mu=torch.randn(2, 40, 3, device='meta')),
    ],
    'num_iters must be': [dict(num_iters=value) for value in (0, -1, 1.5)],
    'temp must be finite': [dict(temp=NAN)],
    'eps must be': [dict(eps=value) for value in (-1e-6, NAN)],
    'weight must be': [
        dict(weight=torch.ones(2, 51)),
        dict(weight=torch.ones(2, 50, 1)),
        dict(weight=torch.ones(2, 50, dtype=torch.int64)),
        dict(weight=torch.ones(2, 50, dtype=torch.float64)),
        dict(weight=torch.ones(2, 50, device='meta')),
    ],
    'weight must not be negative, got -0.5':
    [dict(weight=torch.full((2, 50), -0.5))],
}


@pytest.mark.parametrize('message, change', [(message, change)
                                             for message in WRONG
                                             for change in WRONG[message]])
def test_wrong_arguments_are_named(message, change):
    x, mu = problem()
    with pytest.raises(ValueError, match=message) as error:
        em_cluster(**dict(dict(x=x, mu=mu, num_iters=2), **change))
    assert '\n' not in str(error.value)
