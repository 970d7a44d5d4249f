"""The wheel holds the model zoo where mim and inferencers look for it."""
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

pytest.importorskip('wheel')
ROOT = Path(__file__).parents[2]
MIM = 'mmvis_plugin/.mim/'
SOURCES = ('configs', 'tools', 'mmvis_plugin', 'requirements', 'setup.py',
           'setup.cfg', 'pyproject.toml', 'MANIFEST.in', 'README.md',
           'LICENSE', 'model-index.yml', 'dataset-index.yml')
LOOK = """
import json, os, mmvis_plugin
from mmengine.config import Config
from mmvis_plugin.utils.model_names import find_model, list_models, zoo_root
names = [find_model(entry.name).name for entry in list_models()]
cfg = Config.fromfile(find_model('inspro-tiny').config)
print(json.dumps([mmvis_plugin.__file__, zoo_root(), names, cfg.model.type]))
"""


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """Build the wheel of a copy of the sources; return the file."""
    folder = tmp_path_factory.mktemp('wheel')
    copy = folder / 'copy'
    copy.mkdir()
    ignore = shutil.ignore_patterns('__pycache__', '.mim', '*.so', '*.pyc')
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, copy / name)
    command = [
        sys.executable, '-c', 'import setuptools.build_meta as backend; '
        "backend.build_wheel('..')"
    ]
    done = subprocess.run(
        command,
        cwd=copy,
        env={
            **os.environ, 'MMVIS_WITH_OPS': '0'
        },
        capture_output=True,
        text=True)
    assert done.returncode == 0, done.stderr
    (path, ) = folder.glob('*.whl')
    return path


@pytest.fixture(scope='module')
def names(wheel):
    """Return the names of all files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def files_below(folder, *suffixes):
    """Return the files of a folder, from the root of the repository."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob('*') if path.suffix in suffixes
        and '.mim' not in path.parts and '__pycache__' not in path.parts
    }


def test_tree_of_mim_is_complete(names):
    wanted = files_below('configs', '.py', '.yml', '.md')
    wanted |= files_below('tools', '.py', '.sh')
    wanted |= {'model-index.yml', 'dataset-index.yml'}
    found = {name[len(MIM):] for name in names if name.startswith(MIM)}
    assert wanted == found
    assert {'tools/train.py', 'tools/test.py'} <= found


def test_every_entry_has_its_config_and_weights(wheel, names):
    with zipfile.ZipFile(wheel) as archive:
        index = yaml.safe_load(archive.read(MIM + 'model-index.yml'))
        for metafile in index['Import']:
            content = yaml.safe_load(archive.read(MIM + metafile))
            for collection in content['Collections']:
                assert MIM + collection['README'] in names
            for entry in content['Models']:
                assert MIM + entry['Config'] in names
                weights = str(entry.get('Weights', ''))
                if weights.startswith('package://'):
                    inside = weights.replace('package://', 'mmvis_plugin/')
                    assert inside in names
        datasets = yaml.safe_load(archive.read(MIM + 'dataset-index.yml'))
        assert MIM + datasets['coco2017']['script'] in names


def test_recipes_have_names_of_their_own(names):
    # mim looks for a recipe by its name anywhere in the package
    recipes = [
        name.rsplit('/', 1)[-1] for name in names
        if name.startswith(MIM + 'configs/') and name.endswith('.py')
        and '/_base_/' not in name
    ]
    assert len(set(recipes)) == len(recipes) > 100


def test_package_data_and_nothing_else(names):
    wanted = files_below('mmvis_plugin', '.py', '.json', '.pth', '.html',
                         '.css', '.js', '.cpp', '.cu', '.h', '.hpp', '.cuh')
    assert wanted <= names
    assert all(
        name.startswith(('mmvis_plugin/', 'mmvis_plugin-')) for name in names)
    assert not [name for name in names if name.endswith(('.pyc', '.so'))]


def test_models_are_found_without_the_repository(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / 'site')
    done = subprocess.run([sys.executable, '-c', LOOK],
                          cwd=tmp_path,
                          env={
                              **os.environ, 'PYTHONPATH':
                              str(tmp_path / 'site')
                          },
                          capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    file, root, found, kind = yaml.safe_load(done.stdout.splitlines()[-1])
    package = tmp_path / 'site' / 'mmvis_plugin'
    assert Path(file).parent == package
    assert Path(root) == package / '.mim'
    assert len(found) > 100 and kind == 'InsPro'
