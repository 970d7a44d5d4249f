import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from mmvis_plugin.models.raft.correlation import (ChunkedCorrelation,
                                                  VolumeCorrelation)


def naive(fmap1, fmap2, coords, radius):
    """Every sample of every window by itself."""
    dim, height, width = fmap1.shape
    levels = [fmap2]
    for _ in range(3):
        levels.append(F.avg_pool2d(levels[-1], 2))
    side = 2 * radius + 1
    out = np.zeros((4 * side * side, height, width))
    for y, x in np.ndindex(height, width):
        products = [
            (torch.einsum('d,dhw->hw', fmap1[:, y, x], level) / dim**.5)
            for level in levels
        ]
        channel = 0
        for i, product in enumerate(products):
            cx, cy = coords[:, y, x] / 2**i
            for dx in range(-radius, radius + 1):
                for dy in range(-radius, radius + 1):
                    out[channel, y, x] = bilinear(product, cx + dx, cy + dy)
                    channel += 1
    return out


def bilinear(image, x, y):
    value, left, top = 0., int(np.floor(x)), int(np.floor(y))
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                weight = (1 - abs(x - column)) * (1 - abs(y - row))
                value += float(weight * image[row, column])
    return value


def random_case(batch, dim, height, width, spread=3., dtype=torch.float64):
    rng = torch.Generator().manual_seed(0)
    fmaps = torch.randn((2, batch, dim, height, width),
                        generator=rng,
                        dtype=dtype)
    rows, columns = torch.meshgrid(
        torch.arange(height), torch.arange(width), indexing='ij')
    coords = torch.stack([columns, rows]).to(dtype)
    noise = torch.randn((batch, 2, height, width), generator=rng, dtype=dtype)
    return (*fmaps, coords + spread * noise)


@pytest.mark.parametrize('correlation',
                         [VolumeCorrelation, ChunkedCorrelation])
def test_equals_loops(correlation):
    fmap1, fmap2, coords = random_case(2, 3, 8, 11)
    got = correlation(fmap1, fmap2, 1)(coords)
    for k in range(2):
        expected = naive(fmap1[k], fmap2[k], coords[k], 1)
        np.testing.assert_allclose(got[k], expected, atol=1e-12)


@pytest.mark.parametrize('chunk_size', [1, 7, 10**6])
def test_chunks_of_any_size(chunk_size):
    fmap1, fmap2, coords = random_case(2, 8, 17, 24, dtype=torch.float32)
    expected = VolumeCorrelation(fmap1, fmap2, 4)(coords)
    got = ChunkedCorrelation(fmap1, fmap2, 4, chunk_size)(coords)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize('value', [1e30, -1e30, float('nan'), float('inf')])
def test_far_outside_reads_zeros(value):
    fmap1, fmap2, coords = random_case(1, 4, 16, 16)
    coords[:, :, 3, 5] = value
    windows = VolumeCorrelation(fmap1, fmap2, 3)(coords)
    assert (windows[..., 3, 5] == 0).all()
    assert (windows[..., 3, 6] != 0).any()


def test_gradient_reaches_both_frames():
    fmap1, fmap2, coords = random_case(1, 2, 8, 8, spread=1.)
    inputs = [x.requires_grad_() for x in (fmap1, fmap2)]
    for correlation in (VolumeCorrelation, ChunkedCorrelation):
        assert torch.autograd.gradcheck(
            lambda a, b: correlation(a, b, 1)(coords).sum((2, 3)),
            inputs,
            fast_mode=True)


class LargestResult(TorchDispatchMode):
    """Remembers the most bytes that an operation allocated."""
    largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            size = result.numel() * result.element_size()
            self.largest = max(self.largest, size)
        return result


@torch.no_grad()
def test_chunks_save_memory():
    fmap1, fmap2, coords = random_case(1, 8, 48, 64, dtype=torch.float32)
    sizes = []
    for correlation in (VolumeCorrelation, ChunkedCorrelation):
        with LargestResult() as mode:
            correlation(fmap1, fmap2, 4)(coords)
        sizes.append(mode.largest)
    assert sizes[0] == 4 * (48 * 64)**2
    assert sizes[1] < sizes[0] / 8
