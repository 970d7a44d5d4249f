import importlib.util
import json
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / 'tools/analysis_tools/analyze_logs.py'


@pytest.fixture()
def tool():
    spec = importlib.util.spec_from_file_location('analyze_logs', SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture()
def curves(tool, monkeypatch, capsys):
    """Return a function that plots and returns what was drawn, by label."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot as plt

    def call(*words):
        found = {}

        def remember(figure):
            axes, = figure.axes
            found['title'] = axes.get_title()
            found.update({
                line.get_label():
                [(float(x), float(y))
                 for x, y in zip(line.get_xdata(), line.get_ydata())]
                for line in axes.lines
            })

        monkeypatch.setattr(plt, 'close', remember)
        run(tool, monkeypatch, 'plot_curve', *map(str, words))
        return found

    return call


def run(tool, monkeypatch, *words):
    monkeypatch.setattr(sys, 'argv', ['analyze_logs.py', *words])
    tool.main()


def write_log(folder, time, records):
    path = folder / time / 'vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(map(json.dumps, records)) + '\n')
    return path


def train(step, loss, time=1., **more):
    return dict(lr=0.1, loss=loss, time=time, iter=step, step=step, **more)


def evaluation(ap, step=0):
    return {'vis/AP': ap, 'vis/AR10': 2 * ap, 'time': 9., 'step': step}


@pytest.fixture()
def resumed(tmp_path):
    """Iterations: killed after 40, resumed from a checkpoint at 20."""
    write_log(tmp_path, '20260101_000000', [
        train(10, 5, 8.),
        train(20, 4, 2.),
        evaluation(.1),
        train(30, 30),
        train(40, 40),
        evaluation(.9)
    ])
    write_log(
        tmp_path, '20260101_120000',
        [train(30, 3, 7.), train(40, 2, 4.),
         evaluation(.2)])
    return tmp_path


def test_resumed_parts_are_one_run(curves, resumed, tmp_path):
    picture = tmp_path / 'curve.png'
    found = curves(resumed, '--keys', 'loss', 'AP', '--out', picture,
                   '--title', 'two parts')
    assert found['title'] == 'two parts'
    assert found[f'{resumed}_loss'] == [(10, 5), (20, 4), (30, 3), (40, 2)]
    assert found[f'{resumed}_AP'] == [(20, .1), (40, .2)]
    assert picture.read_bytes()[:4] == b'\x89PNG'
    late = curves(resumed, '--start-iter', '25', '--out', picture)
    assert late[f'{resumed}_loss'] == [(30, 3), (40, 2)]


def test_several_runs_and_a_file(curves, resumed, tmp_path):
    first = resumed / '20260101_000000/vis_data/scalars.json'
    found = curves(first, resumed, '--keys', 'loss', '--legend', 'old', 'new',
                   '--out', tmp_path / 'a.svg')
    assert found['old'] == [(10, 5), (20, 4), (30, 30), (40, 40)]
    assert found['new'][-1] == (40, 2)
    assert '<svg' in (tmp_path / 'a.svg').read_text()


def test_evaluations_of_epochs_lie_at_their_iteration(curves, tmp_path):
    # mmengine counts evaluations by epochs there
    write_log(tmp_path, 'a', [
        train(4, 4, epoch=1),
        train(8, 3, epoch=1),
        evaluation(.1, 1),
        train(12, 2, epoch=2),
        train(16, 1, epoch=2),
        evaluation(.3, 2)
    ])
    out = tmp_path / 'x.png'
    found = curves(tmp_path, '--keys', 'vis/AP', 'loss', '--out', out)
    assert found[f'{tmp_path}_vis/AP'] == [(8, .1), (16, .3)]
    found = curves(tmp_path, '--keys', 'AP', '--start-epoch', '2', '--out',
                   out)
    assert found[f'{tmp_path}_AP'] == [(16, .3)]
    # later iterations than that of the last line are known
    write_log(tmp_path / 'b', 'a', [train(8, 3), evaluation(.1, 11)])
    found = curves(tmp_path / 'b', '--keys', 'AP', '--out', out)
    assert found[f'{tmp_path / "b"}_AP'] == [(11, .1)]


def test_time_of_parts(tool, resumed, monkeypatch, capsys):
    run(tool, monkeypatch, 'cal_train_time', str(resumed))
    out = capsys.readouterr().out
    assert 'slowest part 2, average time is 4.0000' in out
    assert 'fastest part 1, average time is 2.0000' in out
    assert 'time std over parts is 1.0000' in out
    assert 'average iter time: 3.0000 s/iter' in out
    run(tool, monkeypatch, 'cal_train_time', str(resumed),
        '--include-outliers')
    out = capsys.readouterr().out
    assert 'slowest part 2, average time is 5.5000' in out
    assert 'fastest part 1, average time is 5.0000' in out


def test_time_of_epochs(tool, tmp_path, monkeypatch, capsys):
    times = {1: (9, 1, 2), 2: (9, 4, 4)}
    path = write_log(tmp_path, 'a', [
        train(3 * (e - 1) + i, 1, time, epoch=e)
        for e, values in times.items() for i, time in enumerate(values, 1)
    ])
    run(tool, monkeypatch, 'cal_train_time', str(path))
    out = capsys.readouterr().out
    assert 'slowest epoch 2, average time is 4.0000' in out
    assert 'average iter time: 2.7500 s/iter' in out


@pytest.mark.parametrize('words, message', [
    (('plot_curve', '{run}', '--keys', 'mAP'), "no key 'mAP'; it has ['iter'"),
    (('plot_curve', '{run}', '--start-epoch', '2'), 'use --start-iter'),
    (('plot_curve', '{run}', '--legend', 'a', 'b'), '--legend has 2 texts'),
    (('plot_curve', '{run}/none'), 'none: no log, expected a scalars.json'),
    (('cal_train_time', '{run}/broken'), "line 2: '[1, 2]', expected a JSON"),
])
def test_errors_are_one_line(tool, resumed, monkeypatch, capsys, words,
                             message):
    (resumed / 'broken').write_text('{"step": 1}\n[1, 2]\n')
    with pytest.raises(SystemExit):
        run(tool, monkeypatch, *(word.format(run=resumed) for word in words))
    error = capsys.readouterr().err.strip()
    assert message in error and '\n' not in error


def test_a_short_key_must_be_clear(tool):
    records = [
        tool.Record(0, None, 0, {
            'vis/AP': 1,
            'coco/AP': 1,
            'x/y': 1
        }, True)
    ]
    assert tool.full_key(records, 'y', 'run') == 'x/y'
    assert tool.full_key(records, 'vis/AP', 'run') == 'vis/AP'
    with pytest.raises(tool.UsageError, match="'coco/AP', 'vis/AP'"):
        tool.full_key(records, 'AP', 'run')
