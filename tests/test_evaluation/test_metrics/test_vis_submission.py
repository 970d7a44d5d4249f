import json
import zipfile

import pytest

from mmvis_plugin.evaluation.metrics.vis_submission import VISSubmission


def read_zip(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return json.loads(archive.read('results.json'))


def test_parts_of_several_writers_in_any_order(tmp_path):
    first = VISSubmission(str(tmp_path / 'out'))
    second = VISSubmission(str(tmp_path / 'other'))
    parts = [
        first.add([dict(a=1), dict(a=2)]),
        second.add([]),
        first.add([]),
        second.add([dict(b='ä')])
    ]
    path = first.write_zip([parts[3], parts[2], parts[0], parts[1]])
    assert path == first.zip_path
    assert read_zip(path) == [dict(b='ä'), dict(a=1), dict(a=2)]
    first.discard()
    second.discard()
    assert [p.name for p in tmp_path.iterdir()] == ['out.submission_file.zip']


def test_nothing_to_write(tmp_path):
    submission = VISSubmission(str(tmp_path / 'new' / 'out'))
    assert read_zip(submission.write_zip([])) == []
    submission.discard()


def test_a_failed_write_keeps_the_old_file(tmp_path):
    submission = VISSubmission(str(tmp_path / 'out'))
    submission.write_zip([submission.add([dict(a=1)])])

    def broken():
        yield submission.add([dict(a=2)])
        raise RuntimeError('disk full')

    with pytest.raises(RuntimeError, match='disk full'):
        submission.write_zip(broken())
    submission.discard()
    assert read_zip(submission.zip_path) == [dict(a=1)]
    assert [p.name for p in tmp_path.iterdir()] == ['out.submission_file.zip']
