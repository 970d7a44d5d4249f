"""The model index names every recipe and says whose its numbers are."""
import functools
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from mmvis_plugin.utils.checkpoint import read_checkpoint
from mmvis_plugin.utils.model_names import package_path
from .recipes import RECIPES, ROOT, load

UNTRAINED = 'not yet trained'
UNPUBLISHED = 'trained here, weights not published'
AVAILABLE = 'weights available'
FIELDS = {
    'Name', 'Alias', 'In Collection', 'Config', 'Metadata', 'Results',
    'Weights', 'SHA256'
}
METADATA = {'Training Data', 'Iterations', 'Epochs', 'Batch Size', 'Status'}
METAFILES = sorted((ROOT / 'configs').rglob('metafile.yml'))


@functools.lru_cache(maxsize=None)
def model_index():
    """Return the entries of all metafiles."""
    return [
        entry for path in METAFILES
        for entry in yaml.safe_load(path.read_text('utf-8'))['Models']
    ]


def test_model_index_imports_all_metafiles():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text('utf-8'))
    assert sorted(index['Import']) == [
        path.relative_to(ROOT).as_posix() for path in METAFILES
    ]


def test_metafiles_name_every_recipe_once():
    entries = model_index()
    assert sorted(entry['Config'] for entry in entries) == RECIPES
    for entry in entries:
        assert entry['Name'] == Path(entry['Config']).stem


@pytest.mark.parametrize('path', METAFILES, ids=lambda p: p.parent.name)
def test_metafile_entries_are_complete(path):
    content = yaml.safe_load(path.read_text('utf-8'))
    collections = {item['Name']: item for item in content['Collections']}
    for item in collections.values():
        assert {'Metadata', 'Paper', 'README'} <= set(item)
        assert {'URL', 'Title'} == set(item['Paper'])
        assert (ROOT / item['README']).is_file()
    for entry in content['Models']:
        assert set(entry) <= FIELDS, entry['Name']
        assert entry['In Collection'] in collections
        assert set(entry['Metadata']) <= METADATA
        assert {'Training Data', 'Status'} <= set(entry['Metadata'])
        for result in entry['Results']:
            assert {'Task', 'Dataset', 'Metrics', 'Source'} <= set(result)


def test_state_of_each_model_is_what_is_there():
    for entry in model_index():
        sources = {result['Source'] for result in entry['Results']}
        status = entry['Metadata']['Status']
        assert sources <= {'paper', 'measured'}
        assert status in (UNTRAINED, UNPUBLISHED, AVAILABLE)
        assert ('Weights' in entry) == (status == AVAILABLE), entry['Name']
        assert ('SHA256' in entry) == ('Weights' in entry)
        assert 'measured' not in sources or status != UNTRAINED


def test_our_own_numbers_say_what_gave_them():
    for entry in model_index():
        for result in entry['Results']:
            if result['Source'] == 'paper':
                assert not {'Command', 'Machine', 'Runs'} & set(result)
                continue
            assert result['Command'] and result['Machine']
            for name, values in result.get('Runs', {}).items():
                assert result['Metrics'][name] == pytest.approx(
                    np.mean(values), abs=.0501)
            named = re.findall(r'\b(?:tools|configs)/[\w./-]+',
                               result['Command'])
            for tool in named:
                assert (ROOT / tool).exists(), tool


def test_metadata_follow_the_names_of_recipes():
    for entry in model_index():
        name, metadata = entry['Name'], entry['Metadata']
        scale = re.search(r'_(\d+)xb(\d+)-(?:(\d+)k|(\d+)e)?', name)
        if scale is None:
            continue
        gpus, clips, thousands, epochs = scale.groups()
        assert metadata['Batch Size'] == int(gpus) * int(clips), name
        if thousands:
            assert round(metadata['Iterations'], -3) == int(thousands) * 1000
        if epochs:
            assert metadata['Epochs'] == int(epochs), name


@pytest.mark.parametrize(
    'entry', [e for e in model_index() if 'movingshapes' in e['Name']],
    ids=lambda e: e['Name'])
def test_metadata_of_small_recipes_are_those_of_the_config(entry):
    cfg, metadata = load(entry['Config']), entry['Metadata']
    if 'train_dataloader' not in cfg or cfg.get('train_cfg') is None:
        assert not {'Iterations', 'Epochs', 'Batch Size'} & set(metadata)
        return
    assert metadata['Batch Size'] == cfg.train_dataloader.batch_size
    assert metadata.get('Iterations') == cfg.train_cfg.get('max_iters')
    assert metadata.get('Epochs') == cfg.train_cfg.get('max_epochs')


def test_weights_in_the_package_are_small_and_named():
    folder = Path(package_path('package://checkpoints'))
    named = set()
    for entry in model_index():
        address = entry.get('Weights', '')
        if not str(address).startswith('package://'):
            continue
        file = folder.parent / address[len('package://'):]
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert entry['SHA256'] == digest
        assert file.name == f'{entry["Name"]}-{digest[:8]}.pth'
        assert file.stat().st_size <= 8e6
        content = read_checkpoint(str(file))
        assert set(content) == {'meta', 'state_dict'}
        log = file.with_suffix('.json')
        assert len(log.read_text('utf-8').splitlines()) > 1
        named |= {file.name, log.name}
    assert {path.name for path in folder.iterdir()} == named | {'README.md'}
