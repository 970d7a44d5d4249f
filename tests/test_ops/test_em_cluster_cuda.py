"""The CUDA kernels: on a GPU, else compiled by nvcc and run on the host."""
import ctypes
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from mmvis_plugin import ops
from mmvis_plugin.ops import em_cluster, em_cluster_torch
from mmvis_plugin.ops.ext_loader import ext_devices

CSRC = Path(ops.__file__).parent / 'csrc'
KERNEL = CSRC / 'common/cuda/em_cluster_kernel.cuh'
HARNESS = Path(__file__).parent / 'em_cluster_on_host.cpp'
# bytes of shared memory per block and multiprocessor, multiprocessors
H100 = (232448, 233472, 132)
A100 = (166912, 167936, 108)
TINY = (24 * 1024, 40 * 1024, 2)
SMALL = (16 * 1024, 40 * 1024, 2)


def ints(values, kind=ctypes.c_int):
    return (kind * len(values))(*values)


def pointer(tensor):
    if tensor is None:
        return None
    return ctypes.cast(tensor.data_ptr(), ctypes.POINTER(ctypes.c_float))


@pytest.fixture(scope='module')
def host(tmp_path_factory):
    compiler = shutil.which(os.environ.get('CXX', 'g++'))
    if compiler is None:
        pytest.skip('no C++ compiler')
    library = tmp_path_factory.mktemp('host') / 'kernels.so'
    subprocess.run([
        compiler, '-std=c++17', '-O1', '-w', '-pthread', '-shared', '-fPIC',
        f'-I{CSRC}', HARNESS, '-o', library
    ],
                   check=True)
    return ctypes.CDLL(str(library))


def on_host(host, x, mu, num_iters, weight, device, temp=20.):
    """Run the kernels; returns prototypes, responsibilities and chunks."""
    results = []
    for backwards in (0, 1):
        out = mu.clone()
        resp = torch.full((len(x), x.size(2), mu.size(2)), float('nan'))
        chunks = host.run_em_cluster(
            pointer(x), ints(x.stride(), ctypes.c_longlong),
            ints([*x.shape, mu.size(2)]), pointer(out), pointer(weight),
            pointer(resp), num_iters, ctypes.c_float(temp),
            ctypes.c_float(1e-6), ints(device), backwards)
        results.append((out, resp))
    for one, other in zip(*results):  # the order of threads must not matter
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
    return *results[0], chunks


def problem(batch, channels, num, clusters):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(batch, channels, num, generator=generator)
    mu = torch.randn(batch, channels, clusters, generator=generator)
    weight = torch.rand(batch, num, generator=generator)
    weight[0, ::3] = 0
    return x, mu / mu.norm(dim=1, keepdim=True), weight


@pytest.mark.parametrize('batch, channels, num, clusters, device, chunks', [
    (2, 40, 50, 10, H100, 0),
    (1, 130, 33, 1, H100, 0),
    (1, 8, 0, 4, H100, 0),
    (1, 20, 1, 30, H100, 0),
    (2, 24, 203, 7, TINY, 2),
    (1, 9, 500, 13, TINY, 4),
    (1, 70, 70, 30, TINY, 3),
    (1, 16, 300, 64, TINY, 4),
])
@pytest.mark.parametrize('weighted', [False, True])
def test_kernels_on_the_host_equal_the_twin(host, batch, channels, num,
                                            clusters, device, chunks,
                                            weighted):
    x, mu, weight = problem(batch, channels, num, clusters)
    x = x.transpose(1, 2).contiguous().transpose(1, 2) if weighted else x
    weight = weight if weighted else None
    expected = em_cluster_torch(x, mu, 2, weight, 2.)
    protos, resp, used = on_host(host, x, mu, 2, weight, device, 2.)
    assert used == chunks
    torch.testing.assert_close(protos, expected[0], rtol=0, atol=2e-5)
    torch.testing.assert_close(resp, expected[1], rtol=0, atol=2e-5)


@pytest.mark.parametrize('device', [H100, SMALL])
def test_not_finite_input_on_the_host(host, device):
    x, mu, weight = problem(2, 40, 90, 3)
    x[1, 5, 0] = float('nan')
    weight[1, 0] = 0
    protos, _, chunks = on_host(host, x, mu, 2, weight, device)
    assert chunks == (0 if device == H100 else 2)
    assert protos[1].isnan().all() and protos[0].isfinite().all()


@pytest.mark.parametrize('sizes, device, tile, chunks', [
    ((100, 256, 196, 10), H100, 196, 0),
    ((100, 256, 196, 10), A100, 32, 3),
    ((1, 256, 58880, 30), H100, 64, 230),
    ((1, 256, 58880, 30), A100, 32, 205),
    ((1, 512, 10**6, 64), A100, 8, 216),
    ((1, 512, 10**6, 64), (49152, 65536, 20), 0, 0),
])
def test_plans(host, sizes, device, tile, chunks):
    plan = (ctypes.c_int * 4)()
    host.plan_em_cluster(ints(sizes), ints(device), plan)
    assert plan[0] == tile and plan[1] == chunks
    assert plan[3] <= device[0]
    if chunks:
        covered = plan[1] * plan[2]
        assert covered >= sizes[2] > covered - plan[2]


@pytest.mark.skipif(shutil.which('nvcc') is None, reason='no nvcc')
@pytest.mark.parametrize('arch', ['sm_80', 'sm_90'])
def test_kernels_compile_alone(tmp_path, arch):
    run = subprocess.run([
        'nvcc', f'-arch={arch}', '-std=c++17', '-Xptxas', '-v', '-x', 'cu',
        '-c', KERNEL, '-o', tmp_path / 'kernels.o'
    ],
                         check=True,
                         capture_output=True,
                         text=True)
    spills = dict(
        re.findall(
            r'Compiling entry function \'(\w+)\'.*\n.*\n'
            r'.*frame, (\d+) bytes spill stores', run.stderr))
    assert len(spills) == 17  # two kernels of eight sizes, one to reduce
    common = [name for name in spills if re.search('ILi(12|32)E', name)]
    assert len(common) == 4 and all(spills[name] == '0' for name in common)


@pytest.mark.skipif('cuda' not in ext_devices(), reason='not compiled for it')
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
@pytest.mark.parametrize('batch, channels, num, clusters', [
    (100, 256, 196, 10),
    (1, 256, 58880, 30),
    (3, 512, 3000, 64),
    (2, 9, 70001, 5),
])
def test_gpu_equals_the_twin_in_every_run(batch, channels, num, clusters):
    x, mu, weight = problem(batch, channels, num, clusters)
    x = x / channels**0.5
    expected = em_cluster_torch(x.double(), mu.double(), 3, weight.double())
    args = (x.cuda(), mu.cuda(), 3, weight.cuda())
    runs = [em_cluster(*args) for _ in range(3)]
    for got, wanted in zip(runs[0], expected):
        torch.testing.assert_close(
            got.cpu().double(), wanted, rtol=0, atol=5e-5)
    for other in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], other))
