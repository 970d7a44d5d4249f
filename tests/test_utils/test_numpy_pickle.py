import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from mmvis_plugin.utils.errors import CheckpointError
from mmvis_plugin.utils.numpy_pickle import read_numpy_pickle


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_and_plain_values(tmp_path, protocol):
    path = tmp_path / 'model.pkl'
    arrays = OrderedDict(
        weight=np.arange(6, dtype=np.float32).reshape(2, 3),
        half=np.ones(2, np.float16),
        count=np.array(3),
        turned=np.arange(6).reshape(2, 3).T)
    content = dict(
        model=arrays, __author__='someone', scale=np.float32(2), raw=b'\xff')
    path.write_bytes(pickle.dumps(content, protocol))
    found = read_numpy_pickle(str(path))
    assert list(found['model']) == list(arrays)
    for name, value in arrays.items():
        assert found['model'][name].dtype == value.dtype
        assert np.array_equal(found['model'][name], value)
    assert found['scale'] == 2 and found['__author__'] == 'someone'
    assert found['raw'] == b'\xff'


@pytest.mark.parametrize('old, new', [(b'numpy._core', b'numpy.core'),
                                      (b'numpy.core', b'numpy._core')])
def test_files_of_both_versions_of_numpy(tmp_path, old, new):
    path = tmp_path / 'model.pkl'
    # the names of modules stand in lines of their own
    path.write_bytes(pickle.dumps([np.ones(2)], 2).replace(old, new))
    assert read_numpy_pickle(str(path))[0].tolist() == [1, 1]


def test_python_2(tmp_path):
    path = tmp_path / 'model.pkl'
    # protocol 2, a dict with a str that holds a byte above 127
    path.write_bytes(b'\x80\x02}U\x01aU\x02\xff0s.')
    assert read_numpy_pickle(str(path)) == {'a': '\xff0'}


def test_no_code_is_run(tmp_path):

    class Evil:

        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'done'), )

    path = tmp_path / 'model.pkl'
    path.write_bytes(pickle.dumps(dict(model=Evil())))
    with pytest.raises(CheckpointError, match='it holds .*mkdir') as info:
        read_numpy_pickle(str(path))
    assert '\n' not in str(info.value) and not (tmp_path / 'done').exists()


@pytest.mark.parametrize('content', [b'', b'no pickle', None])
def test_damaged_files(tmp_path, content):
    path = tmp_path / 'model.pkl'
    if content is None:
        content = pickle.dumps(dict(a=np.ones(99)))[:-50]
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match='model.pkl: cannot be read'):
        read_numpy_pickle(str(path))


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such file'):
        read_numpy_pickle(str(tmp_path / 'none.pkl'))
