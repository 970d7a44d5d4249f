import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_api

from mmvis_plugin.datasets.converters import (cityscapes_vps,
                                              convert_cityscapes_vps)
from mmvis_plugin.datasets.converters.cityscapes_vps import cityscapes_ids
from mmvis_plugin.datasets.converters.panoptic_frames import table_categories
from mmvis_plugin.structures import read_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError

CATEGORY = np.full(256, -1)
CATEGORY[:14] = [11, 12, 13, 14, 15, 16, 17, 18, 10, 2, 8, 9, 1, 0]
GROUND_TRUTH = 'panoptic_gt_train_city_vps.json'


@pytest.fixture(scope='module')
def converted(city_release, tmp_path_factory):
    root = tmp_path_factory.mktemp('converted') / 'city'
    shutil.copytree(city_release, root)
    assert convert_cityscapes_vps(str(root), 'train', workers=2)
    assert convert_cityscapes_vps(str(root), 'val')
    return root


def expected_ids(label, objects, crowd):
    """Apply the rules to a map of the generator, whose numbers the raw
    labels count from 0."""
    category = np.where(crowd, -1, CATEGORY[label])
    thing = (objects > 0) & ~crowd
    return np.where(thing, 1000 * (category + 1) + objects - 1, category + 1)


@pytest.mark.parametrize('split, index', [('train', 0), ('train', 1),
                                          ('val', 0)])
def test_maps_are_those_of_the_generator(converted, shapes_cfg, shapes_maps,
                                         read_json, split, index):
    cfg = replace(shapes_cfg, num_frames=30, label_stride=5)
    data = read_json(converted / f'panoptic_gt_{split}_city_vps.json')
    pairs = list(zip(data['images'], data['annotations']))
    for image, annotation in pairs[6 * index:6 * index + 6]:
        t = int(image['id'].split('_')[-1])
        label, objects, crowd = shapes_maps(cfg, split, index, t)
        folder, name = converted / split, annotation['file_name']
        ids = read_panoptic_map(str(folder / 'panoptic_video' / name))
        assert (ids == expected_ids(label, objects, crowd)).all()
        assert crowd.any() <= (ids[crowd] == 0).all()
        inst = np.array(Image.open(folder / 'panoptic_inst' / name))
        assert (inst[ids > 1000] == ids[ids > 1000].astype(int) - 1000).all()
        assert (inst[ids == 0] == 255).all()
        semantic = np.array(Image.open(folder / 'labelmap' / name))
        assert (semantic == np.where(CATEGORY[label] < 0, 255,
                                     CATEGORY[label])).all()
        assert (image['height'], image['width']) == ids.shape
        listed = {s['id']: s for s in annotation['segments_info']}
        assert set(listed) == set(np.unique(ids).tolist()) - {0}
        for i, segment in listed.items():
            assert segment['area'] == (ids == i).sum()
            assert segment['iscrowd'] == 0
            assert (CATEGORY[label][ids == i] == segment['category_id']).all()


def test_json_is_that_of_the_release(converted, city_written, read_json):
    for split, number in (('train', 12), ('val', 6)):
        name = f'panoptic_gt_{split}_city_vps.json'
        ours, written = (
            read_json(r / name) for r in (converted, city_written))
        assert len(ours['images']) == number
        assert ours['images'] == written['images']
        assert ours['categories'] == written['categories']
        names = [[(a['image_id'], a['file_name']) for a in d['annotations']]
                 for d in (ours, written)]
        assert names[0] == names[1]


def test_instances(converted, read_json):
    data = read_json(converted / 'instances_train_city_vps_rle.json')
    truth = read_json(converted / GROUND_TRUTH)
    names = {a['image_id']: a['file_name'] for a in truth['annotations']}
    things = sum(s['category_id'] > 10 for a in truth['annotations']
                 for s in a['segments_info'])
    assert [a['id'] for a in data['annotations']] == list(range(1, things + 1))
    for item in data['annotations']:
        path = converted / 'train/panoptic_video' / names[item['image_id']]
        mask = mask_api.decode(item['segmentation'])
        ids = read_panoptic_map(str(path))
        assert ((ids == 1000 * (item['category_id'] + 1) +
                 item['inst_id']) == mask).all()
        assert item['area'] == mask.sum()
        assert item['bbox'] == mask_api.toBbox(item['segmentation']).tolist()


def test_files_do_not_depend_on_workers_or_stops(city, converted, snapshot,
                                                 monkeypatch):
    """One worker, stopped in the second video, gives what two gave."""
    done = []

    def stop(path, ids, write=cityscapes_vps.write_frame):
        if len(done) == 8:
            raise KeyboardInterrupt
        done.append(path)
        return write(path, ids)

    with monkeypatch.context() as patch:
        patch.setattr(cityscapes_vps, 'write_frame', stop)
        with pytest.raises(KeyboardInterrupt):
            convert_cityscapes_vps(str(city), 'train')
    assert not (city / GROUND_TRUTH).exists()
    first = city / 'train/panoptic_video' / done[0].rsplit('/', 1)[-1]
    first.write_bytes(b'not touched again')
    assert convert_cityscapes_vps(str(city), 'train')
    assert first.read_bytes() == b'not touched again'
    shutil.rmtree(city / 'train/panoptic_video')
    assert convert_cityscapes_vps(str(city), 'train')
    assert not convert_cityscapes_vps(str(city), 'train')
    ours, theirs = snapshot(city), snapshot(converted)
    assert {k
            for k in theirs if '_val_' not in k and k[:3] != 'val'} < set(ours)
    assert all(ours[key] == theirs[key] for key in ours if key in theirs)


def test_files_of_the_release_are_kept(city):
    lists = {
        'instances_val_city_vps_rle.json': '{"annotations": []}',
        'im_all_info_val_city_vps.json': '{"images": []}'
    }
    for name, text in lists.items():
        (city / name).write_text(text)
    assert convert_cityscapes_vps(str(city), 'val')
    for name, text in lists.items():
        assert (city / name).read_text() == text


def test_without_the_list_of_images(city, converted, read_json):
    (city / 'panoptic_im_val_city_vps.json').unlink()
    assert convert_cityscapes_vps(str(city), 'val')
    name = 'panoptic_im_val_city_vps.json'
    assert read_json(city / name)['images'] == read_json(converted /
                                                         name)['images']
    name = 'panoptic_gt_val_city_vps.json'
    assert read_json(city / name) == read_json(converted / name)


def test_fine_labels_from_cityscapes(city, converted, read_json, tmp_path):
    fine = tmp_path / 'gtFine/val/shapes'
    fine.mkdir(parents=True)
    for path in sorted((city / 'val').rglob('*_gtFine_*.png')):
        path.rename(fine / path.name[len('0000_0000_'):])
    with pytest.raises(
            FileNotFoundError, match='_gtFine_color.png: no such file; give '):
        convert_cityscapes_vps(str(city), 'val')
    assert convert_cityscapes_vps(str(city), 'val', fine_root=str(fine.parent))
    name = 'panoptic_gt_val_city_vps.json'
    assert read_json(city / name) == read_json(converted / name)
    (fine / next(fine.glob('*Ids.png')).name).unlink()
    (city / name).unlink()
    with pytest.raises(FileNotFoundError, match='gtFine_instanceIds.png: no'):
        convert_cityscapes_vps(str(city), 'val', fine_root=str(fine.parent))


def test_rules_on_a_small_map():
    """Objects by majority, groups and foreign classes void, ties."""
    categories = table_categories('cityscapes_vps')
    color = {c['name']: c['color'] for c in categories}
    names = ['road', 'person', 'car', 'road', 'person', 'caravan', 'car']
    color['caravan'] = [0, 0, 90]
    colours = np.array([[color[n] for n in names] * 2], dtype=np.uint8)
    # object 26003: car 2, person 1; 24001: road 2, person 1; 24: a group
    inst = np.array([[7, 26003, 26003, 24001, 24, 29001, 26003] +
                     [24001, 24001, 26, 7, 24000, 29001, 0]])
    ids, semantic = cityscapes_ids(colours, inst, categories)
    assert semantic.tolist() == [[0, 11, 13, 0, 11, -1, 13] * 2]
    assert ids.tolist() == [[1, 14003, 14003, 1, 0, 0, 14003] +
                            [1, 0, 0, 1, 12000, 0, 0]]
    # bus (0, 60, 100) and person (220, 20, 60): the smaller number wins
    tie = np.array([[color['bus'], color['person']]], dtype=np.uint8)
    ids, _ = cityscapes_ids(tie, np.array([[24005, 24005]]), categories)
    assert ids.tolist() == [[12005, 12005]]


def spoil(path, content=None, size=None):
    if size is not None:
        Image.open(path).resize(size, Image.NEAREST).save(path)
    else:
        path.write_bytes(content)


@pytest.mark.parametrize('kind, change, error, message', [
    ('cls', lambda p: p.unlink(), FileNotFoundError,
     'val/cls/{}: no such file; unpack the labels'),
    ('inst', lambda p: p.unlink(), FileNotFoundError,
     'val/inst/{}: no such file; unpack the labels'),
    ('cls', lambda p: spoil(p, b'zero'), AnnotationError,
     'val/cls/{}: cannot be read as an image'),
    ('inst', lambda p: spoil(p, size=(8, 8)), AnnotationError,
     r'val/inst/{}: size (8, 8), expected (64, 96)'),
    ('inst', lambda p: Image.new('RGB', (96, 64)).save(p), AnnotationError,
     'val/inst/{}: picture of mode RGB, expected one of L'),
    ('cls', lambda p: Image.new('L', (96, 64)).save(p), AnnotationError,
     'val/cls/{}: picture of mode L, expected one of RGB'),
])
@pytest.mark.parametrize('workers', [1, 2])
def test_broken_labels_are_named(city, kind, change, error, message, workers):
    path = sorted((city / 'val' / kind).glob('*_final_mask.png'))[2]
    change(path)
    with pytest.raises(error) as info:
        convert_cityscapes_vps(str(city), 'val', workers)
    assert message.format(path.name) in str(info.value)
    assert '\n' not in str(info.value)
    assert not (city / 'panoptic_gt_val_city_vps.json').exists()


def test_broken_lists_are_named(city, tmp_path):
    with pytest.raises(FileNotFoundError, match='cls: no label pictures and'):
        convert_cityscapes_vps(str(tmp_path / 'none'), 'val')
    path = city / 'panoptic_im_val_city_vps.json'
    data = json.loads(path.read_text())
    del data['images'][3]['file_name']
    path.write_text(json.dumps(data))
    with pytest.raises(
            AnnotationError, match=r'images\[3\].file_name is missing'):
        convert_cityscapes_vps(str(city), 'val')
    data['images'][3]['file_name'] = 'a.png'
    path.write_text(json.dumps(data))
    with pytest.raises(AnnotationError, match='of file a.png, expected VVVV'):
        convert_cityscapes_vps(str(city), 'val')
    path.write_text('{')
    with pytest.raises(AnnotationError, match='not valid JSON at line 1'):
        convert_cityscapes_vps(str(city), 'val')
