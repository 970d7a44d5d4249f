"""The model index names every recipe and claims no number of its own."""
from pathlib import Path

import pytest
import yaml

from .recipes import RECIPES, ROOT

METAFILES = sorted((ROOT / 'configs').rglob('metafile.yml'))


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
        assert (ROOT / item['README']).is_file()
    for entry in content['Models']:
        assert entry['In Collection'] in collections
        for result in entry['Results']:
            assert {'Task', 'Dataset', 'Metrics', 'Source'} <= set(result)
            # numbers of our own need the weights that gave them
            assert result['Source'] == 'paper' or 'Weights' in entry
