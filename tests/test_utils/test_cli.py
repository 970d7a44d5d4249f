"""Wrong use of a tool ends with one line; defects keep their traceback."""
import argparse
import os

import pytest
from mmengine.config import Config
from torch.utils.data import DataLoader

from mmvis_plugin.registry import MODELS
from mmvis_plugin.utils import cli
from mmvis_plugin.utils.cli import (UsageError, add_common_arguments,
                                    load_config, one_line_errors, print_state,
                                    read_config, require_positive)
from mmvis_plugin.utils.errors import AnnotationError, CheckpointError


class BrokenData:
    """A dataset whose samples cannot be read."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int):
        raise AnnotationError('a.json: no frames')


def fail(error: Exception):
    """Return a tool that fails."""

    @one_line_errors
    def main() -> None:
        raise error

    return main


def parse(*words: str) -> argparse.Namespace:
    """Parse the common options."""
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_common_arguments(parser)
    return parser.parse_args(words)


@pytest.fixture
def config(tmp_path):
    """Write a config."""
    path = tmp_path / 'recipe.py'
    path.write_text('a = dict(b=1, c=2)\n')
    return str(path)


@pytest.mark.parametrize('error', [
    AnnotationError('a.json: no frames'),
    CheckpointError('x.pth: another model'),
    UsageError('--out: must end in .pkl'),
    FileNotFoundError('x.py: no such config'),
    ImportError('first\nsecond'),
])
def test_errors_for_the_user(capsys, error):
    with pytest.raises(SystemExit) as info:
        fail(error)()
    assert info.value.code == 1
    err = capsys.readouterr().err
    assert err == f'error: {str(error).splitlines()[0]}\n'


@pytest.mark.parametrize('num_workers', [0, 1])
def test_errors_of_workers(capsys, num_workers):

    @one_line_errors
    def main() -> None:
        next(iter(DataLoader(BrokenData(), num_workers=num_workers)))

    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err == 'error: a.json: no frames\n'


@pytest.mark.parametrize('cfg, text', [
    (dict(type='BoxDedupLos'), "'BoxDedupLoss'"),
    (dict(type='BoxDedupLoss', bata=1), "did you mean 'beta'"),
    (dict(type='BoxDedupLoss', k=0), 'k must be'),
])
def test_errors_of_configs(capsys, cfg, text):

    @one_line_errors
    def main() -> None:
        MODELS.build(cfg)

    with pytest.raises(SystemExit):
        main()
    err = capsys.readouterr().err
    assert err.startswith('error: ') and err.count('\n') == 1
    assert text in err


@pytest.mark.parametrize('error', [
    ValueError('of a library'),
    KeyError('x'),
    RuntimeError('out of memory'),
])
def test_defects_keep_their_traceback(error):
    with pytest.raises(type(error)):
        fail(error)()


def test_debugging_shows_the_traceback(monkeypatch):
    monkeypatch.setenv('MMVIS_DEBUG', '1')
    with pytest.raises(AnnotationError):
        fail(AnnotationError('x'))()


@pytest.mark.parametrize('spelling', ['--local_rank', '--local-rank'])
def test_both_spellings_of_the_local_rank(monkeypatch, config, spelling):
    monkeypatch.delenv('LOCAL_RANK', raising=False)
    load_config(parse(config, f'{spelling}=3'))
    assert os.environ.pop('LOCAL_RANK') == '3'


def test_options_are_merged(monkeypatch, config):
    monkeypatch.setenv('LOCAL_RANK', '0')
    cfg = load_config(parse(config, '--cfg-options', 'a.b=5', 'd=[1,2]'))
    assert cfg.a == dict(b=5, c=2) and cfg.d == [1, 2]
    assert cfg.work_dir == os.path.join('work_dirs', 'recipe')
    assert cfg.launcher == 'none' and cfg.runner_type == 'VideoRunner'
    cfg = load_config(
        parse(config, '--work-dir', 'x', '--launcher', 'mpi', '--cfg-options',
              'runner_type=Runner'))
    assert cfg.work_dir == 'x' and cfg.launcher == 'mpi'
    assert cfg.runner_type == 'Runner'


def test_configs_of_mmtrack_need_no_line(tmp_path, monkeypatch):
    imported = []
    monkeypatch.setattr(cli, 'import_module', imported.append)
    for scope in ('mmdet', 'mmtrack'):
        config = tmp_path / f'{scope}.py'
        config.write_text(f'default_scope = {scope!r}')
        assert read_config(str(config)).default_scope == scope
    assert imported == ['mmvis_plugin.compat.mmtrack_scope']


def test_read_config(tmp_path, config):
    assert isinstance(read_config(config), Config)
    with pytest.raises(FileNotFoundError, match='no such config'):
        read_config('nothing.py')
    weights = tmp_path / 'iter_1.pth'
    weights.touch()
    with pytest.raises(UsageError, match='checkpoint comes after'):
        read_config(str(weights))


def test_numbers_that_have_to_be_positive():
    options = argparse.Namespace(workers=1, max_frames=None)
    require_positive(options, 'workers', 'max_frames')
    options.max_frames = 0
    with pytest.raises(UsageError, match='--max-frames 0: expected at least'):
        require_positive(options, 'workers', 'max_frames')


def test_state_of_a_file(capsys):
    print_state('a.json', True)
    print_state('b.json', False)
    assert capsys.readouterr().out == (
        'a.json: written\nb.json: already there, nothing to do\n')
