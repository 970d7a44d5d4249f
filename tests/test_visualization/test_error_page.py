import base64
import json
import re
from html.parser import HTMLParser

import pytest

from mmvis_plugin.evaluation.functional import (TrackEvent, TrackEvents,
                                                TrackRun)
from mmvis_plugin.evaluation.video_errors import NamedTrack, VideoErrors
from mmvis_plugin.visualization import ErrorPage
from mmvis_plugin.visualization.error_kinds import ERROR_KINDS

HOSTILE = 'a</script><script>alert("{{data}} \u2028 ä")</script>'


class Page(HTMLParser):
    """What a browser finds in a page before it runs anything."""

    VOID = {'meta', 'img', 'input', 'br', 'link'}

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes, self.texts = [], [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, *attr) for attr in attrs]
        if tag not in self.VOID:
            self.open.append((tag, dict(attrs).get('id')))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        key = self.open[-1] if self.open else None
        self.texts[key] = self.texts.get(key, '') + data


def errors(video_id=7, name='clip'):
    """Return a video of three annotated frames: a switch, a wrong track."""
    happened = TrackEvents([
        TrackEvent('birth', 0, 1, 0, 1, 5),
        TrackEvent('switch', 1, 2, 0, 1, 6, 5),
        TrackEvent('false_track', 2, 3, 1, -1, 8),
    ], {1: [TrackRun(0, 1, 'tracked', 5),
            TrackRun(1, 3, 'tracked', 6)]}, {
                5: [TrackRun(0, 1, 'tracked', 1)],
                6: [TrackRun(1, 3, 'tracked', 1)],
                8: [TrackRun(2, 3, 'false', -1)]
            })
    return VideoErrors(
        video_id, name, [0, 5, 10], happened, {1: NamedTrack('cup #1', 0, 1)},
        {i: NamedTrack(f'cup #{i}', 0, i, 0.5)
         for i in (5, 6, 8)})


@pytest.fixture
def page():
    page = ErrorPage('Errors & more', dict(config='<b>'), ('cup', HOSTILE), {
        'vis/AP': 0.5,
        'mots/IDSw': 1
    })
    page.add_video(errors(), {'vis/AP': float('nan'), 'mots/IDSw': 1})
    page.add_video(errors(9, HOSTILE), {'vis/AP': 0.25, 'mots/IDSw': 0})
    return page


def test_page_is_complete_and_well_formed(page):
    parsed = Page(page.render())
    assert parsed.texts['title', None] == 'Errors & more'
    data = json.loads(parsed.texts['script', 'data'])
    assert data['facts'] == dict(config='<b>')
    assert data['classes'] == ['cup', HOSTILE]
    assert data['columns'] == [
        dict(name='vis/AP', digits=3),
        dict(name='mots/IDSw', digits=0)
    ]
    assert data['overall'] == [0.5, 1]
    assert [video['name'] for video in data['videos']] == ['clip', HOSTILE]
    assert [video['scores'] for video in data['videos']] == [[None, 1],
                                                             [0.25, 0]]
    video = data['videos'][0]
    assert video['id'] == '7' and video['frames'] == [0, 5, 10]
    assert [row['name'] for row in video['objects']] == ['cup #1']
    assert video['objects'][0]['runs'] == [[0, 1, 'tracked', 'cup #5'],
                                           [1, 3, 'tracked', 'cup #6']]
    assert video['tracks'][2]['runs'] == [[2, 3, 'false', '']]
    assert [e['text'] for e in video['events']] == [
        'cup #1 is found by cup #5', 'cup #1 goes from cup #5 to cup #6',
        'cup #8 is on no object'
    ]
    assert {kind['key'] for kind in data['kinds']} == set(ERROR_KINDS)


def test_page_refers_to_nothing_outside(page):
    text = page.render()
    parsed = Page(text)
    for tag, name, value in parsed.attributes:
        assert name not in ('src', 'href', 'action', 'srcset'), (tag, value)
        assert not name.startswith('on')
    policy = [v for _, n, v in parsed.attributes if n == 'content'][-1]
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert set(re.findall(r'https?://[^\'"]*',
                          text)) == {'http://www.w3.org/2000/svg'}
    assert '@import' not in text and 'url(//' not in text


def test_pictures_are_inside_and_bound_the_size(page):
    bare = page.num_bytes
    assert bare == len(page.render().encode())
    frames = {2: b'two' * 50, 0: b'zero'}
    assert not page.add_media(7, frames, b'clip', max_bytes=bare + 300)
    assert page.num_bytes == bare
    assert page.add_media(9, frames, max_bytes=bare + 600)
    assert page.add_media(7, {1: b'one'}, b'clip')
    parsed = Page(page.render())
    assert page.num_bytes == len(page.render().encode()) > bare
    first, second = (
        json.loads(parsed.texts['script', f'media-{i}']) for i in range(2))
    assert second['clip'] is None and list(second['frames']) == ['0', '2']
    head = 'data:image/jpeg;base64,'
    assert second['frames']['2'] == head + base64.b64encode(
        b'two' * 50).decode()
    assert first['clip'] == 'data:video/mp4;base64,' + base64.b64encode(
        b'clip').decode()


def test_write(page, tmp_path):
    path = tmp_path / 'new' / 'report.html'
    size = page.write(str(path))
    assert path.read_bytes() == page.render().encode()
    assert size == path.stat().st_size
    assert [p.name for p in path.parent.iterdir()] == ['report.html']
