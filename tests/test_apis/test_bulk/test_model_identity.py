import pytest
import torch

from mmvis_plugin.apis.bulk import model_identity
from mmvis_plugin.apis.model_config import ModelSource
from ...spot_tracker import spot_config


def test_what_the_results_depend_on(tmp_path):
    paths = [str(tmp_path / f'{name}.pth') for name in 'ab']
    for number, path in enumerate(paths):
        torch.save(dict(number=number), path)
    first = model_identity(ModelSource(spot_config(), paths[0]))
    assert first['weights'] == 'a.pth'
    assert model_identity(ModelSource(spot_config(), paths[0])) == first
    other = model_identity(ModelSource(spot_config(), paths[1]))
    assert other['weights_hash'] != first['weights_hash']
    assert other['config_hash'] == first['config_hash']
    narrow = model_identity(ModelSource(spot_config(scale=(40, 30)), paths[0]))
    assert narrow['config_hash'] != first['config_hash']
    # neither folders of data nor the schedule change results
    config = spot_config()
    config.train_cfg = dict(max_iters=7)
    config.test_dataloader.dataset.ann_file = 'elsewhere.json'
    assert model_identity(ModelSource(config, paths[0])) == first


def test_without_weights():
    with pytest.raises(ValueError, match='no weights, expected those that'):
        model_identity(ModelSource(spot_config(), None))
    with pytest.raises(FileNotFoundError, match='a.pth: no such checkpoint'):
        model_identity(ModelSource(spot_config(), 'a.pth'))
