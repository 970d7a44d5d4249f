from pathlib import Path

import numpy as np
import pytest
import torch

DATA = Path(__file__).parents[2] / 'data/hybrid'


def formula(k, t):
    """Values in [-1, 1] that look random, of flat index ``k``."""
    value = 43758.5453 * np.sin(12.9898 * (k + 1) + 78.233 * (t + 1))
    return 2 * (value - np.floor(value)) - 1


@pytest.fixture(scope='session')
def fill():
    """Function that gives a network the weights of the reference."""

    def fill_network(network):
        state = network.state_dict()
        names = sorted(
            name for name in state if not any(
                part in name
                for part in ('num_batches_tracked', '.norm3.', '.norm4.')))
        for t, name in enumerate(names):
            shape = state[name].shape
            s = formula(np.arange(state[name].numel(), dtype=float),
                        t).reshape(shape)
            if len(shape) == 4:
                s = 0.7 * s * np.sqrt(6 / np.prod(shape[1:]))
            elif name.endswith('bias'):
                s = 0.05 * s
            elif name.endswith('running_mean'):
                s = 0.1 * s
            elif name.endswith('running_var'):
                s = 1 + 0.5 * s**2
            else:
                s = 1 + 0.1 * s
            state[name].copy_(torch.from_numpy(s))
        return network.eval()

    return fill_network


@pytest.fixture(scope='session')
def reference():
    """Function that loads a reference case."""

    def load(size):
        with np.load(DATA / f'hybrid_raft_{size}_1.npz') as file:
            return {key: torch.from_numpy(file[key]) for key in file.files}

    return load
