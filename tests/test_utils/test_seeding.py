"""Seeds are a function of the position."""
import random

import numpy as np
import torch

from mmvis_plugin.utils.seeding import derive_seed, seed_process


def draws() -> tuple:
    """Draw from the three generators."""
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_positions_have_their_own_seeds():
    seeds = {
        derive_seed(run, rank, count)
        for run in range(10)
        for rank in range(10)
        for count in range(10)
    }
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert derive_seed(1, 2) != derive_seed(2, 1)
    assert derive_seed(3, 4) == derive_seed(3, 4)


def test_a_seed_fixes_all_generators():
    seed_process(7)
    first = draws()
    seed_process(8)
    other = draws()
    seed_process(7)
    assert draws() == first
    assert all(a != b for a, b in zip(first, other))
