import io
import sys

import pytest

from mmvis_plugin.utils import progress as module
from mmvis_plugin.utils.progress import FrameProgress


class Clock:
    now = 0.

    def __call__(self):
        return self.now


def run(monkeypatch, stream, num=6, **kwargs):
    clock = Clock()
    monkeypatch.setattr(sys, 'stderr', stream)
    monkeypatch.setattr(module.time, 'perf_counter', clock)
    with FrameProgress(**kwargs) as progress:
        for _ in range(num):
            clock.now += 2.
            progress.advance()
    return progress, stream.getvalue()


def test_plain_lines_when_not_a_terminal(monkeypatch):
    monkeypatch.delenv('FORCE_COLOR', raising=False)
    progress, text = run(monkeypatch, io.StringIO(), total=6, interval=5.)
    assert text.splitlines() == [
        'frames: 3/6, 0.5 fps', 'frames: 6/6, 0.5 fps'
    ]
    assert progress.count == 6 and progress.fps == 0.5


def test_unknown_total(monkeypatch):
    monkeypatch.delenv('FORCE_COLOR', raising=False)
    _, text = run(monkeypatch, io.StringIO(), label='masks', interval=10.)
    assert text == 'masks: 5, 0.5 masks/s\n'


class Terminal(io.StringIO):

    def isatty(self):
        return True


def test_bar_on_a_terminal(monkeypatch):
    monkeypatch.setenv('TERM', 'xterm')
    progress, text = run(monkeypatch, Terminal(), total=6)
    assert '6/6' in text and '0.5 fps' in text and '\x1b[' in text
    assert progress.count == 6


@pytest.mark.parametrize('stream', [io.StringIO, Terminal])
def test_invisible(monkeypatch, stream):
    progress, text = run(monkeypatch, stream(), interval=1., visible=False)
    assert text == '' and progress.count > 0
