"""Names, hashes and weights of files that are fetched."""
import os
import threading

from mmvis_plugin.utils.download import (download, fetch_weights, hash_in_name,
                                         name_of, sha256_of)
from mmvis_plugin.utils.model_names import ModelEntry
from ..hostile_server import CONTENT, NAME, SHA, error, good, serve


def test_two_at_a_time_fetch_one(tmp_path):
    with serve(good(CONTENT)) as server:
        path = str(tmp_path / NAME)
        threads = [
            threading.Thread(
                target=download, args=([f'{server.url}/{NAME}'], path))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.seen) == 1
    assert os.listdir(tmp_path) == [NAME]
    assert sha256_of(path) == SHA


def test_names_and_hashes():
    assert hash_in_name('a/b_20211022_194830-6ca6b91e.pth') == '6ca6b91e'
    assert hash_in_name('https://h.example/b-6ca6b91e.pth?v=1') == '6ca6b91e'
    assert hash_in_name('model-20211022.pth') is None
    assert hash_in_name('model.pth') is None
    assert name_of('https://h.example/a%20b.pth?v=1#x') == 'a b.pth'


def test_weights_of_an_entry(tmp_path):
    entry = ModelEntry('one', 'one.py')
    assert fetch_weights(entry) is None
    assert fetch_weights(ModelEntry('one', 'one.py', '/a.pth')) == '/a.pth'
    with serve(error(404)) as first, serve(good(CONTENT)) as second:
        entry = ModelEntry(
            'one',
            'one.py',
            f'{first.url}/{NAME}',
            mirrors=(f'{second.url}/{NAME}', ),
            sha256=SHA)
        path = fetch_weights(entry, str(tmp_path), show_progress=False)
    assert path == str(tmp_path / NAME)
    assert sha256_of(path) == SHA
