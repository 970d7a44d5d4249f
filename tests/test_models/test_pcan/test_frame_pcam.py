import copy

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmvis_plugin.models.pcan import FramePCAM

CHANNELS = 8


def pyramid(batch=1, num_levels=5, seed=0, size=16):
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn((batch, CHANNELS, size >> i or 1, 2 * size >> i or 1),
                    generator=generator) for i in range(num_levels)
    ]


def build(seed=0, **kwargs):
    torch.manual_seed(seed)
    options = dict(channels=CHANNELS, num_protos=5)
    return FramePCAM(**{**options, **kwargs})


def test_recorded_runs_are_reproduced(case):
    feats, mu = case('frame_feats'), case('frame_mu0')
    pcam = FramePCAM(
        channels=feats.size(1),
        num_protos=mu.size(2),
        num_iters=int(case('frame_stage_num')),
        levels=(0, ),
        num_levels=1)
    pcam.mu0.copy_(mu)
    memory = None
    for t in range(len(feats)):
        fused, memory = pcam.fuse([feats[t:t + 1]], memory)
        for actual, key in [(fused[0][0], 'frame_fused'),
                            (memory.maps[0][0], 'frame_memory_out'),
                            (memory.bases[0][0], 'frame_mu_out')]:
            assert_close(actual, case(key)[t], atol=1e-4, rtol=0)


def test_other_levels_are_left_alone():
    feats = pyramid()
    fused, memory = build().fuse(feats, None)
    assert [a is b for a, b in zip(feats, fused)] == [False] * 2 + [True] * 3
    assert len(memory.maps) == len(memory.bases) == 2


def test_module_remembers_until_reset():
    pcam = build()
    first, second = pcam(pyramid()), pcam(pyramid())
    assert not torch.equal(first[0], second[0])
    pcam.reset()
    assert_close(pcam(pyramid()), first)


def test_another_frame_size_starts_anew():
    pcam = build()
    _, memory = pcam.fuse(pyramid(size=8), None)
    assert_close(
        pcam.fuse(pyramid(), memory)[0],
        pcam.fuse(pyramid(), None)[0])


def test_buffers_stay_in_tests_and_prototypes_have_unit_length():
    pcam = build().eval()
    before = copy.deepcopy(pcam.state_dict())
    _, memory = pcam.fuse(pyramid(), None)
    assert_close(pcam.state_dict(), before)
    protos = 2 * memory.bases[0] - pcam.mu0  # working base is their mean
    assert_close(protos.norm(dim=1), torch.ones(1, 5))


def test_memory_can_be_the_last_frame():
    pcam = build(memory_update='last')
    feats = pyramid()
    _, memory = pcam.fuse(feats, None)
    assert memory.maps[0] is feats[0]


def test_parameters():
    assert list(build().parameters()) == []
    assert list(build().state_dict()) == [f'mu{i}' for i in range(5)]
    names = {name for name, _ in build(mode='similarity').named_parameters()}
    assert names == {
        f'conv_{c}.{p}'
        for c in 'v12'
        for p in ('weight', 'bias')
    }


def em(x, mu, num_iters):
    """EM with E-step factor 1 by its definition, for one image."""
    for _ in range(num_iters):
        resp = (x.t() @ mu).softmax(dim=1)
        share = resp / (1e-6 + resp.sum(dim=0))
        mu = x @ share
        mu = mu / (1e-6 + mu.norm(dim=0))
    return mu, share


def compare(pcam, x, past, with_current):
    """Mode 'similarity' by its definition, for one image."""
    shape = x.shape
    mu, share = em(x.flatten(1), pcam.mu0[0], pcam.num_iters)
    ref_mu, ref_share = em(past.flatten(1), mu, pcam.num_iters)
    value = pcam.conv_v(x[None])[0].flatten(1) @ share
    ref_value = pcam.conv_v(past[None])[0].flatten(1) @ ref_share
    candidates = [x]
    for keys, values in [(mu, value)] * with_current + [(ref_mu, ref_value)]:
        attention = (x.flatten(1).t() @ keys).softmax(dim=1)
        candidates.append((values @ attention.t()).view(shape))
    query = pcam.conv_1(x[None])[0]
    scores = torch.stack([
        F.cosine_similarity(query, pcam.conv_2(z[None])[0], dim=0)
        for z in candidates
    ])
    weights = (10 * scores).softmax(dim=0)
    return (weights[:, None] * torch.stack(candidates)).sum(dim=0)


@pytest.mark.parametrize('with_current', [False, True])
def test_similarity_equals_its_definition(with_current):
    pcam = build(
        mode='similarity', levels=(0, ),
        with_current_readout=with_current).eval()
    feats, ref_feats = pyramid(batch=2), pyramid(batch=2, seed=1)
    fused = pcam.fuse_pair(feats, ref_feats)
    for b in range(2):
        expected = compare(pcam, feats[0][b], ref_feats[0][b], with_current)
        assert_close(fused[0][b], expected, atol=1e-5, rtol=1e-4)
    # a stream: the last frame, not fused, is the reference
    _, memory = pcam.fuse([x[:1] for x in ref_feats], None)
    streamed, _ = pcam.fuse([x[:1] for x in feats], memory)
    assert_close(streamed[0], fused[0][:1], atol=1e-5, rtol=1e-4)


def test_similarity_trains_its_layers_and_bases():
    pcam = build(mode='similarity', levels=(0, 1, 2)).train()
    before = pcam.mu0.clone()
    fused = pcam.fuse_pair(pyramid(batch=2), pyramid(batch=2, seed=1))
    sum(level.square().sum() for level in fused).backward()
    assert all(p.grad.abs().sum() > 0 for p in pcam.parameters())
    assert not torch.equal(pcam.mu0, before)
    assert torch.equal(pcam.mu3, build(mode='similarity').mu3)


@pytest.mark.parametrize('options, message', [
    (dict(mode='mean'), "frame_pcam.mode='mean'"),
    (dict(memory_update='all'), "frame_pcam.memory_update='all'"),
    (dict(levels=(5, )), r'frame_pcam.levels=\(5,\)'),
    (dict(levels=()), 'frame_pcam.levels='),
])
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_ema_cannot_be_trained_on_pairs():
    with pytest.raises(ValueError, match='nothing to train'):
        build().fuse_pair(pyramid(), pyramid())
