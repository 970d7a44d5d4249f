import importlib.util
from pathlib import Path

import pytest
import torch
from torch import nn

SCRIPT = Path(__file__).parents[2] / 'tools/analysis_tools/stopwatch.py'
CPU = torch.device('cpu')


@pytest.fixture()
def tool():
    spec = importlib.util.spec_from_file_location('stopwatch', SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Clock:
    """Time that passes only when somebody works."""
    now = 0.

    def __call__(self):
        return self.now

    def work(self, seconds):
        self.now += seconds


def test_times_do_not_contain_those_of_timed_methods_inside(tool):
    clock = Clock()
    watch = tool.Stopwatch(CPU, clock)
    inner = watch.timed('inner')(clock.work)

    def outer():
        inner(3)
        clock.work(10)
        inner(4)

    watch.timed('outer')(outer)()
    assert watch.seconds == dict(inner=7, outer=10)


def test_parts_of_a_model_and_the_rest_are_the_whole(tool):
    clock = Clock()

    class Model(nn.Module):

        def __init__(self):
            super().__init__()
            self.head = nn.Identity()
            self.head.predict = lambda: clock.work(2)

        def forward(self, x):
            clock.work(5)
            self.head.predict()
            return self.extra(x)

        def extra(self, x):
            clock.work(1)
            return x

    model = Model()
    timed = tool.TimedModel(model, {
        'parts': ['head.predict', 'nobody.predict'],
        'extra': ['extra']
    }, CPU, clock)
    seen = []

    def step(index):
        clock.work(0.5)
        seen.append(model(index))

    def frames(num):
        for index in range(num):
            clock.work(100)  # to read it, which is not counted
            yield index

    for num in (4, 2):
        found = timed.milliseconds(step, frames(num))
        assert found == dict(parts=2000, extra=1000, rest=5500)
    assert seen == [0, 1, 2, 3, 0, 1]


def test_table(tool, capsys):
    times = {
        'a': [dict(x=1., y=2.), dict(x=3., y=2.)],
        'b': [dict(x=5.), dict(x=5.)]
    }
    tool.print_table('ms', times, tool.part_rows(times, ['x', 'y']))
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        '| ms | a | b |', '| --- | --- | --- |',
        '| x | 2.0 (1.0 to 3.0) | 5.0 (5.0 to 5.0) |',
        '| y | 2.0 (2.0 to 2.0) |  |',
        '| frame | 4.0 (3.0 to 5.0) | 5.0 (5.0 to 5.0) |'
    ]
    assert tool.device_name(CPU, 3) == 'CPU, 3 threads'
