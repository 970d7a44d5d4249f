import os

import pytest
import torch
from mmengine.config import Config

from mmvis_plugin.apis import model_config
from mmvis_plugin.apis.model_config import model_source
from mmvis_plugin.utils.errors import CheckpointError
from mmvis_plugin.utils.model_names import ModelEntry, package_path
from ..spot_tracker import spot_config, write_config

TINY = 'inspro_r18_fpn_movingshapes-tiny'


def save(path, text):
    torch.save(dict(state_dict={}, meta=dict(cfg=text)), path)
    return str(path)


def test_files_and_objects(tmp_path):
    wanted = spot_config()._cfg_dict
    path = write_config(tmp_path)
    for model in (path, spot_config(), dict(spot_config()._cfg_dict)):
        source = model_source(model, tmp_path / 'a.pth')
        assert source.config._cfg_dict == wanted
        assert source.weights == str(tmp_path / 'a.pth')
        assert model_source(model).weights is None


def test_config_is_a_copy():
    cfg = spot_config()
    model_source(cfg).config.model.type = 'Other'
    assert cfg.model.type == 'SpotTracker'


def test_name_of_the_zoo(monkeypatch, tmp_path):
    path = write_config(tmp_path)
    entry = ModelEntry('spot', path, weights='spot.pth')
    monkeypatch.setattr(model_config, 'find_model', lambda name: entry)
    assert model_source('spot').weights == 'spot.pth'
    assert model_source('spot', 'own.pth').weights == 'own.pth'
    assert model_source('spot').config.model.type == 'SpotTracker'


def test_weights_of_the_zoo_are_fetched(monkeypatch, tmp_path):
    entry = ModelEntry('spot', write_config(tmp_path), weights='http://a/b')
    monkeypatch.setattr(model_config, 'find_model', lambda name: entry)
    monkeypatch.setattr(model_config, 'fetch_weights',
                        lambda e: f'of {e.name}')
    assert model_source('spot').weights == 'of spot'
    assert model_source('spot', 'own.pth').weights == 'own.pth'


def test_shipped_name():
    assert model_source(TINY.upper()).config.model.type == 'InsPro'


def test_without_a_name_it_is_the_one_of_the_package(monkeypatch):
    lines = []
    monkeypatch.setattr(model_config, 'print_log',
                        lambda text, logger: lines.append(text))
    source = model_source(None)
    named = model_source(model_config.DEFAULT_MODEL)
    assert source.weights == named.weights
    assert os.path.dirname(
        source.weights) == package_path('package://checkpoints')
    assert source.config._cfg_dict == named.config._cfg_dict
    assert len(lines) == 1 and model_config.DEFAULT_MODEL in lines[0]


def test_missing_weights_of_the_zoo_are_named(monkeypatch, tmp_path):
    lines = []
    monkeypatch.setattr(model_config, 'print_log',
                        lambda text, logger: lines.append(text))
    entry = ModelEntry('spot', write_config(tmp_path))
    monkeypatch.setattr(model_config, 'find_model', lambda name: entry)
    model_source('spot', 'own.pth')
    assert not lines
    assert model_source('spot').weights is None
    assert len(lines) == 1 and 'spot: not yet trained' in lines[0]


def test_config_out_of_the_weights(tmp_path):
    cfg = Config(dict(model=dict(type='A', scale=(-1, 2.5), names=['x'])))
    path = save(tmp_path / 'a.pth', cfg.pretty_text)
    source = model_source(None, path)
    assert source.config.model == cfg.model and source.weights == path


@pytest.mark.parametrize('text, message', [
    (None, r"no config in its meta\['cfg'\]"),
    ('model = (', "is no config"),
    ('import os\nmodel = dict()', 'line 1 .* is Import code'),
    ("model = dict(a=open('x').read())", 'is Call code'),
    ('model = [x for x in (1, )]', 'is ListComp code'),
])
def test_code_out_of_the_weights_is_refused(tmp_path, text, message):
    path = save(tmp_path / 'a.pth', text)
    with pytest.raises(CheckpointError, match=message) as error:
        model_source(None, path)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('model, message, kind', [
    ('absent.py', 'absent.py: no such config', FileNotFoundError),
    ('inspro_r18', 'neither a file nor one of the .* models', ValueError),
])
def test_wrong_models_are_one_line(model, message, kind):
    with pytest.raises(kind, match=message) as error:
        model_source(model)
    assert '\n' not in str(error.value)


def test_weights_in_the_place_of_the_model(tmp_path):
    path = save(tmp_path / 'a.pth', 'model = dict()')
    with pytest.raises(ValueError, match='give a checkpoint as the weights'):
        model_source(path)
