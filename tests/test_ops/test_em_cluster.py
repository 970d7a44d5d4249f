"""The operator and its plain twin against fixtures and loops."""
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mmvis_plugin.ops import (em_cluster, em_cluster_torch,
                              prototype_attention, prototype_readout)
from mmvis_plugin.ops.ext_loader import ext_devices, load_ext

DATA = Path(__file__).parents[1] / 'data/pcan'
CLOSE = dict(rtol=0, atol=1e-4)
both = pytest.mark.parametrize('cluster', [em_cluster, em_cluster_torch])
cases = pytest.mark.parametrize('case', [1, 2])


def load(case):
    with np.load(DATA / f'pcan_em_case{case}.npz') as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def naive(x, mu, num_iters, weight=None, temp=20., eps=1e-6):
    """One problem, (C, N), in float64 and pixel by pixel."""
    x, mu = x.numpy().astype(float), mu.numpy().astype(float)
    num = x.shape[1]
    weight = np.ones(num) if weight is None else weight.numpy().astype(float)
    for _ in range(num_iters):
        resp = np.zeros((num, mu.shape[1]))
        for n in range(num):
            logits = temp * mu.T @ x[:, n]
            resp[n] = np.exp(logits - logits.max())
            resp[n] /= resp[n].sum()
        new = np.zeros_like(mu)
        for k in range(mu.shape[1]):
            share = weight * resp[:, k]
            share = share / (eps + share.sum())
            for n in range(num):
                new[:, k] += share[n] * x[:, n]
            new[:, k] /= eps + np.sqrt((new[:, k]**2).sum())
        mu = new
    return torch.from_numpy(mu), torch.from_numpy(resp)


def problem(batch, channels, num, clusters, seed=0, scale=0.3):
    """Pixels short enough for a well-conditioned clustering."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, channels, num, generator=generator)
    mu = torch.randn(batch, channels, clusters, generator=generator)
    weight = torch.rand(batch, num, generator=generator)
    return x * scale / channels**0.5, mu / mu.norm(dim=1, keepdim=True), weight


@both
@cases
def test_frame_fixture(cluster, case):
    ref = load(case)
    memory, mu = ref['frame_feats'][:1].flatten(2), ref['frame_mu0']
    for t, feat in enumerate(ref['frame_feats'].flatten(2).unsqueeze(1)):
        protos, resp = cluster(memory, mu, int(ref['frame_stage_num']))
        attn = prototype_attention(feat, protos)
        read = prototype_readout(attn, protos)
        fused = 0.75 * feat + 0.25 * read
        memory, mu = 0.75 * fused + 0.25 * memory, 0.5 * mu + 0.5 * protos
        for name, got in dict(
                protos=protos,
                resp=resp,
                attn=attn,
                readout=read,
                fused=fused,
                memory_out=memory,
                mu_out=mu).items():
            torch.testing.assert_close(got.flatten(),
                                       ref[f'frame_{name}'][t].flatten(),
                                       **CLOSE)


@both
@cases
def test_instance_fixture(cluster, case):
    ref = load(case)
    feats = [ref[f'inst_{name}_feat'].flatten(2) for name in ('ref', 'key')]
    masks = [
        ref[f'inst_{name}_mask_bin'].flatten(1).float()
        for name in ('ref', 'key')
    ]
    num_iters, protos = int(ref['inst_stage_num']), []
    for side in ('pos', 'neg'):
        mu = ref[f'inst_{side}_mu0']
        for feat, mask, stage in zip(feats, masks, ('mu_pre', 'mu')):
            weight = mask if side == 'pos' else 1 - mask
            mu = cluster(feat, mu, num_iters, weight)[0]
            torch.testing.assert_close(mu, ref[f'inst_{side}_{stage}'],
                                       **CLOSE)
        protos.append(mu)
    attn = prototype_attention(feats[1], torch.cat(protos, dim=2))
    expected = torch.cat([ref['inst_pos_attn'], ref['inst_neg_attn']], dim=1)
    torch.testing.assert_close(
        attn.transpose(1, 2), expected.flatten(2), **CLOSE)


@both
@pytest.mark.parametrize('batch, channels, num, clusters, num_iters', [
    (2, 8, 37, 1, 1),
    (3, 20, 196, 10, 6),
    (1, 13, 1, 4, 2),
    (2, 33, 70, 13, 3),
    (1, 512, 40, 64, 2),
    (2, 9, 5, 65, 2),
])
@pytest.mark.parametrize('weighting', ['none', 'soft', 'mask'])
def test_matches_the_equations(cluster, batch, channels, num, clusters,
                               num_iters, weighting):
    x, mu, weight = problem(batch, channels, num, clusters, scale=3.)
    weight = dict(none=None, soft=weight, mask=(weight > 0.4).float())
    weight = weight[weighting]
    got, resp = cluster(x, mu, num_iters, weight, 2.)
    for b in range(batch):
        expected = naive(x[b], mu[b], num_iters,
                         None if weight is None else weight[b], 2.)
        torch.testing.assert_close(
            got[b].double(), expected[0], rtol=0, atol=2e-5)
        torch.testing.assert_close(
            resp[b].double(), expected[1], rtol=0, atol=2e-5)


@pytest.mark.parametrize('batch, channels, num, clusters',
                         [(1, 64, 9001, 30), (2, 8, 70001, 5),
                          (3, 260, 1500, 40)])
@pytest.mark.parametrize('weighting', ['none', 'mask'])
def test_large_problems_equal_the_twin(batch, channels, num, clusters,
                                       weighting):
    x, mu, weight = problem(batch, channels, num, clusters)
    weight = None if weighting == 'none' else (weight > 0.7).float()
    expected = em_cluster_torch(x.double(), mu.double(), 3,
                                None if weight is None else weight.double())
    for with_resp in (True, False):
        got, resp = em_cluster(x, mu, 3, weight, with_resp=with_resp)
        torch.testing.assert_close(
            got.double(), expected[0], rtol=0, atol=5e-5)
        if with_resp:
            torch.testing.assert_close(
                resp.double(), expected[1], rtol=0, atol=5e-5)
        else:
            assert resp is None


@pytest.mark.parametrize('num', [100, 3000])
def test_any_strides_and_left_out_responsibilities_change_nothing(num):
    x, mu, weight = problem(2, 24, num, 7)
    weight = (weight > 0.5).float()
    expected = em_cluster(x, mu, 3, weight)
    channels_last = x.transpose(1, 2).contiguous().transpose(1, 2)
    sliced = torch.randn(2, 50, 2 * num)
    sliced[:, 1::2, ::2][:, :24] = x
    sliced = sliced[:, 1::2, ::2][:, :24]
    mu_view = mu.transpose(1, 2).contiguous().transpose(1, 2)
    for view in (x, channels_last, sliced):
        for with_resp in (True, False):
            got = em_cluster(
                view, mu_view, 3, weight.bool(), with_resp=with_resp)
            torch.testing.assert_close(got[0], expected[0])
            if with_resp:
                torch.testing.assert_close(got[1], expected[1])


def test_one_start_for_all_is_not_changed():
    x, mu, _ = problem(3, 16, 50, 4)
    start = mu[:1].clone()
    got = em_cluster(x, mu[:1], 2)[0]
    assert torch.equal(mu[:1], start)
    each = [em_cluster(x[b:b + 1], mu[:1], 2)[0] for b in range(3)]
    torch.testing.assert_close(got, torch.cat(each))
    # a view of one set for all
    assert torch.equal(em_cluster(x, mu[:1].expand(3, -1, -1), 2)[0], got)


@pytest.mark.skipif('cpu' not in ext_devices(), reason='not compiled')
@pytest.mark.parametrize('num', [196, 60000])
def test_threads_do_not_change_a_bit(num):
    x, mu, weight = problem(5 if num == 196 else 1, 16, num, 10)
    results, threads = [], torch.get_num_threads()
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            results.append(em_cluster(x, mu, 4, weight))
    finally:
        torch.set_num_threads(threads)
    for protos, resp in results[1:]:
        assert torch.equal(protos, results[0][0])
        assert torch.equal(resp, results[0][1])


# the extension alone: importing the package takes longer than the test
ISA_SCRIPT = """
import sys, torch
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location('_ext', sys.argv[1])
ext = module_from_spec(spec)
spec.loader.exec_module(ext)
results = []
for x, mu, num_iters, weight in torch.load(sys.argv[2]):
    resp = torch.empty(len(x), x.size(2), mu.size(2))
    ext.em_cluster(x, mu, weight, resp, num_iters, 20., 1e-6)
    results.append((mu, resp))
torch.save(results, sys.argv[3])
print(torch.backends.cpu.get_cpu_capability())
"""


@pytest.mark.skipif('cpu' not in ext_devices(), reason='not compiled')
def test_every_instruction_set_gives_the_same(tmp_path):
    args = []
    for batch, channels, num, clusters in [(2, 30, 200, 13), (1, 40, 5000, 33),
                                           (2, 9, 21, 1), (1, 16, 70, 64)]:
        x, mu, weight = problem(batch, channels, num, clusters)
        args.append((x, mu, 3, weight))
    torch.save(args, tmp_path / 'args.pth')
    names = set()
    for name in ('default', 'avx2'):
        out = tmp_path / f'{name}.pth'
        run = subprocess.run([
            sys.executable, '-c', ISA_SCRIPT,
            load_ext().__file__, tmp_path / 'args.pth', out
        ],
                             env=dict(os.environ, ATEN_CPU_CAPABILITY=name),
                             check=True,
                             capture_output=True,
                             text=True)
        names.add(run.stdout.split()[-1])
        for got, arg in zip(torch.load(out), args):
            for one, other in zip(got, em_cluster(*arg)):
                torch.testing.assert_close(one, other, rtol=0, atol=2e-5)
    assert len(names) == 2 or platform.machine() != 'x86_64'
