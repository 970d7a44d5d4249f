"""Inputs of the reference cases, which are given by formulas."""
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mmvis_plugin.models.panoptic_fcn import PanopticFCNOutputs

DATA = Path(__file__).parents[2] / 'data/hybrid'


def noise(seed, shape, scale):
    k = np.arange(np.prod(shape), dtype=float)
    value = 43758.5453 * np.sin(12.9898 * (k + 1) + 78.233 * (seed + 1))
    return (scale * (2 * (value - np.floor(value)) - 1)).reshape(shape)


def wave(seed, shape, scale, offset):
    n, c, y, x = np.ogrid[tuple(slice(0, side) for side in shape)]
    along = np.sin((x + 0.5) / shape[3] * (5 + c + seed) + 1.3 * n + c)
    down = np.sin((y + 0.5) / shape[2] * (4 + 2 * c) + 0.7 * seed + n)
    return offset + scale * along * down


def level_sizes(height, width):
    return [(-(-height // stride), -(-width // stride))
            for stride in (8, 16, 32, 64, 128)]


def make_outputs(ref, batch, height, width, center_offset=0.):
    """Maps of the heads as leaves that can take gradients."""
    seed, centers, regions, kernels = int(ref['seed']), [], [], []
    for i, size in enumerate(level_sizes(height, width)):
        shape = (batch, int(ref['num_thing']), *size)
        centers.append(
            wave(seed + i, shape, 3, -2) + noise(seed + i, shape, 0.5) -
            center_offset)
        shape = (batch, int(ref['num_stuff']), *size)
        regions.append(
            wave(seed + 7 + i, shape, 2.5, -1) +
            noise(seed + 11 + i, shape, 0.3))
        shape = (batch, int(ref['kernel_dim']), *size)
        kernels.append(
            noise(seed + 21 + i, shape, 1) + wave(seed + 31 + i, shape, 1, 0))
    shape = (batch, int(ref['embed_dim']), height // 4, width // 4)
    encoded = wave(seed + 41, shape, 1, 0.1) + noise(seed + 42, shape, 0.2)
    encoded[:, 0] = 1

    def leaf(x):
        return torch.from_numpy(x).float().requires_grad_()

    return PanopticFCNOutputs(
        *(tuple(map(leaf, part)) for part in (centers, regions, kernels)),
        leaf(encoded))


def make_embeds(ref):
    """Layers that embed kernels of things and of stuff."""
    seed, layers = int(ref['seed']), []
    shape = int(ref['embed_dim']), int(ref['kernel_dim'])
    for i in range(2):
        weight = noise(seed + 50 + i, shape, 0.8)
        bias = noise(seed + 60 + i, shape[:1], 0.3)
        bias[0] -= float(ref['thing_bias_shift']) * (i == 0)
        layer = nn.Linear(shape[1], shape[0])
        layer.weight.data = torch.from_numpy(weight).float()
        layer.bias.data = torch.from_numpy(bias).float()
        layers.append(layer)
    return layers


@pytest.fixture(scope='session')
def reference():
    """Function that loads a case, its maps and its embedding layers."""

    def load(name, case):
        with np.load(DATA / f'hybrid_pfcn_{name}_{case}.npz') as file:
            ref = {key: torch.from_numpy(file[key]) for key in file.files}
        if name == 'loss':
            outputs = make_outputs(ref, *ref['inst'].shape)
        else:
            outputs = make_outputs(ref, 1, int(ref['H']), int(ref['W']),
                                   float(ref['center_offset']))
        return ref, outputs, make_embeds(ref)

    return load
