import os

import pytest

from mmvis_plugin.utils.whole_file import whole_file, write_whole


def test_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / 'sub' / 'a.txt'
    with whole_file(str(path)) as unfinished:
        with open(unfinished, 'w') as file:
            file.write('all')
        assert not path.exists()
    assert path.read_text() == 'all'
    assert os.listdir(path.parent) == ['a.txt']


def test_an_error_leaves_the_old_file(tmp_path):
    path = tmp_path / 'a.txt'
    write_whole(str(path), b'old')
    with pytest.raises(ZeroDivisionError):
        with whole_file(str(path)) as unfinished:
            with open(unfinished, 'w') as file:
                file.write('half')
            1 / 0
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['a.txt']


def test_an_error_before_writing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        with whole_file(str(tmp_path / 'a.txt')):
            1 / 0
    assert os.listdir(tmp_path) == []


def test_a_name_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_whole('a.bin', b'x')
    assert (tmp_path / 'a.bin').read_bytes() == b'x'
