from types import ModuleType, SimpleNamespace

import pytest
import torch

from mmvis_plugin.ops import em_cluster, ext_loader
from mmvis_plugin.utils.collect_env import collect_env


@pytest.fixture(autouse=True)
def fresh():
    ext_loader.load_ext.cache_clear()
    yield
    ext_loader.load_ext.cache_clear()


def pretend(monkeypatch, module):
    """Let the loader find a build, or an ImportError."""

    def import_module(_):
        if isinstance(module, ImportError):
            raise module
        return module

    monkeypatch.delenv('MMVIS_WITH_OPS', raising=False)
    monkeypatch.setattr(ext_loader, 'find_spec', lambda _: True)
    monkeypatch.setattr(ext_loader, 'import_module', import_module)


def test_a_build_is_used_and_reported(monkeypatch):
    build = SimpleNamespace(
        devices=lambda: ['cpu', 'cuda'], em_cluster=lambda: None)
    pretend(monkeypatch, build)
    assert ext_loader.load_ext() is build
    assert ext_loader.ext_devices() == ('cpu', 'cuda')
    text = collect_env()['mmvis_plugin operators']
    assert text == 'compiled for cpu, cuda'


@pytest.mark.parametrize('module, reason', [
    (ImportError('undefined symbol: _ZN\nmore'), 'undefined symbol: _ZN'),
    (ModuleType('old'), 'no function devices'),
])
def test_a_build_that_does_not_fit_is_named(monkeypatch, module, reason):
    pretend(monkeypatch, module)
    with pytest.warns(UserWarning, match=reason) as warnings:
        assert ext_loader.load_ext() is None
        assert ext_loader.ext_devices() == ()
    assert len(warnings) == 1 and 'MMVIS_WITH_OPS=1' in str(
        warnings[0].message)
    assert 'not compiled' in collect_env()['mmvis_plugin operators']


def test_without_a_build_everything_runs_in_torch(monkeypatch):
    monkeypatch.setattr(ext_loader, 'find_spec', lambda _: None)
    assert ext_loader.load_ext() is None


def test_switch_at_run_time(monkeypatch):
    pretend(monkeypatch, ImportError('must not be tried'))
    monkeypatch.setenv('MMVIS_WITH_OPS', '0')
    assert ext_loader.ext_devices() == ()
    got, _ = em_cluster(torch.ones(1, 2, 3), torch.ones(1, 2, 1), 1)
    torch.testing.assert_close(got, torch.full((1, 2, 1), 0.5**0.5))
