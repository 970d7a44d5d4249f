"""What torch before 2.6 reads checkpoints with."""
import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from mmvis_plugin.utils import checked_pickle
from ..toy_training import build_runner


def read(path):
    """Read a file of torch."""
    return torch.load(path, weights_only=False, pickle_module=checked_pickle)


def assert_same(found, expected):
    """Compare what files hold, with types."""
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert [*found] == [*expected]
        for key, value in expected.items():
            assert_same(found[key], value)
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected):
            assert_same(one, other)
    elif isinstance(expected, HistoryBuffer):
        assert_same(found.__getstate__(), expected.__getstate__())
    elif isinstance(expected, torch.Tensor):
        assert found.dtype == expected.dtype and found.equal(expected)
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    else:
        assert found == expected or found != found


def test_a_checkpoint_of_a_training(tmp_path):
    build_runner(str(tmp_path), name='checked').train()
    path = tmp_path / 'iter_9.pth'
    content = read(path)
    history = content['message_hub']['log_scalars']['train/loss']
    assert len(history.data[0]) == 9 and history.mean() == history.mean()
    assert_same(content, torch.load(path, weights_only=False))


@pytest.mark.parametrize('zipped', [True, False])
def test_tensors_and_values(tmp_path, zipped):
    path = tmp_path / 'values.pth'
    content = dict(
        weights=OrderedDict(
            a=torch.arange(6.).reshape(2, 3)[:, 1],
            b=torch.nn.Parameter(torch.ones(2, dtype=torch.bfloat16)),
            c=torch.tensor([True])),
        plain=[1, 2.5, 'text', None, b'\x80\xff', {3}, (4, )],
        torch=[torch.float16,
               torch.Size([2, 3]),
               torch.device('cpu')],
        numpy=[np.float32(1),
               np.bool_(True),
               np.arange(3, dtype='uint8')])
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert_same(read(path), content)


def method(name, owner=HistoryBuffer):
    """Return an object that is pickled as a call of ``getattr``."""
    return type('Call', (),
                {'__reduce__': lambda self: (getattr, (owner, name))})()


@pytest.mark.parametrize('value, named', [
    (print, r'__builtin__\.print'),
    (os.system, r'\.system'),
    (np.load, r'numpy.*\.load'),
    (torch.load, r'torch\.serialization\.load'),
    (method('__init__'), '__init__'),
    (method('__subclasses__'), '__subclasses__'),
    (method('zeros_', torch.Tensor), 'zeros_'),
    (method('tofile', np.ndarray), 'tofile'),
])
def test_everything_else_is_refused(tmp_path, value, named):
    path = tmp_path / 'foreign.pth'
    torch.save(dict(state_dict={}, extra=value), path)
    with pytest.raises(pickle.UnpicklingError, match=f'GLOBAL .*{named}'):
        read(path)


def test_a_method_of_a_class_of_the_list(tmp_path):
    path = tmp_path / 'method.pth'
    torch.save(dict(extra=method('mean')), path)
    assert read(path)['extra'] is HistoryBuffer.mean
