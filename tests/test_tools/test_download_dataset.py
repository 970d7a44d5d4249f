"""The command that fetches datasets, or says where they are."""
import io
import os
import runpy
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from ..hostile_server import error, good, serve

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/misc/download_dataset.py'
INDEX = yaml.safe_load((ROOT / 'dataset-index.yml').read_text('utf-8'))
NAMES = [name for name, entry in INDEX.items() if isinstance(entry, dict)]


def packed(**files):
    """Return an archive; '__' in a name stands for a slash, '_' for a dot."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w') as archive:
        for name, content in files.items():
            archive.writestr(
                name.replace('__', '/').replace('_', '.'), content)
    return buffer.getvalue()


FRAMES = packed(train__1_jpg=b'one', train__2_jpg=b'two' * 1000)
LABELS = packed(
    annotations__a_json=b'{}', annotations__maps_zip=packed(maps__1_png=b'm'))


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Return a function that runs the tool and returns what it says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('time.sleep', lambda seconds: None)

    def run_tool(*words, **entries):
        if entries:
            (tmp_path / 'dataset-index.yml').write_text(yaml.dump(entries))
            monkeypatch.setattr('mmvis_plugin.utils.model_names.zoo_root',
                                lambda: str(tmp_path))
        monkeypatch.setattr(sys, 'argv', ['download_dataset.py', *words])
        code = 0
        try:
            runpy.run_path(str(TOOL), run_name='__main__')
        except SystemExit as stop:
            code = stop.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_tool


def entry_of(*urls):
    """Return an entry of the index with direct addresses."""
    return dict(
        title='Shapes',
        access='free',
        url='https://h.example',
        licence='CC0',
        data_root='data/shapes',
        files=list(urls),
        tree=['train/1.jpg', 'annotations/maps/1.png'])


def below(folder):
    """Return the files below a folder."""
    return sorted(
        path.relative_to(folder).as_posix() for path in Path(folder).rglob('*')
        if path.is_file())


def test_list(run):
    code, out, _ = run()
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == NAMES


@pytest.mark.parametrize('name',
                         [n for n in NAMES if INDEX[n]['access'] != 'free'])
def test_every_dataset_says_where_it_is(run, name):
    entry = INDEX[name]
    code, out, err = run('--dataset-name', name)
    assert code == 1 and err.count('\n') == 1
    assert (entry.get('command') or entry['url']) in err
    assert entry['licence'] in out
    assert all(f'  {path}  (missing)' in out for path in entry['tree'])
    for path in entry['tree']:
        (Path('here') / path).mkdir(parents=True, exist_ok=True)
    code, out, _ = run('--dataset-name', name, '--save-dir', 'here')
    assert code == 0 and '(missing)' not in out and 'all of it is in' in out


def test_download_goes_on_and_unpacks(run):
    with serve(good(FRAMES, send=100),
               error(404)) as one, serve(good(LABELS)) as two:
        entry = entry_of(f'{one.url}/frames.zip', f'{two.url}/labels.zip')
        words = ('--dataset-name', 'shapes', '--unzip')
        code, out, err = run(*words, shapes=entry)
        assert code == 1 and 'frames.zip' in err and '404' in err
        assert 'labels.zip: complete' in out
        assert not Path('data/shapes/frames.zip').exists()
        assert os.path.getsize('data/shapes/frames.zip.part') == 100
        one.plan[:] = [good(FRAMES)]
        code, out, err = run(*words, '--delete', '--threads', '1')
        assert code == 0, err
        assert one.seen[-1][1] == 'bytes=100-'
        assert len(two.seen) == 1
    assert below('data/shapes') == [
        'annotations/a.json', 'annotations/maps/1.png', 'train/1.jpg',
        'train/2.jpg'
    ]
    assert Path('data/shapes/train/2.jpg').read_bytes() == b'two' * 1000
    assert run(*words)[0] == 0
    assert 'CC0' in out


def test_archives_are_kept_without_unzip(run):
    with serve(good(FRAMES)) as server:
        entry = entry_of(f'{server.url}/frames.zip')
        code, out, _ = run(
            '--dataset-name', 'shapes', '--save-dir', 'x', shapes=entry)
    assert code == 0 and '--unzip' in out
    assert below('x') == ['frames.zip']


@pytest.mark.parametrize('content, text', [
    (FRAMES[:-40], 'damaged'),
    (packed(train__1_jpg=b'', **{'______evil_txt': b'x'}), 'leads out of'),
])
def test_bad_archives(run, content, text):
    content = content.replace(b'///evil', b'../evil')
    with serve(good(content)) as server:
        entry = entry_of(f'{server.url}/frames.zip')
        code, _, err = run('--dataset-name', 'shapes', '--unzip', shapes=entry)
    assert code == 1 and text in err and err.count('\n') == 1
    assert not list(Path().rglob('evil*'))


def test_wrong_use(run):
    code, _, err = run('--dataset-name', 'ovi')
    assert code == 1 and 'expected one of ovis' in err
    code, _, err = run('--dataset-name', 'ovis', '--delete')
    assert code == 2 and '--delete needs --unzip' in err
    assert run('--threads', '0')[0] == 2
