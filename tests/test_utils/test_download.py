"""Files are fetched whole and right, or not at all."""
import json
import os
import shutil
import threading

import pytest

from mmvis_plugin.utils import download as module
from mmvis_plugin.utils.download import download
from mmvis_plugin.utils.errors import DownloadError
from ..hostile_server import (CONTENT, NAME, OTHER, SHA, error, good, redirect,
                              serve, whole)


@pytest.fixture
def fetch(tmp_path):
    """Return a function that fetches the file from servers in turn."""

    def run(*servers, name=NAME, **options):
        path = tmp_path / name
        urls = [f'{server.url}/{name}' for server in servers]
        settings = dict(pause=0., retries=2, timeout=5.)
        download(urls, str(path), **{**settings, **options})
        assert path.read_bytes() == CONTENT
        assert os.listdir(tmp_path) == [name]
        return path

    return run


def refused(fetch, tmp_path, *servers, kept=(), **options):
    """Return the message of a download that fails and leaves nothing."""
    with pytest.raises(DownloadError) as caught:
        fetch(*servers, **options)
    assert sorted(os.listdir(tmp_path)) == sorted(kept)
    text = str(caught.value)
    assert '\n' not in text
    return text


def test_fetched_once(fetch):
    with serve(good(CONTENT)) as server:
        fetch(server)
        fetch(server)
        assert len(server.seen) == 1


@pytest.mark.parametrize('name', [NAME, 'tiny.pth'])
def test_dropped_connections_are_taken_up(fetch, name):
    with serve(
            good(CONTENT, send=100000), good(CONTENT, send=50000),
            good(CONTENT)) as server:
        fetch(server, name=name)
        assert [r for _, r in server.seen
                ] == [None, 'bytes=100000-', 'bytes=150000-']


def test_a_later_call_goes_on(fetch, tmp_path):
    with serve(good(CONTENT, send=100000), error(503)) as server:
        text = refused(
            fetch,
            tmp_path,
            server,
            kept=[f'{NAME}.part', f'{NAME}.part.json'])
        assert '503' in text and '100000 bytes are kept' in text
        server.plan[:] = [good(CONTENT)]
        fetch(server)
        assert server.seen[-1][1] == 'bytes=100000-'


def test_a_drop_at_every_byte_ends(fetch, tmp_path):
    with serve(good(CONTENT, send=10)) as server:
        refused(
            fetch,
            tmp_path,
            server,
            kept=[f'{NAME}.part', f'{NAME}.part.json'])
        assert len(server.seen) == 3


def test_range_is_ignored(fetch):
    with serve(good(CONTENT, send=1000), whole(CONTENT)) as server:
        fetch(server)


@pytest.mark.parametrize('etag, asked', [('"version-0"', 'bytes=1000-'),
                                         (None, None)])
def test_file_changes_between_two_connections(fetch, etag, asked):
    # without a hash only the version tells that the halves do not match;
    # without a version either, everything is fetched again
    with serve(good(OTHER, send=1000, etag=etag), good(CONTENT)) as server:
        fetch(server, name='tiny.pth')
        assert [r for _, r in server.seen] == [None, asked]


def test_range_that_was_not_asked_for(fetch):

    def shifted(request):
        request.answer(
            206,
            CONTENT[500:],
            Content_Range=f'bytes 500-{len(CONTENT) - 1}/{len(CONTENT)}')

    with serve(good(CONTENT, send=1000), shifted, good(CONTENT)) as server:
        fetch(server)
        assert server.seen[-1][1] is None


def test_partial_file_that_is_too_long(fetch, tmp_path):
    (tmp_path / f'{NAME}.part').write_bytes(CONTENT + b'more')
    with serve(good(CONTENT)) as server:
        fetch(server)
        assert [r for _, r in server.seen] == ['bytes=300004-', None]


def test_partial_file_that_is_complete(fetch, tmp_path):
    (tmp_path / f'{NAME}.part').write_bytes(CONTENT)
    with serve(good(CONTENT)) as server:
        fetch(server)
        assert len(server.seen) == 1


def test_partial_file_of_something_else(fetch, tmp_path):
    (tmp_path / f'{NAME}.part').write_bytes(b'x' * 1000)
    (tmp_path / f'{NAME}.part.json').write_text('[')
    with serve(good(CONTENT)) as server:
        fetch(server)
        assert [r for _, r in server.seen] == ['bytes=1000-', None]


def test_wrong_bytes_are_refused(fetch, tmp_path):
    with serve(good(OTHER)) as server:
        text = refused(fetch, tmp_path, server)
        assert SHA[:8] in text and len(server.seen) == 1
        text = refused(fetch, tmp_path, server, name='a.pth', sha256=SHA)
        assert SHA in text


def test_right_digits_in_the_name_and_wrong_whole_hash(fetch, tmp_path):
    wrong = SHA[:8] + '0' * 56
    with serve(good(CONTENT)) as server:
        refused(fetch, tmp_path, server, sha256=wrong)
        text = refused(fetch, tmp_path, server, sha256='f' * 64)
        assert 'both expected' in text
        assert 'hexadecimal' in refused(fetch, tmp_path, server, sha256='x')


def test_wrong_length(fetch, tmp_path):
    size = len(CONTENT)
    with serve(whole(CONTENT, length=size - 5)) as server:
        assert 'sha256' in refused(fetch, tmp_path, server)
    with serve(whole(CONTENT, length=size + 5)) as server:
        # the connection ends too early every time; what came is kept
        text = refused(
            fetch,
            tmp_path,
            server,
            kept=[f'{NAME}.part', f'{NAME}.part.json'])
        assert f'{size} of {size + 5}' in text


def test_truncated_chunks(fetch, tmp_path):

    def cut(request):
        request.protocol_version = 'HTTP/1.1'
        request.answer(200, b'ff\r\nabc', False, Transfer_Encoding='chunked')

    with serve(cut) as server:
        kept = ['a.pth.part', 'a.pth.part.json']
        text = refused(fetch, tmp_path, server, name='a.pth', kept=kept)
        assert 'too early' in text


def test_neither_length_nor_hash(fetch, tmp_path):
    with serve(whole(CONTENT, length=False)) as server:
        fetch(server).unlink()
        text = refused(fetch, tmp_path, server, name='a.pth')
        assert 'give its sha256' in text


def test_web_page_instead_of_the_file(fetch, tmp_path):
    page = whole(b'<html>log in</html>', Content_Type='text/html')
    with serve(page) as server:
        assert 'web page' in refused(fetch, tmp_path, server, name='a.pth')


def test_redirects(fetch, tmp_path):
    with serve(good(CONTENT)) as home:
        with serve(redirect(f'{home.url}/{NAME}')) as server:
            fetch(server).unlink()
    with serve(redirect(f'/{NAME}')) as server:
        assert 'infinite loop' in refused(fetch, tmp_path, server)
    for target in ('ftp://h.example/a', f'file://{tmp_path}/a'):
        with serve(redirect(target)) as server:
            assert target in refused(fetch, tmp_path, server)
            assert len(server.seen) == 1


@pytest.mark.parametrize('code, tries', [(500, 3), (429, 3), (404, 1),
                                         (403, 1), (416, 1)])
def test_errors_of_a_mirror(fetch, tmp_path, code, tries):
    with serve(error(code)) as server:
        assert str(code) in refused(fetch, tmp_path, server)
        assert len(server.seen) == tries


def test_mirrors_in_turn(fetch):
    with serve(good(CONTENT, send=1000), error(500)) as first:
        with serve(good(OTHER)) as second, serve(good(CONTENT)) as third:
            fetch(first, second, third)
            assert second.seen[0][1] == 'bytes=1000-'
            # what the second gave is thrown away
            assert third.seen[0][1] is None


def test_all_mirrors_are_named(fetch, tmp_path):
    with serve(error(404)) as first, serve(error(410)) as second:
        text = refused(fetch, tmp_path, first, second)
        assert first.url in text and second.url in text
        assert '404' in text and '410' in text


def test_nobody_listens(fetch, tmp_path):
    with serve(error(404)) as server:
        pass
    assert 'refused' in refused(fetch, tmp_path, server)
    with pytest.raises(DownloadError, match='http'):
        download(['ftp://a/b.pth'], str(tmp_path / 'b.pth'))


def test_slow_server_is_given_up(fetch, tmp_path):
    stop = threading.Event()
    with serve(lambda request: stop.wait(5)) as server:
        text = refused(fetch, tmp_path, server, timeout=.1, retries=0)
        stop.set()
    assert 'timed out' in text


def test_damaged_file_is_fetched_again(fetch, tmp_path):
    (tmp_path / NAME).write_bytes(OTHER)
    with serve(good(CONTENT)) as server:
        fetch(server)
    # and stays if that is not possible
    (tmp_path / NAME).write_bytes(OTHER)
    with serve(error(404)) as server:
        refused(fetch, tmp_path, server, kept=[NAME])


def test_no_space(fetch, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(module.shutil, 'disk_usage',
                        lambda path: usage._replace(free=1000))
    with serve(good(CONTENT)) as server:
        assert '0.3 MB are missing' in refused(fetch, tmp_path, server)


def test_note_names_the_source(fetch, tmp_path):
    with serve(good(CONTENT, send=1000), error(503)) as server:
        with pytest.raises(DownloadError):
            fetch(server)
        note = json.loads((tmp_path / f'{NAME}.part.json').read_text())
    assert note == dict(url=f'{server.url}/{NAME}', validator='"version-1"')
