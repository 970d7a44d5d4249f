from pathlib import Path

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from mmvis_plugin.models.inspro import (IntraQueryAttention,
                                        intra_query_attention)
from mmvis_plugin.registry import MODELS

DATA = Path(__file__).parents[2] / 'data/inspro'
EXACT = dict(rtol=0, atol=1e-10)


def load(name):
    with np.load(DATA / name) as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def naive(rows, current, weight):
    """Eq. 1 for one slot; ``weight`` is a matrix (outputs, C)."""
    scores = np.stack([weight @ row for row in rows])
    weights = np.exp(scores) / np.exp(scores).sum(0)
    return sum(a * row for a, row in zip(weights, rows)) + current


def test_reference_bank():
    ref = load('inspro_intra_query_case1.npz')
    query, attn = intra_query_attention(ref['bank'], ref['valid'],
                                        ref['weight'], ref['bias'])
    torch.testing.assert_close(query, ref['query'], **EXACT)
    torch.testing.assert_close(attn, ref['attn'], **EXACT)


def test_reference_stream():
    ref = load('inspro_intra_query_case2.npz')
    feats, size = ref['feats'], int(ref['bank_size'])
    bank = feats.new_full((size, *feats.shape[1:]), float('nan'))
    valid = torch.zeros(size, dtype=torch.bool)
    for t, current in enumerate(feats):
        bank = torch.cat([bank[1:], current[None]])
        valid = torch.cat([valid[1:], torch.tensor([True])])
        query, attn = intra_query_attention(bank, valid, ref['weight'],
                                            ref['bias'])
        torch.testing.assert_close(query, ref['query'][t], **EXACT)
        torch.testing.assert_close(attn, ref['attn'][t], **EXACT)


def test_module_does_not_read_the_order_of_the_bank():
    ref = load('inspro_intra_query_case1.npz')
    module = IntraQueryAttention(ref['weight'].numel()).double()
    module.fc.weight.data = ref['weight'][None]
    module.fc.bias.data = ref['bias'][None]
    order = torch.tensor([5, 0, 3, 1, 4, 2])  # a ring buffer
    query = module(ref['bank'][order][:, None], ref['valid'][order],
                   ref['bank'][-1][None])
    torch.testing.assert_close(query[0], ref['query'], **EXACT)


@pytest.mark.parametrize('channelwise', [False, True])
def test_each_video_of_a_batch_has_its_own_rows(channelwise):
    rng = np.random.default_rng(0)
    bank = rng.normal(size=(5, 2, 3, 4))
    valid = np.array([[0, 1], [0, 1], [1, 1], [1, 0], [1, 0]], dtype=bool)
    weight = rng.normal(size=(4, 4) if channelwise else (1, 4))
    module = IntraQueryAttention(4, channelwise=channelwise).double()
    module.fc.weight.data = torch.from_numpy(weight)
    current = np.stack([bank[4, 0], bank[2, 1]])
    args = torch.from_numpy(bank), torch.from_numpy(valid)
    got = module(*args, torch.from_numpy(current))
    functional, attn = intra_query_attention(
        *args, torch.from_numpy(weight if channelwise else weight[0]))
    assert attn.shape == (5, 2, 3, 4)[:4 if channelwise else 3]
    for b, n in np.ndindex(2, 3):
        expected = naive(bank[valid[:, b], b, n], current[b, n], weight)
        torch.testing.assert_close(got[b, n], torch.from_numpy(expected))
        torch.testing.assert_close(functional[b, n],
                                   torch.from_numpy(expected))


def test_first_frame_doubles_the_feature():
    current = torch.randn(2, 3, 8)
    bank = torch.full((4, 2, 3, 8), float('inf'))
    bank[-1] = current
    module = MODELS.build(dict(type='IntraQueryAttention', embed_dims=8))
    torch.nn.init.normal_(module.fc.weight)
    valid = torch.arange(4) == 3
    torch.testing.assert_close(module(bank, valid, current), 2 * current)


@pytest.mark.parametrize('channelwise, num_params', [(False, 257),
                                                     (True, 65792)])
def test_starts_from_the_plain_mean(channelwise, num_params):
    module = IntraQueryAttention(256, channelwise)
    assert sum(p.numel() for p in module.parameters()) == num_params
    torch.nn.init.xavier_uniform_(module.fc.weight)
    module.init_weights()
    bank = torch.randn(3, 1, 2, 256)
    query = module(bank, torch.ones(3, dtype=torch.bool), bank[-1])
    torch.testing.assert_close(query, bank.mean(0) + bank[-1])


def test_gradient_reaches_every_frame_of_the_bank_but_no_empty_row():
    bank = torch.randn(4, 1, 2, 8, requires_grad=True)
    module = IntraQueryAttention(8)
    valid = torch.tensor([False, True, True, True])
    module(bank, valid, bank[-1]).square().sum().backward()
    moved = bank.grad.abs().sum((1, 2, 3)) > 0
    assert moved.tolist() == valid.tolist()
    assert module.fc.weight.grad.abs().sum() > 0


def test_large_scores_do_not_overflow():
    bank = torch.tensor([300., -300.]).view(2, 1, 1, 1).half()
    module = IntraQueryAttention(1)
    module.fc.weight.data.fill_(1000.)
    with torch.autocast('cpu', torch.bfloat16):
        query = module(bank, torch.tensor([True, True]), bank[-1])
    assert query.dtype == torch.float16 and query.item() == 0.


def test_shapes_do_not_depend_on_values():
    with FakeTensorMode():  # raises where the host would have to wait
        bank, valid = torch.rand(3, 2, 5, 8), torch.ones(3, dtype=torch.bool)
        query, _ = intra_query_attention(bank, valid, torch.rand(8))
        assert IntraQueryAttention(8)(bank, valid, query).shape == (2, 5, 8)
