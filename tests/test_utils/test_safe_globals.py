"""Training checkpoints pass the safe reader of torch."""
import pickle
import zipfile

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from mmvis_plugin.utils.dependencies import version_tuple
from mmvis_plugin.utils.safe_globals import (allow_checkpoint_classes,
                                             checkpoint_classes)
from ..toy_training import build_runner

pytestmark = pytest.mark.skipif(
    version_tuple(torch.__version__) < (2, 6, 0),
    reason='torch before 2.6 has no list of safe classes, or a short one')


@pytest.fixture(autouse=True)
def allowed():
    """Put the classes on the list as an import in a new process does."""
    allow_checkpoint_classes()


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """Return a checkpoint that a run has written."""
    folder = tmp_path_factory.mktemp('run')
    build_runner(str(folder), name='safe').train()
    return folder / 'iter_9.pth'


def test_a_checkpoint_of_the_runner_is_read(checkpoint):
    content = torch.load(checkpoint, weights_only=True)
    history = content['message_hub']['log_scalars']['train/loss']
    assert isinstance(history, HistoryBuffer)
    assert len(history.data[0]) == 9
    assert {'meta', 'state_dict', 'optimizer',
            'param_schedulers'} <= {*content}


def test_the_list_is_what_makes_it_readable(checkpoint):
    listed = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        with pytest.raises(pickle.UnpicklingError, match='HistoryBuffer'):
            torch.load(checkpoint, weights_only=True)
    finally:
        torch.serialization.add_safe_globals(listed)


def test_other_classes_are_still_refused(tmp_path):
    path = tmp_path / 'foreign.pth'
    torch.save(dict(state_dict={}, extra=print), path)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)


@pytest.mark.parametrize(
    'value',
    [np.float32(1), np.arange(3),
     np.uint8(7), np.bool_(True)])
def test_numpy_values_of_logs_are_read(tmp_path, value):
    path = tmp_path / 'value.pth'
    torch.save(dict(value=value), path)
    assert np.array_equal(torch.load(path, weights_only=True)['value'], value)


def test_the_list_survives_a_resume(checkpoint, tmp_path):
    runner = build_runner(
        str(tmp_path), name='again', load_from=str(checkpoint), resume=True)
    runner.train()
    assert set(
        checkpoint_classes()) <= {*torch.serialization.get_safe_globals()}


def rename_in_pickle(path, out):
    """Write a checkpoint as the other NumPy, 1 or 2, would."""
    old, new = b'numpy.core.multiarray', b'numpy._core.multiarray'
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(out, 'w') as target:
        for item in source.infolist():
            content = source.read(item)
            if item.filename.endswith('data.pkl'):
                pair = (new, old) if new in content else (old, new)
                assert pair[0] in content
                content = content.replace(*pair)
            target.writestr(item, content)


@pytest.mark.skipif(
    version_tuple(torch.__version__) < (2, 7, 0),
    reason='torch before 2.7 takes no second name of a safe function')
def test_checkpoints_of_the_other_numpy_are_read(checkpoint, tmp_path):
    renamed = tmp_path / 'renamed.pth'
    rename_in_pickle(checkpoint, renamed)
    contents = [
        torch.load(path, weights_only=True)['message_hub']['log_scalars']
        ['train/loss'].data[0] for path in (checkpoint, renamed)
    ]
    assert np.array_equal(*contents) and len(contents[1]) == 9


def test_the_list_is_short():
    assert len(checkpoint_classes()) <= 16
