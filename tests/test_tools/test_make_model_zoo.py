"""The page of the model zoo is what the metafiles say."""
import runpy
import sys
from pathlib import Path

import pytest

from mmvis_plugin.utils.model_names import ModelEntry

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/misc/make_model_zoo.py'
PAGE = ROOT / 'docs/en/model_zoo.md'


def run(monkeypatch, *words):
    """Run the tool; return its exit code."""
    monkeypatch.setattr(sys, 'argv', ['zoo', *map(str, words)])
    try:
        runpy.run_path(str(TOOL), run_name='__main__')
    except SystemExit as stop:
        return stop.code
    return 0


def test_page_is_up_to_date(monkeypatch, capsys):
    assert run(monkeypatch, '--out', '-') == 0
    assert PAGE.read_text('utf-8') == capsys.readouterr().out, \
        'run tools/misc/make_model_zoo.py'


def test_numbers_of_papers_and_of_our_own():
    lines = PAGE.read_text('utf-8').splitlines()

    def row(name):
        return [
            cell.strip() for line in lines
            if f'`{name}`' in line and line.startswith('|')
            for cell in line.split('|')[2:-1]
        ]

    assert row('inspro_r50_fpn_8xb1-32k_ovis') == [
        'OVIS, 32000 iterations', 'paper', '21.1', '42.6', '19.0', '11.1',
        '25.6', 'not yet trained'
    ]
    assert row('pcan_r18_fpn_movingshapes-tiny')[1] == 'here'
    assert '16.95 (16.8, 17.1)' in row('pcan_r18_fpn_movingshapes-tiny')
    # a recipe that nobody reported or trained
    assert row('pcan_r50_no-frame_4xb2-12e_bdd100k')[-1] == 'not yet trained'


def test_check_tells_an_old_page(monkeypatch, capsys, tmp_path):
    path = tmp_path / 'page.md'
    assert run(monkeypatch, '--out', path) == 0
    assert run(monkeypatch, '--out', path, '--check') == 0
    path.write_text(path.read_text('utf-8') + 'more\n', 'utf-8')
    assert run(monkeypatch, '--out', path, '--check') == 1
    said = capsys.readouterr().err
    assert 'run tools/misc/make_model_zoo.py' in said and str(path) in said


@pytest.mark.parametrize(
    'weights, cell',
    [(None, 'not yet trained'),
     ('https://h.example/a-01234567.pth',
      '[a-01234567.pth](https://h.example/a-01234567.pth)'),
     (str(ROOT / 'mmvis_plugin/checkpoints/a-01234567.pth'),
      'in the package: `package://checkpoints/a-01234567.pth`')])
def test_where_weights_are(weights, cell):
    model = ModelEntry('a', 'a.py', weights, dict(Status='not yet trained'))
    assert runpy.run_path(str(TOOL))['_weights'](model) == cell
