import importlib.util
import json
from pathlib import Path

import pytest

TOOL = Path(
    __file__).parents[2] / 'tools/dataset_converters/make_moving_shapes.py'
SMALL = ['--set', 'num_train=2', 'num_val=1', 'num_frames=3']


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('make_moving_shapes', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_writes_once_and_then_says_so(tool, tmp_path, capsys):
    args = ['--profile', 'micro', '--out', str(tmp_path / 'a'), *SMALL]
    assert tool.main(args) == 0
    text = capsys.readouterr().out
    assert '3/3 videos' in text and text.endswith(': written\n')
    assert tool.main(args) == 0
    assert 'already there, nothing to do' in capsys.readouterr().out
    assert tool.main([*args, '--seed', '1']) == 1
    assert capsys.readouterr().err.startswith('error: ')


@pytest.mark.parametrize('name, document', [
    ('youtube_vis', 'train.json'),
    ('bdd_mots', 'labels/seg_track_20/rles/train/train_0000.json'),
    ('cityscapes_vps', 'panoptic_gt_val_city_vps.json'),
    ('vipseg', 'panoptic_gt_VIPSeg_train.json'),
])
def test_formats(tool, tmp_path, name, document):
    out = tmp_path / 'b'
    assert tool.main([
        '--profile', 'micro', '--format', name, '--seed', '4', '--out',
        str(out), *SMALL
    ]) == 0
    assert json.loads((out / document).read_text())
    assert json.loads((out / 'meta.json').read_text())['seed'] == 4


def test_overrides_are_parsed(tool):
    pairs = ['objects=2,4', 'void=strip', 'blur=True', 'pan=0.5']
    assert tool.parse_overrides(pairs) == dict(
        objects=(2, 4), void='strip', blur=True, pan=0.5)


@pytest.mark.parametrize('pair, message', [
    ('classes', 'expected KEY=VALUE'),
    ('colour=3', 'unknown keys'),
    ('classes=12', 'SynthCfg.classes=12 is out of range'),
    ('classes=many', 'SynthCfg.classes'),
])
def test_bad_overrides_end_with_one_line(tool, tmp_path, capsys, pair,
                                         message):
    assert tool.main(['--out', str(tmp_path / 'c'), '--set', pair]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count('\n') == 1
    assert not (tmp_path / 'c').exists()


def test_flow_is_written_if_asked(tool, tmp_path):
    out = tmp_path / 'd'
    args = ['--profile', 'micro', '--format', 'vipseg', *SMALL, '--out']
    assert tool.main([*args, str(out), '--with-flow']) == 0
    folder = out / 'flow/images/val_0000'
    assert len(list(folder.iterdir())) == 6
    assert (folder / '00000002_to_00000000.png').exists()
    assert tool.main([*args, str(tmp_path / 'e')]) == 0
    assert not (tmp_path / 'e/flow').exists()
