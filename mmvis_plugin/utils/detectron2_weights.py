"""Read the files of weights that Detectron2 writes."""
from typing import Dict

import torch
from torch import Tensor

from .checkpoint import read_checkpoint
from .errors import CheckpointError
from .numpy_pickle import read_numpy_pickle


def read_detectron2(path: str) -> Dict[str, Tensor]:
    """Read the tensors of a file of Detectron2, and run no code of it.

    Args:
        path (str): A .pth file, or a .pkl of the model zoo, which holds
            NumPy arrays; the weights are under the key ``model`` or alone.

    Returns:
        dict[str, Tensor]: Under the names of the file.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: If it is damaged or holds no weights.
    """
    if path.endswith('.pkl'):
        content = read_numpy_pickle(path)
    else:
        content = read_checkpoint(path)['state_dict']
    weights = content.get('model', content) \
        if isinstance(content, dict) else {}
    weights = {
        name: torch.as_tensor(value)
        for name, value in weights.items()
        if isinstance(value, Tensor) or hasattr(value, '__array__')
    }
    if not weights:
        raise CheckpointError(
            f"{path}: holds no weights, expected them under the key 'model'; "
            'give a checkpoint of Detectron2')
    return weights
