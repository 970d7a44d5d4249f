"""The command lines of the converters of YouTube-VIS and OVIS."""
import json
import runpy
import sys
from pathlib import Path

import pytest

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_youtube_vis

TOOLS = Path(__file__).parents[2] / 'tools/dataset_converters'


@pytest.fixture
def call(monkeypatch, capsys):

    def run(tool, *words):
        monkeypatch.setattr(sys, 'argv', [tool, *words])
        code = 0
        try:
            runpy.run_path(str(TOOLS / tool), run_name='__main__')
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_moving_shapes_under_the_names_of_youtube_vis(call, tmp_path):
    root = tmp_path / 'shapes'
    write_youtube_vis(
        str(root), get_cfg('micro', num_frames=3), names='youtube_vis_2021')
    words = ['-i', str(root), '-o', str(tmp_path), '--version', '2021']
    code, _, err = call('youtubevis.py', *words)
    assert code == 1 and err.splitlines()[-1].startswith(
        f'error: {root}: no JSON of the split test')
    words += ['--splits', 'train', 'valid']
    code, out, _ = call('youtubevis.py', *words)
    assert code == 0 and '_train.json: written, 4 videos, 12 frames' in out
    code, out, _ = call('youtubevis.py', *words)
    assert code == 0 and out.count('already there, nothing to do') == 2
    content = json.loads(
        (tmp_path / 'youtube_vis_2021_train.json').read_text())
    assert len(content['images']) == 12 and content['annotations']


def test_ovis(call, tmp_path):
    video = dict(id=1, height=4, width=6, length=1, file_names=['a/1.jpg'])
    data = dict(videos=[video], categories=[dict(id=25, name='vehicle')])
    (tmp_path / 'annotations_valid.json').write_text(json.dumps(data))
    code, out, _ = call('ovis.py', '--input', str(tmp_path), '--splits',
                        'valid')
    path = tmp_path / 'annotations/ovis_valid.json'
    assert out == f'{path}: written, 1 videos, 1 frames, 0 objects\n'
    assert json.loads(path.read_text())['categories'][24] == dict(
        id=25, name='Vehical')
    code, _, err = call('ovis.py', '-i', str(tmp_path), '--workers', '0')
    assert (code, err) == (1, 'error: --workers 0: expected at least 1\n')
