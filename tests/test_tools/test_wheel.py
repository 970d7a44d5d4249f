"""The wheel holds the model zoo where mim and inferencers look for it."""
import json
import os
import resource
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.generate import generate_video
from mmvis_plugin.utils.model_names import list_models

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
# a command for each model: NAME, KIND of output ...; it opens no connection
DRAW = """
import os, runpy, socket, sys

def refuse(*args):
    raise AssertionError(f'a connection to {args[1:]} was opened')

socket.socket.connect = refuse
import mmvis_plugin
tool = os.path.join(
    os.path.dirname(mmvis_plugin.__file__), '.mim/tools/demo/video_demo.py')
for name, kind in zip(sys.argv[1::2], sys.argv[2::2]):
    sys.argv = [tool, 'clip', name, '--device', 'cpu', '--min-side', '0',
                '--no-label', '--no-trail', '--out', name + '.mp4',
                '--out-dir', name, '--save', kind]
    runpy.run_path(tool, run_name='__main__')
"""
IN_PACKAGE = [e for e in list_models() if e.weights and '://' not in e.weights]


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


def run_outside(wheel, folder, program, *words):
    """Unpack the wheel into a folder and run a program there with it."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / 'site')
    done = subprocess.run([sys.executable, '-c', program, *words],
                          cwd=folder,
                          env={
                              **os.environ, 'PYTHONPATH': str(folder / 'site')
                          },
                          capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    return done


def test_models_are_found_without_the_repository(wheel, tmp_path):
    done = run_outside(wheel, tmp_path, LOOK)
    file, root, found, kind = yaml.safe_load(done.stdout.splitlines()[-1])
    package = tmp_path / 'site' / 'mmvis_plugin'
    assert Path(file).parent == package
    assert Path(root) == package / '.mim'
    assert len(found) > 100 and kind == 'InsPro'


@pytest.mark.parametrize('system',
                         ['InsPro', 'PCAN', 'CAVIS', 'HybridTracker'])
def test_package_brings_a_model_of(system):
    assert system in {entry.collection for entry in IN_PACKAGE}


@pytest.fixture(scope='module')
def clip():
    """Return BGR frames of a video that no model was trained on."""
    return generate_video(get_cfg('tiny'), 'val', 1).frames[..., ::-1]


def appearances(folder):
    """Return in how many frames each track of the outputs is."""
    file, = [path for path in folder.glob('preds/*') if path.is_file()]
    if file.suffix == '.txt':
        return Counter(
            line.split(',')[1] for line in file.read_text().splitlines())
    content = json.loads(file.read_text())
    things = {c['id'] for c in content['categories'] if c['isthing']}
    return Counter(segment['id']
                   for frame in content['annotations'][0]['annotations']
                   for segment in frame['segments_info']
                   if segment['category_id'] in things)


def test_one_command_draws_tracks_without_a_download(wheel, tmp_path, clip):
    (tmp_path / 'clip').mkdir()
    for t, frame in enumerate(clip):
        cv2.imwrite(str(tmp_path / f'clip/{t:05d}.png'), frame)
    words = []
    for entry in IN_PACKAGE:
        words += [entry.name, 'panoptic' if 'vps' in entry.name else 'mot']
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run_outside(wheel, tmp_path, DRAW, *words)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # not of the clock: other programs may be busy
    assert after.ru_utime - before.ru_utime < 300
    for entry in IN_PACKAGE:
        video = cv2.VideoCapture(str(tmp_path / f'{entry.name}.mp4'))
        drawn = [video.read()[1] for _ in clip]
        assert not video.read()[0]
        changes = [
            np.abs(a.astype(int) - b).max(2) > 60 for a, b in zip(clip, drawn)
        ]
        assert np.mean(changes) > .01, entry.name
        frames = appearances(tmp_path / entry.name)
        assert max(frames.values()) >= len(clip) // 2, entry.name
