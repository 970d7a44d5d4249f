"""Runs go on from the newest checkpoint that is whole."""
import pytest
import torch

from mmvis_plugin.utils import resume
from mmvis_plugin.utils.errors import CheckpointError
from mmvis_plugin.utils.resume import (find_damage, find_whole_checkpoint,
                                       require_agreement)


@pytest.fixture
def run(tmp_path):
    """Write three checkpoints, and one of an earlier run."""
    for number in (20, 30, 40, 900):
        content = dict(state_dict=dict(a=torch.full((999, ), number)))
        torch.save(content, tmp_path / f'iter_{number}.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_40.pth'))
    return tmp_path


def noise(path):
    """Change bytes in the middle."""
    content = bytearray(path.read_bytes())
    content[2000:2016] = bytes(16)
    path.write_bytes(content)


def cut(path):
    """Leave a third."""
    content = path.read_bytes()
    path.write_bytes(content[:len(content) // 3])


def zeros(path):
    """Keep the size, as file systems do after power was lost."""
    path.write_bytes(bytes(path.stat().st_size))


def nothing(path):
    """Leave no byte."""
    path.write_bytes(b'')


every_damage = pytest.mark.parametrize('damage', [noise, cut, zeros, nothing])


def test_all_whole(run):
    assert find_whole_checkpoint(str(run)) == (str(run / 'iter_40.pth'), [])


def test_no_checkpoints(tmp_path):
    assert find_whole_checkpoint(str(tmp_path)) == (None, [])


@every_damage
def test_the_one_before(run, damage):
    damage(run / 'iter_40.pth')
    assert find_damage(str(run / 'iter_40.pth'))
    found, damaged = find_whole_checkpoint(str(run))
    assert found == str(run / 'iter_30.pth')
    assert len(damaged) == 1 and '\n' not in damaged[0]
    assert damaged[0].startswith(f'{run / "iter_40.pth"}: ')
    damage(run / 'iter_30.pth')
    found, damaged = find_whole_checkpoint(str(run))
    assert found == str(run / 'iter_20.pth') and len(damaged) == 2


def test_none_is_whole(run):
    for number in (20, 30, 40):
        cut(run / f'iter_{number}.pth')
    with pytest.raises(CheckpointError, match='none of its 3 .*--resume CKPT'):
        find_whole_checkpoint(str(run))


def test_without_a_note_the_highest_number_is_first(run):
    (run / 'last_checkpoint').unlink()
    assert find_whole_checkpoint(str(run))[0] == str(run / 'iter_900.pth')
    nothing(run / 'iter_900.pth')
    assert find_whole_checkpoint(str(run))[0] == str(run / 'iter_40.pth')


def test_a_checkpoint_with_another_name(run):
    (run / 'last_checkpoint').write_text(str(run / 'mine.pth'))
    nothing(run / 'mine.pth')
    assert find_whole_checkpoint(str(run))[0] == str(run / 'iter_900.pth')


def test_processes_agree(monkeypatch):
    require_agreement('a.pth')
    monkeypatch.setattr(resume, 'all_gather_object', lambda path: [path, path])
    require_agreement(None)
    monkeypatch.setattr(resume, 'all_gather_object', lambda path: [path, None])
    with pytest.raises(CheckpointError, match='different checkpoints'):
        require_agreement('a.pth')
