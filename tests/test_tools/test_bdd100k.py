"""Convert MovingShapes in the form of BDD100K and read it back."""
import importlib.util
import os
import sys
from pathlib import Path

import pytest

from mmvis_plugin.datasets import BDD100KMOTS
from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_bdd_mots

TOOL = Path(__file__).parents[2] / 'tools/dataset_converters/bdd100k.py'


@pytest.fixture
def root(tmp_path):
    cfg = get_cfg('micro', num_train=2, num_val=1, p_crowd=1.)
    write_bdd_mots(str(tmp_path / 'bdd100k'), cfg)
    return tmp_path / 'bdd100k'


@pytest.fixture
def convert(root, monkeypatch, capsys):
    """Return a function that runs the tool; gives output and error."""
    spec = importlib.util.spec_from_file_location('bdd100k_tool', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run(*words):
        monkeypatch.setattr(sys, 'argv', ['bdd100k.py', str(root), *words])
        try:
            module.main()
        except SystemExit as stop:
            assert stop.code == 1
        return capsys.readouterr()

    return run


def records(root, ann_file, split='train'):
    dataset = BDD100KMOTS(
        ann_file=ann_file,
        data_root=str(root),
        data_prefix=dict(img_path=f'images/seg_track_20/{split}'),
        workers=1,
        serialize_data=False)
    return [dataset.get_data_info(i) for i in range(len(dataset))]


@pytest.mark.parametrize('form', ['bitmasks', 'rles'])
def test_every_form_is_read_alike(root, convert, form):
    out = convert('--form', form, '--workers', '2').out
    assert out.count(': written') == 2
    for split, count in (('train', 2), ('val', 1)):
        found = records(root, f'annotations/bdd100k_mots_{split}.json', split)
        assert len(found) == count
        assert found == records(root, f'labels/seg_track_20/{form}/{split}',
                                split)
    names = ['bdd100k_mots_train.json', 'bdd100k_mots_val.json']
    assert sorted(os.listdir(root / 'annotations')) == names
    # a second call does nothing, other labels are converted
    assert convert('--form', form).out.count('nothing to do') == 2
    other = 'rles' if form == 'bitmasks' else 'bitmasks'
    out = convert('--form', other, '--splits', 'val').out
    assert out.count(': written') == 1


def test_broken_labels_end_in_one_line(root, convert):
    folder = root / 'labels/seg_track_20'
    path = folder / 'bitmasks/train/train_0001/train_0001-0000003.png'
    path.write_bytes(path.read_bytes()[:50])
    for workers in ('1', '2'):
        error = convert('--workers', workers).err.strip().splitlines()[-1]
        assert error.startswith(f'error: {path}: cannot be read as a PNG')
    path.unlink()
    error = convert().err.strip()
    assert error.startswith(f'error: {path} (video train_0001, frame train_')
    (folder / 'rles/val/val_0000.json').write_text('[{"name": 3}]')
    error = convert('--form', 'rles', '--splits', 'val').err.strip()
    assert error == (f'error: {folder}/rles/val/val_0000.json: [0].name is a '
                     'int, expected str')
    assert not (root / 'annotations/bdd100k_mots_val.json').exists()


def test_wrong_use_ends_in_one_line(root, convert):
    assert '--workers 0: expected at least 1' in convert('--workers', '0').err
    error = convert('--form', 'rles', '--out', str(root)).err
    assert error == ''
    (root / 'labels').rename(root / 'other')
    error = convert().err.strip()
    assert error.startswith(f'error: label folder {root}/labels/seg_track_20/'
                            'bitmasks/train not found')
    (root / 'annotations').mkdir()
    (root / 'other').rename(root / 'labels')
    (root / 'annotations/bdd100k_mots_val.json').write_text('{}')
    error = convert('--splits', 'val').err.strip()
    assert 'val.json: was not written by this converter' in error
