"""Random numbers as a function of where in a training run they are drawn."""
import random

import numpy as np
import torch


def derive_seed(*position: int) -> int:
    """Mix a run's seed and a position in the run into one seed.

    Args:
        *position (int): Non-negative numbers, for example the seed of the
            run, the rank, a stream number and a counter.

    Returns:
        int: 32-bit seed. Neighbouring positions give unrelated seeds.
    """
    return int(np.random.SeedSequence(position).generate_state(1)[0])


def seed_process(seed: int) -> None:
    """Seed Python, NumPy and torch (all devices) in this process.

    Args:
        seed (int): 32-bit seed.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
