"""A submission of BDD100K MOTS is scored against the labels."""
import runpy
import shutil
import sys
from pathlib import Path

import pytest

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_bdd_mots

SCRIPT = Path(__file__).parents[2] / 'tools/analysis_tools/eval_metric.py'
CONFIG = """
custom_imports = dict(imports=['mmvis_plugin'])
test_dataloader = dict(dataset=dict(
    type='BDD100KMOTS', data_root='{root}', test_mode=True, pipeline=[],
    workers=1, ann_file='labels/seg_track_20/bitmasks/val',
    data_prefix=dict(img_path='images/seg_track_20/val')))
test_evaluator = dict(type='MOTSMetric', classwise=True)
"""


@pytest.fixture
def evaluate(tmp_path, monkeypatch, capsys):
    """Return a function that runs the tool on labels as results."""
    root, config = tmp_path / 'bdd100k', tmp_path / 'config.py'
    write_bdd_mots(str(root), get_cfg('micro', seed=3, p_crowd=1.))
    config.write_text(CONFIG.format(root=root))

    def run(form, change=None, *options):
        folder = root / f'labels/seg_track_20/{form}/val'
        copy = shutil.copytree(folder, tmp_path / 'results')
        if change is not None:
            change(copy)
        path = shutil.make_archive(str(copy), 'zip', copy)
        monkeypatch.setattr(
            sys, 'argv',
            [str(SCRIPT), str(config), path, *options])
        runpy.run_path(str(SCRIPT), run_name='__main__')
        lines = capsys.readouterr().out.splitlines()
        return dict(line.split(': ') for line in lines if '/' in line)

    return run


@pytest.mark.parametrize('form', ['bitmasks', 'rles'])
def test_labels_as_results_are_perfect(evaluate, form):
    results = evaluate(form)
    for key in ('MOTSA', 'MOTSP', 'IDF1'):
        assert float(results[f'mots/{key}_overall']) == 100
    assert results['mots/FP'] == results['mots/FN'] == '0'
    assert results['mots/MOTSA_train'] == 'nan'


def test_a_lost_frame_ends_in_one_line(evaluate, capsys):

    def change(folder):
        next(iter(sorted(folder.rglob('*.png')))).unlink()

    with pytest.raises(SystemExit):
        evaluate('bitmasks', change)
    error = capsys.readouterr().err.strip()
    assert 'results.zip: video val_0000 lacks frames [1]' in error
    assert '\n' not in error


def lose_video(folder):
    shutil.rmtree(folder / 'val_0001')


def test_a_lost_video_is_missed_if_wanted(evaluate):
    results = evaluate('bitmasks', lose_video, '--allow-missing')
    assert results['mots/FP'] == results['mots/IDSw'] == '0'
    assert int(results['mots/FN']) > 0
    assert 0 < float(results['mots/MOTSA_overall']) < 100
    assert float(results['mots/MOTSP_overall']) == 100


def test_a_lost_video_is_named_otherwise(evaluate, capsys):
    with pytest.raises(SystemExit):
        evaluate('bitmasks', lose_video)
    error = capsys.readouterr().err.strip()
    assert '1 videos of the data set were not processed: [2]' in error
