import shutil

import numpy as np
import pytest
from PIL import Image

from mmvis_plugin.datasets.converters import convert_viper
from mmvis_plugin.datasets.converters.panoptic_frames import table_categories
from mmvis_plugin.datasets.converters.viper import viper_ids
from mmvis_plugin.structures import read_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError

# categories of the labels of the generator, by the label ids of conftest
CATEGORY = np.full(256, -1)
CATEGORY[:14] = [13, 14, 15, 17, 19, 22, -1, -1, 0, 6, 4, 5, -1, 1]


@pytest.fixture(scope='module')
def converted(viper_download, tmp_path_factory):
    root = tmp_path_factory.mktemp('converted') / 'viper'
    shutil.copytree(viper_download, root)
    assert convert_viper(str(root), 'train', workers=2)
    assert convert_viper(str(root), 'val')
    return root


@pytest.mark.parametrize('split, index', [('train', 0), ('train', 1),
                                          ('val', 0)])
def test_maps_are_those_of_the_generator(converted, shapes_cfg, shapes_maps,
                                         read_json, split, index):
    data = read_json(converted / f'panoptic_gt_{split}_viper.json')
    frames = list(zip(data['images'], data['annotations']))[5 * index:]
    id_of = {}
    for t, (image, annotation) in enumerate(frames[:5]):
        name = f'{index + 7:03d}_{t + 1:05d}'
        label, objects, crowd = shapes_maps(shapes_cfg, split, index, t)
        category = np.where(crowd, -1, CATEGORY[label])
        ids = read_panoptic_map(
            str(converted / split / 'panoptic_video' / f'{name}.png'))
        assert (image['id'], annotation['file_name']) == (name, f'{name}.png')
        assert (converted / split / 'img' / image['file_name']).exists()
        assert ((ids == 0) == (category < 0)).all()
        stuff = (category >= 0) & (objects == 0)
        assert (ids[stuff] == category[stuff] + 1).all()
        # an object keeps its id, and shares it with nobody
        things = (category >= 0) & (objects > 0)
        pairs = np.unique(
            np.stack([objects[things], ids[things].astype(int)]), axis=1)
        for number, segment_id in pairs.T.tolist():
            assert id_of.setdefault(number, segment_id) == segment_id
        for segment in annotation['segments_info']:
            inside = ids == segment['id']
            assert segment['area'] == inside.sum() > 0
            assert (category[inside] == segment['category_id']).all()
        assert len(
            annotation['segments_info']) == len(np.unique(ids)) - (0 in ids)
    assert len(set(id_of.values())) == len(id_of) >= 2


def test_rules_on_a_small_map():
    categories = table_categories('viper', 'vps_categories')
    # road, person, no label, tree, car, person
    cls = np.array([[3, 20, 0, 7, 24, 20]])
    inst = np.array([[[3, 0, 0], [20, 0, 7], [0, 0, 0], [24, 1, 2], [24, 0, 0],
                      [21, 0, 9]]],
                    dtype=np.uint8)
    ids = viper_ids(cls, inst, categories)
    # the second car has no number, an animal is no class
    assert ids.tolist() == [[2, 18007, 0, 20258, 0, 0]]
    inst[0, 1] = [20, 255, 255]
    assert viper_ids(cls, inst, categories)[0, 1] == 2**20 + (17 << 16) + 65535


def test_layouts_give_the_same(viper, viper_download, converted, read_json):
    """Flat and nested folders; the order of the file system is no matter."""
    for kind in ('cls', 'inst', 'img'):
        for path in sorted((viper / 'train' / kind).rglob('*.*')):
            path.rename(viper / 'train' / kind / path.name)
    assert convert_viper(str(viper), 'train')
    ours, theirs = (
        read_json(root / 'panoptic_gt_train_viper.json')
        for root in (viper, converted))
    assert ours['annotations'] == theirs['annotations']
    assert ours['images'][5]['file_name'] == '008_00001.jpg'
    assert theirs['images'][5]['file_name'] == '008/008_00001.jpg'


def test_choice_of_frames(viper, read_json):
    path = viper / 'panoptic_gt_train_viper.json'
    assert convert_viper(str(viper), 'train', max_frames=2)
    ids = [image['id'] for image in read_json(path)['images']]
    assert ids == ['007_00001', '007_00002', '008_00001', '008_00002']
    assert convert_viper(str(viper), 'train', sequences=['008'], max_frames=1)
    assert [i['id'] for i in read_json(path)['images']] == ['008_00001']
    assert not convert_viper(
        str(viper), 'train', sequences=['008'], max_frames=1)
    with pytest.raises(
            FileNotFoundError, match=r"cls: no labels of sequences \['009'\]"):
        convert_viper(str(viper), 'train', sequences=['008', '009'])


def test_files_do_not_depend_on_workers(viper, converted, snapshot):
    assert convert_viper(str(viper), 'train')
    ours, theirs = snapshot(viper), snapshot(converted)
    assert all(ours[key] == theirs[key] for key in ours)
    assert {k for k in theirs if k.startswith('train')} < set(ours)


def no_labels(path):
    Image.fromarray(np.full((64, 96), 40, np.uint8)).save(path)


@pytest.mark.parametrize('file, change, error, message', [
    ('inst/007_00002.png', lambda p: p.unlink(), FileNotFoundError,
     'val/inst/007/007_00002.png: no such file; unpack the instance'),
    ('img/007_00002.png', lambda p: p.unlink(), FileNotFoundError,
     'val/img/007/007_00002.jpg: no such file; unpack the images'),
    ('cls/007_00003.png', lambda p: p.write_bytes(b'x'), AnnotationError,
     'val/cls/007_00003.png: cannot be read as an image'),
    ('cls/007_00003.png', no_labels, AnnotationError,
     'val/cls/007_00003.png: label id 40, expected 0 to 31'),
    ('cls/007_00003.png', lambda p: Image.new('RGB', (96, 64)).save(p),
     AnnotationError, 'val/cls/007_00003.png: picture of mode RGB'),
    ('inst/007_00003.png', lambda p: Image.new('L', (96, 64)).save(p),
     AnnotationError, 'val/inst/007_00003.png: picture of mode L'),
    ('inst/007_00003.png', lambda p: Image.new('RGB', (64, 96)).save(p),
     AnnotationError,
     'val/inst/007_00003.png: size (96, 64), expected (64, 96)'),
])
def test_broken_files_are_named(viper, file, change, error, message):
    change(viper / 'val' / file)
    with pytest.raises(error) as info:
        convert_viper(str(viper), 'val', workers=2)
    assert message in str(info.value) and '\n' not in str(info.value)
    assert not (viper / 'panoptic_gt_val_viper.json').exists()


def test_a_frame_in_both_layouts(viper):
    (viper / 'val/cls/007').mkdir()
    shutil.copy(viper / 'val/cls/007_00001.png', viper / 'val/cls/007/')
    with pytest.raises(AnnotationError, match='the same frame as'):
        convert_viper(str(viper), 'val')
    with pytest.raises(FileNotFoundError, match='none/cls: no labels of seq'):
        convert_viper(str(viper), 'none')
