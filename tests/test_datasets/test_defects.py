import pickle

import pytest

from mmvis_plugin.datasets.defects import STRICT, Defects
from mmvis_plugin.utils.errors import AnnotationError


def test_strict_lets_every_error_pass():
    for error in (AnnotationError, FileNotFoundError, KeyError):
        with pytest.raises(error), STRICT:
            raise error('x')
    assert STRICT == []


def test_collecting_keeps_errors_of_data_only():
    defects = Defects(collect=True)
    with defects:
        raise AnnotationError('a')
    with defects, defects:
        raise FileNotFoundError('b')
    with defects:
        pass
    assert defects == ['a', 'b']
    with pytest.raises(KeyError), defects:
        raise KeyError('c')
    copy = pickle.loads(pickle.dumps(defects))
    assert copy == defects and copy.collect
