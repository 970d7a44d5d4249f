import numpy as np
import pytest
import torch

from mmvis_plugin.ops import (em_cluster, prototype_attention,
                              prototype_readout, prototype_values)


def tensors(batch=2, channels=5, num=7, clusters=3, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = ((batch, channels, num), (batch, channels, clusters))
    return [
        torch.randn(shape, generator=generator, dtype=dtype)
        for shape in shapes
    ]


def test_attention_and_readout_match_the_equations():
    q, mu = tensors()
    attn = prototype_attention(q, mu, temp=2.)
    read = prototype_readout(attn, mu)
    for b in range(2):
        for n in range(7):
            weights = np.exp(2 * mu[b].numpy().T @ q[b, :, n].numpy())
            weights /= weights.sum()
            np.testing.assert_allclose(attn[b, n], weights)
            np.testing.assert_allclose(read[b, :, n], mu[b].numpy() @ weights)


def test_gradients():
    q, mu = (tensor.requires_grad_() for tensor in tensors())
    assert torch.autograd.gradcheck(prototype_attention, (q, mu, 2.))
    assert torch.autograd.gradgradcheck(prototype_attention, (q, mu))
    attn = prototype_attention(q, mu).detach().requires_grad_()
    assert torch.autograd.gradcheck(prototype_readout, (attn, mu))
    resp = attn.detach()
    weight = torch.rand(2, 7, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda values: prototype_values(values, resp, weight), (q, ))


def test_one_set_for_all_gets_the_sum_of_the_gradients():
    q, mu = tensors()
    mu = mu[:1].requires_grad_()
    read = prototype_readout(prototype_attention(q, mu), mu)
    read.square().sum().backward()
    one, mu.grad = mu.grad, None
    each = mu.detach().expand(2, -1, -1).clone().requires_grad_()
    prototype_readout(prototype_attention(q, each),
                      each).square().sum().backward()
    torch.testing.assert_close(one, each.grad.sum(0, keepdim=True))


def test_values_of_the_pixels_themselves_are_the_prototypes():
    x, mu = tensors()
    weight = torch.tensor([[1., 0, 2, 1, 0, 1, 1], [0.] * 7]).double()
    protos, resp = em_cluster(x, mu, 3, weight)
    values = prototype_values(x, resp, weight)
    length = values.norm(dim=1, keepdim=True)
    torch.testing.assert_close(values / (1e-6 + length), protos)
    assert not values[1].any()
    torch.testing.assert_close(
        prototype_values(x, resp), prototype_values(x, resp, weight * 0 + 1))


def test_half_is_computed_in_float32():
    q, mu = tensors(dtype=torch.bfloat16)
    expected = prototype_attention(q.float(), mu.float())
    with torch.autocast('cpu', torch.bfloat16):
        attn = prototype_attention(q, mu)
        read = prototype_readout(attn, mu)
        values = prototype_values(q, attn)
    assert attn.dtype == read.dtype == values.dtype == torch.float32
    assert torch.equal(attn, expected)
    torch.testing.assert_close(read, mu.float() @ expected.transpose(1, 2))


def test_nothing_to_read():
    q, mu = tensors(batch=0)
    attn = prototype_attention(q, mu)
    assert attn.shape == (0, 7, 3)
    assert prototype_readout(attn, mu).shape == (0, 5, 7)
    assert prototype_attention(q, torch.randn(1, 5, 3).double()).numel() == 0


@pytest.mark.parametrize('call, message', [
    (lambda q, mu: prototype_attention(q[0], mu), 'q must have 3 dim'),
    (lambda q, mu: prototype_attention(q, mu[:, :4]), r'mu must be .*C = 5'),
    (lambda q, mu: prototype_attention(q, mu[:, :, :0]), r'mu must .*K >= 1'),
    (lambda q, mu: prototype_attention(q, mu.to('meta')), 'mu must be on cpu'),
    (lambda q, mu: prototype_readout(q.transpose(1, 2), mu), 'K = 5'),
    (lambda q, mu: prototype_readout(mu[:, :, :3],
                                     mu.expand(2, 5, 3)[[0] * 3]),
     'B = 2 or 1'),
    (lambda q, mu: prototype_values(q, mu), 'resp must be'),
    (lambda q, mu: prototype_values(q, q.transpose(1, 2), q[0]),
     'weight must be'),
])
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(*tensors())
