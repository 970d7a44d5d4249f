import pickle

import numpy as np
import pytest
import torch

from mmvis_plugin.utils.detectron2_weights import read_detectron2
from mmvis_plugin.utils.errors import CheckpointError


@pytest.mark.parametrize('nested', [True, False])
@pytest.mark.parametrize('ending', ['.pth', '.pkl'])
def test_weights_under_a_key_or_alone(tmp_path, nested, ending):
    path = tmp_path / f'model{ending}'
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    value = torch.from_numpy(array) if ending == '.pth' else array
    content = dict(weight=value, note='text', number=3)
    if nested:
        content = dict(model=content, iteration=5)
    if ending == '.pth':
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    found = read_detectron2(str(path))
    assert list(found) == ['weight']
    assert found['weight'].equal(torch.from_numpy(array))


def test_a_file_without_weights(tmp_path):
    path = tmp_path / 'model.pkl'
    for content in (dict(model={}), [1, 2], dict(epoch=3)):
        path.write_bytes(pickle.dumps(content))
        with pytest.raises(
                CheckpointError,
                match="model.pkl: holds no weights, expected them under the "
                "key 'model'"):
            read_detectron2(str(path))
