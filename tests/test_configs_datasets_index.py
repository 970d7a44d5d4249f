"""The index of datasets names all data of the recipes."""
import argparse
import re
import runpy
import shlex
import subprocess
import sys
import zipfile

import pytest
import yaml

from .recipes import ROOT

BASES = ROOT / 'configs' / '_base_' / 'datasets'
INDEX = yaml.safe_load((ROOT / 'dataset-index.yml').read_text('utf-8'))
ENTRIES = {k: v for k, v in INDEX.items() if isinstance(v, dict)}
ACCESS = {'generated', 'free', 'login', 'page'}


@pytest.mark.parametrize('name', ENTRIES)
def test_entry_says_where_from_and_on_which_terms(name):
    entry = ENTRIES[name]
    assert {'title', 'access', 'licence', 'data_root', 'configs'} <= set(entry)
    assert entry['access'] in ACCESS
    assert ('command' in entry) == (entry['access'] == 'generated')
    assert ('url' in entry) == (entry['access'] != 'generated')
    # mim fetches what has a download_root
    assert ('download_root' in entry) == (entry['access'] == 'free')
    assert ('dataset' in entry) == ('download_root' in entry)
    # only those can be fetched without a login
    direct = all('://' in file for file in entry.get('files', ()))
    assert direct == (entry['access'] in ('free', 'generated'))
    for config in entry['configs']:
        assert (BASES / config).is_file()


def test_files_that_are_needed_are_those_of_the_page():
    page = (ROOT / 'docs/en/user_guides/dataset_prepare.md').read_text('utf-8')
    for name, entry in ENTRIES.items():
        assert entry['tree'], name
        for path in entry['tree']:
            # in parts: "{train,val}" of the page stands for either
            missing = [p for p in re.split(r'[/_]', path) if p not in page]
            assert set(missing) <= {'leftImg8bit'}, (name, path)


def test_all_datasets_of_the_recipes_are_in_it():
    named = {config for e in ENTRIES.values() for config in e['configs']}
    assert named == {path.name for path in BASES.glob('*.py')}
    roots = {entry['data_root'] for entry in ENTRIES.values()}
    used = {
        root
        for path in (ROOT / 'configs').rglob('*.py')
        for root in re.findall(r"'(data/(?:moving_shapes/)?[\w-]+)",
                               path.read_text('utf-8'))
    }
    assert len(used) > 10
    assert used <= roots


@pytest.mark.parametrize('key', ['command', 'converter'])
def test_commands_are_understood(key, monkeypatch):
    for entry in ENTRIES.values():
        if key not in entry:
            continue
        tool, *words = shlex.split(entry[key])
        module = runpy.run_path(str(ROOT / tool))
        args = module['parse_args'](words)
        assert isinstance(args, argparse.Namespace)
        assert entry['data_root'] in words


def test_scripts_of_mim_unpack_what_it_fetches(tmp_path):
    script = ROOT / INDEX['coco2017']['script']
    raw = tmp_path / 'OpenDataLab___COCO_2017' / 'raw'
    for folder in ('Images', 'Annotations'):
        (raw / folder).mkdir(parents=True)

    def pack(path, **files):
        with zipfile.ZipFile(path, 'w') as archive:
            for name, text in files.items():
                archive.writestr(name.replace('__', '/') + '.x', text)

    for split in ('train2017', 'val2017'):
        pack(raw / f'Images/{split}.zip', **{f'{split}__1': 'image'})
        pack(tmp_path / f'{split}.zip', **{f'panoptic_{split}__1': 'map'})
    pack(raw / 'Annotations/annotations_trainval2017.zip', annotations__a='{}')
    with zipfile.ZipFile(
            raw / 'Annotations/panoptic_annotations_trainval2017.zip',
            'w') as archive:
        for split in ('train2017', 'val2017'):
            archive.write(tmp_path / f'{split}.zip',
                          f'annotations/panoptic_{split}.zip')
    subprocess.run(['bash', script, tmp_path, tmp_path / 'coco'],
                   check=True,
                   env=dict(PYTHON=sys.executable, PATH='/usr/bin:/bin'))
    for name in ('train2017/1.x', 'val2017/1.x', 'annotations/a.x',
                 'annotations/panoptic_train2017/1.x',
                 'annotations/panoptic_val2017/1.x'):
        assert (tmp_path / 'coco' / name).is_file(), name
