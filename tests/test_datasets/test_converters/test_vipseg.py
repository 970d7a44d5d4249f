import io
import shutil

import numpy as np
import pytest
from mmengine.logging import MMLogger
from PIL import Image

from mmvis_plugin.datasets.converters import convert_vipseg
from mmvis_plugin.datasets.converters import vipseg as vipseg_module
from mmvis_plugin.datasets.converters.panoptic_frames import table_categories
from mmvis_plugin.datasets.converters.vipseg import read_split, vipseg_ids
from mmvis_plugin.structures import read_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError

HEIGHT = 64


@pytest.fixture(scope='module')
def convert():
    """Return a function that converts a split of a download."""

    def run(root, split, height=HEIGHT, workers=1):
        return convert_vipseg(
            str(root), str(root / 'out'), split, str(root / f'{split}.txt'),
            height, workers)

    return run


@pytest.fixture(scope='module')
def converted(convert, vipseg_download, tmp_path_factory):
    root = tmp_path_factory.mktemp('converted') / 'vipseg'
    shutil.copytree(vipseg_download, root)
    assert convert(root, 'train', workers=2) and convert(root, 'val')
    return root


@pytest.mark.parametrize('split', ['train', 'val'])
def test_at_the_own_size_all_is_as_written(converted, vipseg_written,
                                           read_json, snapshot, split):
    """The writer of MovingShapes makes the 720P form directly."""
    name = f'panoptic_gt_VIPSeg_{split}.json'
    ours, written = (
        read_json(root / name) for root in (converted / 'out', vipseg_written))
    assert ours['videos'] == written['videos']
    for video, expected in zip(ours['annotations'], written['annotations']):
        assert video['video_id'] == expected['video_id']
        for frame in video['annotations']:
            for segment in frame['segments_info']:
                assert len(segment.pop('bbox')) == 4
        assert video['annotations'] == expected['annotations']
    assert [
        (c['id'], c['name'], c['isthing']) for c in ours['categories']
    ] == [(c['id'], c['name'], c['isthing']) for c in written['categories']]
    for kind in ('images', 'panomasks', 'panomasksRGB'):
        mine, theirs = (
            snapshot(root / kind)
            for root in (converted / 'out', vipseg_written))
        assert mine.keys() == theirs.keys()
        if kind != 'panomasks':
            assert mine == theirs
    for path in (vipseg_written / 'panomasks').rglob('*.png'):
        mine = converted / 'out' / path.relative_to(vipseg_written)
        assert (np.array(Image.open(mine)) == np.array(Image.open(path))).all()
    assert (converted /
            'out/train.txt').read_text() == ('train_0000\ntrain_0001\n')


def test_scaled_as_by_the_published_program(vipseg, convert, read_json):
    """Width int(720 w / h); image bilinear, mask nearest."""
    assert convert(vipseg, 'val', height=37)
    data = read_json(vipseg / 'out/panoptic_gt_VIPSeg_val.json')
    frames = data['videos'][0]['images']
    assert {(f['width'], f['height']) for f in frames} == {(55, 37)}
    for frame in frames:
        name = f'val_0000/{frame["id"]}'
        source = Image.open(vipseg / f'imgs/{name}.jpg')
        scaled = io.BytesIO()
        source.resize((55, 37), Image.BILINEAR).save(scaled, 'JPEG')
        assert (vipseg /
                f'out/images/{name}.jpg').read_bytes() == scaled.getvalue()
        mask = np.array(Image.open(vipseg / f'panomasks/{name}.png'))
        high, low = (
            np.array(
                Image.fromarray(part.astype(np.uint8)).resize(
                    (55, 37), Image.NEAREST)).astype(int)
            for part in (mask >> 8, mask & 255))
        expected = 256 * high + low
        found = np.array(Image.open(vipseg / f'out/panomasks/{name}.png'))
        assert (found == expected).all()
        ids = read_panoptic_map(str(vipseg / f'out/panomasksRGB/{name}.png'))
        assert (ids == vipseg_ids(
            found.astype(int), table_categories('vipseg'), '')).all()


def test_files_do_not_depend_on_workers_or_stops(vipseg, convert, converted,
                                                 snapshot, monkeypatch):
    done = []

    def stop(path, ids, write=vipseg_module.write_frame):
        if len(done) == 7:
            raise KeyboardInterrupt
        done.append(path)
        return write(path, ids)

    with monkeypatch.context() as patch:
        patch.setattr(vipseg_module, 'write_frame', stop)
        with pytest.raises(KeyboardInterrupt):
            convert(vipseg, 'train')
    assert not (vipseg / 'out/panoptic_gt_VIPSeg_train.json').exists()
    first = vipseg / 'out/images/train_0000/00000000.jpg'
    time = first.stat().st_mtime_ns
    assert convert(vipseg, 'train')
    assert first.stat().st_mtime_ns == time
    assert not convert(vipseg, 'train')
    ours, theirs = snapshot(vipseg / 'out'), snapshot(converted / 'out')
    assert all(ours[key] == theirs[key] for key in ours)
    assert {k for k in theirs if 'val' not in k} == set(ours)


def test_rules_of_the_values():
    categories = table_categories('vipseg')
    # void, wall, person unnumbered, persons 0 and 12, train 99
    values = np.array([[0, 1, 61, 6100, 6112, 12499, 124, 200]])
    ids = vipseg_ids(values, categories, 'a.png')
    assert ids.tolist() == [[0, 1, 61, 61000, 61012, 124099, 124, 0]]
    for value, message in ((125, 'object 25 of category 0'),
                           (1007, 'object 7 of category 9'),
                           (12500, 'object 0 of category 124'), (-1, 'value')):
        with pytest.raises(AnnotationError) as info:
            vipseg_ids(np.array([[1, value]]), categories, 'a.png')
        assert message in str(info.value)
        assert str(info.value).startswith(f'a.png: value {value} ')


def test_stray_value_becomes_void_with_a_warning(vipseg, convert, read_json,
                                                 monkeypatch):
    path = vipseg / 'panomasks/val_0000/00000001.png'
    mask = np.array(Image.open(path))
    mask[:9, :9] = 200
    Image.fromarray(mask).save(path)
    lines = []
    logger = MMLogger.get_current_instance()
    monkeypatch.setattr(logger, 'warning', lines.append)
    assert convert(vipseg, 'val')
    assert len(
        lines) == 1 and 'panomasks/val_0000: value 200 in 1 ' in lines[0]
    ids = read_panoptic_map(
        str(vipseg / 'out/panomasksRGB/val_0000/00000001.png'))
    assert (ids[:9, :9] == 0).all()


def test_a_split_without_masks(vipseg, convert, read_json):
    (vipseg / 'imgs/val_0000').rename(vipseg / 'imgs/hidden')
    (vipseg / 'test.txt').write_text('hidden')
    assert convert(vipseg, 'test') and not convert(vipseg, 'test')
    data = read_json(vipseg / 'out/panoptic_gt_VIPSeg_test.json')
    assert 'annotations' not in data and len(data['categories']) == 124
    assert len(data['videos'][0]['images']) == 5
    assert len(list((vipseg / 'out/images/hidden').iterdir())) == 5


def test_lists(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_bytes(b' one\r\n\n\ttwo\r\nthree')
    assert read_split(str(path)) == ['one', 'two', 'three']
    path.write_text('one\ntwo\none \n')
    with pytest.raises(AnnotationError, match=r"a.txt: names \['one'\] more"):
        read_split(str(path))
    path.write_text(' \n')
    with pytest.raises(AnnotationError, match='a.txt: names no video'):
        read_split(str(path))
    with pytest.raises(FileNotFoundError, match='b.txt: no such file'):
        read_split(str(tmp_path / 'b.txt'))


def set_value(path, value):
    mask = np.array(Image.open(path))
    mask[0, 0] = value
    Image.fromarray(mask).save(path)


@pytest.mark.parametrize('file, change, error, message', [
    ('panomasks/train_0001/00000002.png', lambda p: p.unlink(),
     FileNotFoundError, '{}: no such file, expected a mask for every image'),
    ('imgs/train_0001', shutil.rmtree, FileNotFoundError,
     '{}: no images of this video'),
    ('imgs/train_0001/00000002.jpg', lambda p: p.write_bytes(b'x'),
     AnnotationError, '{}: cannot be read as an image'),
    ('panomasks/train_0001/00000002.png', lambda p: p.write_bytes(b'x'),
     AnnotationError, '{}: cannot be read as an image'),
    ('panomasks/train_0001/00000002.png',
     lambda p: Image.new('RGB', (96, 64)).save(p), AnnotationError,
     '{}: picture of mode RGB'),
    ('panomasks/train_0001/00000002.png',
     lambda p: Image.new('L', (95, 64)).save(p), AnnotationError,
     '{}: size (64, 95), expected (64, 96) (height, width)'),
    ('panomasks/train_0001/00000002.png', lambda p: set_value(p, 155),
     AnnotationError, '{}: value 155 stands for object 55 of category 0'),
])
def test_broken_files_are_named(vipseg, convert, file, change, error, message):
    change(vipseg / file)
    with pytest.raises(error) as info:
        convert(vipseg, 'train', workers=2)
    assert message.format(vipseg / file) in str(info.value)
    assert '\n' not in str(info.value)
    assert not (vipseg / 'out/panoptic_gt_VIPSeg_train.json').exists()
