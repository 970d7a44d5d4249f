"""Checkpoints are whole, and the console stays short."""
import os
import os.path as osp

import pytest

from mmvis_plugin.registry import RUNNERS
from mmvis_plugin.utils.checkpoint import latest_checkpoint, read_checkpoint
from ...toy_training import build_runner


def test_it_is_registered():
    assert RUNNERS.get('VideoRunner').__name__ == 'VideoRunner'


def test_checkpoints_and_their_note(tmp_path):
    build_runner(str(tmp_path), name='files').train()
    names = {path.name for path in tmp_path.glob('*.pth*')}
    assert names == {'iter_4.pth', 'iter_8.pth', 'iter_9.pth'}
    assert latest_checkpoint(str(tmp_path)).endswith('iter_9.pth')


def test_a_run_killed_while_saving_keeps_the_checkpoint(tmp_path, monkeypatch):
    runner = build_runner(str(tmp_path), name='killed')
    runner.train()
    target = tmp_path / 'iter_9.pth'
    before = target.read_bytes()

    def die(source, destination):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, 'replace', die)
    with pytest.raises(KeyboardInterrupt):
        runner.save_checkpoint(str(tmp_path), 'iter_9.pth', by_epoch=False)
    assert target.read_bytes() == before
    assert latest_checkpoint(str(tmp_path)) == str(target)
    read_checkpoint(str(target))


def test_listings_go_to_the_log_file_only(tmp_path, capsys):
    runner = build_runner(str(tmp_path), name='console')
    runner.train()
    console = capsys.readouterr().out
    with open(runner.logger.log_file, encoding='utf-8') as file:
        log = file.read()
    for text in ('System environment', 'Hooks will be executed',
                 'Name of parameter'):
        assert text in log
        assert text not in console
    assert 'Iter(train) [4/9]' in console
    assert console.count('\n') < 40
    assert osp.dirname(runner.logger.log_file).startswith(str(tmp_path))
