from pathlib import Path

import numpy as np
import pytest
import torch

DATA = Path(__file__).parents[2] / 'data/cavis'


class Reference(dict):
    """Arrays of a file; those of its state dict are ``weights``."""

    def __init__(self, path):
        with np.load(path) as file:
            super().__init__((key, torch.from_numpy(np.asarray(file[key])))
                             for key in file.files)
        self.weights = {
            key[3:]: value
            for key, value in self.items() if key.startswith('sd/')
        }

    def number(self, key):
        return self[key].item()


@pytest.fixture
def reference():
    """Return a function that loads a file of expected values."""
    return lambda name: Reference(DATA / f'cavis_{name}.npz')
