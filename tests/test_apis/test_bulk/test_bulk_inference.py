import errno
import json
import os
import shutil
import signal

import pytest

from mmvis_plugin.apis.bulk import (BulkOptions, Shard, bulk_inference,
                                    list_videos)
from mmvis_plugin.utils import claims as claims_module
from ...bulk_videos import FRAMES, outputs_of, state_files
from .conftest import COUNT

BAD = 3


def summary_of(folder):
    return json.loads((folder / 'summary.json').read_text())


def count_runs(monkeypatch, before=None):
    """Return the list that gets the name of each video that is processed;
    ``before`` is called with its name first."""
    names, real = [], bulk_inference.run_video

    def run_video(inferencer, video, *args):
        names.append(video.name)
        if before is not None:
            before(video.name)
        return real(inferencer, video, *args)

    monkeypatch.setattr(bulk_inference, 'run_video', run_video)
    return names


def test_report(bulk, tmp_path, capsys):
    report = bulk(shard=Shard(1, 2)).run()  # v01, v03, ..., v11
    assert (report.done, report.failed, report.frames) == (4, 2, 4 * FRAMES)
    assert report.exit_code == 2 and str(report).startswith(
        f'4 done, 2 failed; {4 * FRAMES} frames in ')
    report = bulk().run()
    assert (report.done, report.skipped, report.failed) == (5, 4, BAD)
    summary = summary_of(tmp_path)
    assert summary['options']['weights'] == 'a' and summary['cut'] == []
    good = bulk(shard=Shard(0, COUNT)).run()
    assert good.exit_code == 0 and good.skipped == 1


def test_sigterm_stops_after_the_video(bulk, tmp_path, monkeypatch, capsys):

    def before(name):
        if name == 'v02':
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)  # as torchrun would

    names = count_runs(monkeypatch, before)
    handler = signal.getsignal(signal.SIGINT)
    report = bulk().run()
    assert names == ['v00', 'v01', 'v02'] and report.done == 3
    assert report.left == COUNT - 3 and report.exit_code == 3
    assert capsys.readouterr().out.count('stopping after this video') == 1
    assert summary_of(tmp_path)['open'] == COUNT - 3
    assert not state_files(tmp_path, 'claims')
    assert signal.getsignal(signal.SIGINT) is handler
    names.clear()
    assert bulk().run().exit_code == 2
    assert names == [f'v{i:02d}' for i in range(3, COUNT)]


def test_failed_videos_again(bulk, monkeypatch):
    names = count_runs(monkeypatch)
    bulk().run()
    names.clear()
    assert bulk().run().failed == BAD and not names
    assert bulk(retry_failed=True).run().failed == BAD
    assert names == ['v04', 'v07', 'v11']


def test_what_has_changed_is_done_again(bulk, folder, tmp_path, monkeypatch):
    copy = tmp_path / 'in'
    shutil.copytree(folder, copy)
    listed = list_videos(str(copy))
    bulk(listed).run()
    outputs = outputs_of(tmp_path)
    names = count_runs(monkeypatch)
    os.remove(tmp_path / 'preds/v01_youtube_vis.json')
    (copy / 'v04.mp4').write_bytes(b'junk again')
    os.utime(copy / 'v02', (1, 1))
    shutil.rmtree(copy / 'v03')  # done; it is no longer needed
    assert bulk(listed).run().failed == BAD
    assert names == ['v01', 'v02', 'v04']
    assert outputs_of(tmp_path) == outputs


def test_other_videos_of_the_same_names(bulk, folder, tmp_path):
    bulk().run()
    shutil.copytree(folder, tmp_path / 'in')
    listed = list_videos(str(tmp_path / 'in'))
    for video in listed:
        os.utime(video.source, (1, 1))
    with pytest.raises(ValueError, match='v00 was made of .* another --out'):
        bulk(listed).run()


def test_other_options(bulk):
    bulk()
    with pytest.raises(ValueError, match='online False, now it is True; give'):
        bulk(options=BulkOptions(online=True))


def test_steal(bulk, monkeypatch):
    names = count_runs(monkeypatch)
    report = bulk(shard=Shard(1, 6), steal=True).run()
    assert names[:2] == ['v01', 'v07'] and len(names) == COUNT
    assert (report.done, report.failed) == (COUNT - BAD, 1)
    assert bulk(shard=Shard(0, 6)).run().skipped == 2


def test_a_video_in_other_hands(bulk, monkeypatch):
    names = count_runs(monkeypatch)
    busy = bulk()
    with busy.claims.take('v03'):
        report = bulk().run()
    assert 'v03' not in names and report.elsewhere == 1
    assert '1 with another process' in str(report)
    assert busy.run().done == 1


def test_settled_before_it_could_be_claimed(bulk, monkeypatch):
    slow, fast = bulk(), bulk()
    take = slow.claims.take

    def late(name):
        monkeypatch.setattr(slow.claims, 'take', take)
        fast.run()
        return take(name)

    monkeypatch.setattr(slow.claims, 'take', late)
    names = count_runs(monkeypatch)
    assert slow.run().done == 0 and len(names) == COUNT


def test_waits_for_signs_of_life_of_a_lost_machine(bulk, monkeypatch):
    now = [0.]
    monkeypatch.setattr(claims_module.time, 'monotonic', lambda: now[0])
    monkeypatch.setattr(bulk_inference.time, 'sleep',
                        lambda seconds: now.__setitem__(0, now[0] + 60))
    first = bulk()
    claim = first.claims.take('v03')
    with open(claim.path, 'w') as file:
        json.dump(dict(machine='far', pid=1), file)
    names = count_runs(monkeypatch)
    assert first.run().done == COUNT - BAD
    assert names[-1] == 'v03' and 180 <= now[0] < 300


def test_what_kills_its_process_is_given_up(bulk, tmp_path, capsys):
    for number in range(3):
        assert bulk().claims.take('v03').number == number
        left, = state_files(tmp_path, 'claims')[number:]
        left.write_text(
            json.dumps(
                dict(json.loads(left.read_text()), pid=0)
                | dict(started='gone')))
    report = bulk().run()
    assert report.failed == BAD + 1 and not state_files(tmp_path, 'claims')
    assert '3 processes ended' in (tmp_path / 'failures.txt').read_text()


def test_taken_over_while_suspended(bulk, tmp_path, monkeypatch):

    def before(name):
        if name == 'v03':
            path, = state_files(tmp_path, 'claims')
            shutil.copy(path, str(path)[:-1] + '1')

    names = count_runs(monkeypatch, before)
    report = bulk().run()
    assert report.done == COUNT - BAD - 1 and report.elsewhere == 1
    assert names.count('v03') == 1
    assert 'preds/v03_youtube_vis.json' not in outputs_of(tmp_path)


@pytest.mark.parametrize('error, message', [
    (OSError(errno.ENOSPC, 'No space left'), 'No space left; make room'),
    (RuntimeError('CUDA error: unspecified'), 'takes no more work'),
])
def test_trouble_around(bulk, tmp_path, monkeypatch, error, message):

    def before(name):
        if name == 'v02':
            raise error

    names = count_runs(monkeypatch, before)
    with pytest.raises(ValueError, match=message):
        bulk().run()
    assert names == ['v00', 'v01', 'v02'] and len(outputs_of(tmp_path)) == 2
    # a broken video may break the GPU, but not the disk
    failed = summary_of(tmp_path)['failed']
    assert failed == int('CUDA' in str(error))
    assert not state_files(tmp_path, 'claims')


def test_an_error_of_the_model_is_kept_with_its_trace(bulk, tmp_path,
                                                      monkeypatch):

    def before(name):
        if name == 'v02':
            raise IndexError('off\nby one')

    count_runs(monkeypatch, before)
    assert bulk().run().failed == BAD + 1
    reasons = (tmp_path / 'failures.txt').read_text()
    assert 'v02\tIndexError: off\n' in reasons
    record = json.loads((tmp_path / '.bulk/records/v02.json').read_text())
    assert 'in before' in record['trace']
