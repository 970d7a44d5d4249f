import json
import multiprocessing
import shutil
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmvis_plugin.datasets.synthetic import (generate_flow, generate_frame,
                                             generate_video, get_cfg)
from mmvis_plugin.datasets.synthetic.writers import WRITERS, YouTubeVISWriter
from mmvis_plugin.structures import flow_path, read_flow


def tree(root):
    return {
        path.relative_to(root): path.read_bytes()
        for path in sorted(root.rglob('*')) if path.is_file()
    }


@pytest.fixture
def cfg():
    return get_cfg('micro', num_train=2, num_val=1, num_frames=3)


def test_four_formats():
    assert sorted(WRITERS) == [
        'bdd_mots', 'cityscapes_vps', 'vipseg', 'youtube_vis'
    ]


@pytest.mark.parametrize('name', sorted(WRITERS))
def test_meta_says_what_is_there(name, cfg, tmp_path):
    WRITERS[name](cfg).write(str(tmp_path / 'set'))
    meta = json.loads((tmp_path / 'set/meta.json').read_text())
    assert (meta['format'], meta['profile'], meta['seed']) == (name, 'micro',
                                                               0)
    assert get_cfg(**meta['cfg']) == WRITERS[name](cfg).cfg
    assert meta['generator_version'] >= 1
    labels = {
        path
        for pattern in meta['sha256']
        for path in (tmp_path / 'set').glob(pattern)
    }
    documents = set((tmp_path / 'set').rglob('*.json'))
    assert documents - labels == {tmp_path / 'set/meta.json'}
    assert [p.name for p in tmp_path.iterdir()] == ['set']


@pytest.mark.parametrize('name', sorted(WRITERS))
def test_second_call_finds_the_data_and_writes_nothing(name, cfg, tmp_path):
    seen = []
    writer = WRITERS[name](cfg)
    assert writer.write(str(tmp_path), progress=lambda *n: seen.append(n))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*')}
    assert not writer.write(str(tmp_path))
    assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*')}


def test_another_data_set_is_not_overwritten(cfg, tmp_path):
    YouTubeVISWriter(cfg).write(str(tmp_path))
    before = tree(tmp_path)
    other = get_cfg('micro', num_train=2, num_val=1, num_frames=3, seed=1)
    with pytest.raises(FileExistsError, match=r"another data set.*'seed'"):
        YouTubeVISWriter(other).write(str(tmp_path))
    with pytest.raises(FileExistsError, match="different .*'format'"):
        WRITERS['vipseg'](cfg).write(str(tmp_path))
    assert tree(tmp_path) == before


def test_foreign_folder_and_changed_labels_are_errors(cfg, tmp_path):
    (tmp_path / 'notes.txt').write_text('mine')
    with pytest.raises(FileExistsError, match='not empty and without meta'):
        YouTubeVISWriter(cfg).write(str(tmp_path))
    root = tmp_path / 'set'
    YouTubeVISWriter(cfg).write(str(root))
    (root / 'train.json').write_text('{}')
    with pytest.raises(FileExistsError, match='label files differ'):
        YouTubeVISWriter(cfg).write(str(root))


def test_a_writer_that_dies_leaves_nothing(cfg, tmp_path):

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        YouTubeVISWriter(cfg).write(str(tmp_path / 'set'), progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_files_do_not_depend_on_the_number_of_processes(cfg, tmp_path):
    if multiprocessing.get_start_method() != 'fork':
        pytest.skip('starting the workers takes too long')
    YouTubeVISWriter(cfg).write(str(tmp_path / 'one'), jobs=1)
    YouTubeVISWriter(cfg).write(str(tmp_path / 'two'), jobs=2)
    assert tree(tmp_path / 'one') == tree(tmp_path / 'two')


@pytest.mark.parametrize('name', sorted(WRITERS))
def test_flow_joins_images_of_a_folder(name, tmp_path):
    cfg = get_cfg(
        'micro', num_train=1, num_val=1, num_frames=5, image_format='png')
    writer = WRITERS[name](cfg)
    writer.write(str(tmp_path / 'set'), with_flow=True)
    WRITERS[name](cfg).write(str(tmp_path / 'bare'))
    files = tree(tmp_path / 'set')
    found = {path for path in files if path.parts[0] == 'flow'}
    bare = tree(tmp_path / 'bare')
    assert {k: v for k, v in files.items() if k not in found} == bare
    expected = {Path('flow/meta.json')}
    for split, num_runs in (('train', 1), ('val',
                                           1 + (name == 'cityscapes_vps'))):
        video = generate_video(writer.cfg, split, 0, with_images=False)
        runs = writer.image_runs(video)
        assert len(runs) == num_runs
        for run in runs:
            for (t, image), (u, other) in permutations(run, 2):
                if abs(t - u) > 2 * (run[1][0] - run[0][0]):
                    continue
                path = flow_path(str(tmp_path / 'set/flow'), image, other)
                expected.add(Path(path).relative_to(tmp_path / 'set'))
                flow, valid = read_flow(path)
                exact, seen = generate_flow(writer.cfg, split, 0, t, u)
                assert np.abs(flow - exact).max() <= 1 / 128
                assert (valid == seen).all()
            t, image = run[1]
            pixels = cv2.imread(str(tmp_path / 'set' / image))
            assert (pixels[..., ::-1] == generate_frame(
                writer.cfg, split, 0, t)).all()
    assert found == expected


def test_data_that_is_there_gets_its_flow_once(cfg, tmp_path):
    root, whole = tmp_path / 'set', tmp_path / 'whole'
    assert YouTubeVISWriter(cfg).write(str(root))
    assert YouTubeVISWriter(cfg).write(str(root), with_flow=True)
    assert not YouTubeVISWriter(cfg).write(str(root), with_flow=True)
    assert not YouTubeVISWriter(cfg).write(str(root))
    YouTubeVISWriter(cfg).write(str(whole), with_flow=True)
    assert tree(root) == tree(whole)
    next(root.glob('flow/**/*.png')).unlink()
    with pytest.raises(FileExistsError, match='flow: holds other flow'):
        YouTubeVISWriter(cfg).write(str(root), with_flow=True)
    shutil.rmtree(root / 'flow')
    (root / 'flow').mkdir()
    with pytest.raises(FileExistsError, match='flow: holds other flow'):
        YouTubeVISWriter(cfg).write(str(root), with_flow=True)


def test_flow_that_dies_leaves_the_images(cfg, tmp_path):

    def stop(done, total):
        raise KeyboardInterrupt

    YouTubeVISWriter(cfg).write(str(tmp_path / 'set'))
    before = tree(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        YouTubeVISWriter(cfg).write(
            str(tmp_path / 'set'), progress=stop, with_flow=True)
    assert tree(tmp_path) == before
