import json
import threading

import pytest

from mmvis_plugin.apis.bulk import BulkRecords, ListedVideo, bulk_records

FACTS = dict(files=[], seconds=1., frames=2, is_cut=False)


def test_options_of_a_process_that_is_about_to_write_them(tmp_path):
    (tmp_path / '.bulk').mkdir()
    path = tmp_path / '.bulk/options.json'
    path.write_text('')
    timer = threading.Timer(0.2, path.write_text, [json.dumps(dict(a=[1]))])
    timer.start()
    assert BulkRecords(str(tmp_path), dict(a=(1, ))).options == dict(a=[1])
    timer.join()


def test_options_that_nobody_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(bulk_records, '_PATIENCE', 0.1)
    (tmp_path / '.bulk').mkdir()
    (tmp_path / '.bulk/options.json').write_text('{"a')
    with pytest.raises(ValueError, match='remove the file'):
        BulkRecords(str(tmp_path), dict(a=1))


def test_the_last_summary_has_all(tmp_path, monkeypatch):
    """Two processes end at the same time."""
    videos = [ListedVideo(name, f'/{name}.mp4') for name in 'ab']
    one, two = (BulkRecords(str(tmp_path), dict(a=1)) for _ in range(2))
    one.write(videos[0], 'done', None, **FACTS)
    summary = one._summary

    def interrupted(listed):
        found = summary(listed)
        if two.read(videos[1]) is None:
            two.write(videos[1], 'done', None, **FACTS)
            assert two.summarise(listed)['done'] == 2
        return found

    monkeypatch.setattr(one, '_summary', interrupted)
    assert one.summarise(videos)['complete']
    found = json.loads((tmp_path / 'summary.json').read_text())
    assert found['done'] == found['videos'] == 2 and found['frames'] == 4


def test_publishing_again_after_a_stop(tmp_path):
    records = BulkRecords(str(tmp_path), dict(a=1))
    for _ in range(2):
        staging = records.staging('abc.0')
        folder = tmp_path / '.bulk/staging/abc.0'
        (folder / 'preds/a_ids').mkdir(parents=True)
        (folder / 'preds/a_ids/0.png').write_bytes(b'x')
        (folder / 'vis').mkdir()
        (folder / 'vis/a.mp4').write_bytes(b'y')
        assert records.publish(staging) == ['vis/a.mp4', 'preds/a_ids']
        (tmp_path / 'preds/a_ids/1.png').write_bytes(b'of an earlier stop')
    (folder / 'half').write_bytes(b'')
    records.staging('abc.1')
    assert not folder.exists()
