"""Convert MovingShapes in the form of ILSVRC and read it back."""
import importlib.util
import json
import os
import os.path as osp
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from mmvis_plugin.datasets import ImageNetDET, ImageNetVID
from mmvis_plugin.datasets.converters import imagenet_vid
from mmvis_plugin.datasets.converters.imagenet_xml import read_imagenet_xml
from mmvis_plugin.datasets.synthetic.writers.common import mask_to_box
from mmvis_plugin.registry import DATA_SAMPLERS, DATASETS
from ...ilsvrc import to_xml, write_ilsvrc, xml_fields

ROOT = Path(__file__).parents[3]
TOOL = ROOT / 'tools/dataset_converters/imagenet_vid.py'
CONFIG = ROOT / 'configs/_base_/datasets/imagenet_vid.py'
VIDEO = 'train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000001'


@pytest.fixture(scope='module')
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp('ilsvrc')
    return root, write_ilsvrc(root)


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('imagenet_vid', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def convert(tool, original, tmp_path, monkeypatch, capsys):
    """Return a function that runs the tool; gives its code, output and
    error."""

    def run(*words, root=original[0]):
        argv = ['imagenet_vid.py', str(root), '--out', str(tmp_path), *words]
        monkeypatch.setattr(sys, 'argv', argv)
        code = 0
        try:
            tool.main()
        except SystemExit as stop:
            code = stop.code
        return (code, *capsys.readouterr())

    return run


def build(original, tmp_path, name, cls=ImageNetVID, **kwargs):
    return cls(
        ann_file=str(tmp_path / name),
        data_root=str(original[0]),
        data_prefix=dict(img_path=f'Data/{cls.__name__[-3:]}'),
        check_files='all',
        serialize_data=False,
        **kwargs)


def assert_equals_generator(dataset, videos, numbers):
    """Compare frames, boxes, labels and tracks with the rendered maps."""
    assert len(dataset) == len(videos)
    used = set()
    for i, name in enumerate(sorted(videos)):
        video, record = videos[name], dataset.get_data_info(i)
        assert record['video_name'] == name
        assert [f['src_frame'] for f in record['images']] == numbers
        cards, tracks = {c.object_id: c for c in video.objects}, {}
        for frame in record['images']:
            ids = video.id_maps[frame['src_frame']]
            seen = [k for k in np.unique(ids[ids > 0]).tolist()]
            assert len(frame['instances']) == len(seen)
            for obj, card in zip(frame['instances'], seen):
                x, y, w, h = mask_to_box(ids == card)
                assert obj['bbox'] == [x, y, x + w, y + h]
                assert obj['bbox_label'] == cards[card].label
                assert tracks.setdefault(
                    card, obj['instance_id']) == obj['instance_id']
        assert len(set(tracks.values())) == len(tracks)
        assert not used & set(tracks.values())
        used |= set(tracks.values())
    assert used == set(range(1, len(used) + 1))


@pytest.mark.parametrize('words, numbers', [
    (('--workers', '2'), [0, 2, 5]),
    (('--all', ), [0, 1, 2, 3, 4, 5]),
])
def test_boxes_and_tracks_come_back(convert, original, tmp_path, words,
                                    numbers):
    code, out, _ = convert(*words)
    assert code == 0 and out.count(': written\n') == 3
    videos = original[1]
    train = {n: v for n, v in videos.items() if n.startswith('train')}
    assert_equals_generator(
        build(original, tmp_path, 'imagenet_vid_train.json'), train, numbers)
    val = {n: v for n, v in videos.items() if n.startswith('val')}
    dataset = build(
        original, tmp_path, 'imagenet_vid_val.json', test_mode=True)
    assert_equals_generator(dataset, val, list(range(6)))
    assert dataset.metainfo['label2cat'] == tuple(range(1, 31))


def test_stills_of_known_classes(convert, original, tmp_path):
    assert convert('--splits', 'det_train')[0] == 0
    dataset = build(
        original, tmp_path, 'imagenet_det_train.json', cls=ImageNetDET)
    first = next(iter(original[1].values()))
    assert len(dataset) == 2  # the third image shows a person
    for t in range(2):
        record = dataset.get_data_info(t)
        assert record['video_length'] == 3
        paths = {frame['img_path'] for frame in record['images']}
        assert {osp.basename(p) for p in paths} == {f'n0_{t}.JPEG'}
        ids = first.id_maps[t]
        boxes = [mask_to_box(ids == k) for k in np.unique(ids[ids > 0])]
        for frame in record['images']:
            assert [o['bbox'] for o in frame['instances']
                    ] == [[x, y, x + w, y + h] for x, y, w, h in boxes]
            assert all('mask' not in o for o in frame['instances'])


def test_the_shipped_config_draws_clips_of_both(convert, original, tmp_path):
    convert('--splits', 'vid_train', 'det_train')
    cfg = Config.fromfile(CONFIG).train_dataloader
    for part in cfg.dataset.datasets:
        part.data_root = str(original[0])
        part.ann_file = str(tmp_path / osp.basename(part.ann_file))
    dataset = DATASETS.build(cfg.dataset)
    assert list(dataset.cumulative_sizes) == [2, 4]
    sampler = DATA_SAMPLERS.build({
        **cfg.sampler, 'dataset': dataset,
        'epoch_length': 20,
        'seed': 0
    })
    numbers = {True: set(), False: set()}
    for index in sampler:
        sample = dataset[index]
        frames = sample['data_samples'].video_data_samples
        is_still = (sample['inputs'] == sample['inputs'][:1]).all().item()
        assert is_still == (index >= 2)
        numbers[is_still].add(tuple(frame.src_frame for frame in frames))
        assert min(len(frame.gt_instances.bboxes) for frame in frames) > 0
    assert numbers == {True: {(0, 1, 2)}, False: {(0, 2, 5)}}


def test_finer_wordnet_ids(convert, original, tmp_path):
    path = tmp_path / 'map.json'
    path.write_text('{"n00007846": "monkey"}')
    words = ('--splits', 'det_train', '--wnid-map', str(path))
    assert convert(*words)[0] == 0
    dataset = build(
        original, tmp_path, 'imagenet_det_train.json', cls=ImageNetDET)
    (person, ) = dataset.get_data_info(2)['images'][0]['instances']
    assert dataset.metainfo['classes'][person['bbox_label']] == 'monkey'
    assert person['bbox'] == [1, 2, 31, 22]
    for text, message in (('{"n1": "ape"}', "n1 is mapped to 'ape', expected"),
                          ('{"n1"', 'not valid JSON: '),
                          ('[]', 'top level is a list, expected an object')):
        path.write_text(text)
        code, _, err = convert(*words)
        assert code == 1 and err.startswith(f'error: {path}: {message}')


def test_flags_of_the_source_are_kept(convert, tmp_path):
    convert('--splits', 'vid_val')
    data = json.loads((tmp_path / 'imagenet_vid_val.json').read_text())
    assert {item['generated'] for item in data['annotations']} == {1}
    assert {item['occluded'] for item in data['annotations']} == {0}
    assert min(item['trackid'] for item in data['annotations']) == 0
    assert data['categories'][8]['wnid'] == 'n02084071'


def test_a_second_call_does_nothing(convert, tmp_path):
    words = ('--splits', 'vid_train')
    convert(*words)
    path = tmp_path / 'imagenet_vid_train.json'
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert convert(*words)[1] == f'{path}: already there, nothing to do\n'
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert os.listdir(tmp_path) == [path.name]
    # other frames: written anew
    assert convert(*words, '--all')[1] == f'{path}: written\n'
    path.write_text('{"info": {"converter": "another"}}')
    code, _, err = convert(*words)
    assert code == 1 and err == (
        f'error: {path}: was not written by this converter; move it away to '
        'convert again\n')


@pytest.mark.parametrize('workers', ['1', '2'])
def test_a_broken_file_stops_and_the_next_call_goes_on(convert, tmp_path,
                                                       monkeypatch, workers):
    root = tmp_path / 'root'
    write_ilsvrc(root)
    xml = root / 'Annotations/VID' / VIDEO / '000002.xml'
    sound = xml.read_text()
    words = ('--splits', 'vid_train', '--workers', workers)
    for text, message in ((sound[:90], f'{xml}: not valid XML at line 1 '
                           'column '),
                          (to_xml(xml_fields([(0, 'n1', (0, 0, 9, 9))])),
                           f"{xml}: object 0: unknown category 'n1', ")):
        xml.write_text(text)
        code, _, err = convert(*words, root=root)
        assert code == 1 and err.startswith(f'error: {message}')
        assert err.count('\n') == 1
    xml.unlink()
    code, _, err = convert(*words, root=root)
    assert code == 1
    assert err.startswith(f'error: annotation file {xml} not found; expected')
    xml.write_text(sound)
    read = []

    def spy(path, *args):
        read.append(path)
        return read_imagenet_xml(path, *args)

    monkeypatch.setattr(imagenet_vid, 'read_imagenet_xml', spy)
    assert convert('--splits', 'vid_train', root=root)[0] == 0
    # the first video was done before the second one failed
    assert {osp.dirname(path)
            for path in read} == {str(root / 'Annotations/VID' / VIDEO)}


def test_options_that_do_not_fit(convert, tmp_path):
    code, _, err = convert('--lists', str(tmp_path))
    assert code == 1
    assert err == (f'error: list {tmp_path}/VID_train_15frames.txt not found;'
                   ' name its folder with --lists, or take every frame and '
                   'image with --all\n')
    code, _, err = convert('--all', root=tmp_path)
    assert code == 1 and err.startswith(
        f'error: no XML file below {tmp_path}/Annotations/VID/train; give')
    assert convert('--workers',
                   '0')[2].startswith('error: --workers 0: expected')
