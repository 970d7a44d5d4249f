import json

import cv2
import numpy as np
import pytest
from pycocotools import mask as mask_api

from mmvis_plugin.datasets.synthetic import SHAPES, generate_video
from mmvis_plugin.datasets.synthetic.writers import (CityscapesVPSWriter,
                                                     write_cityscapes_vps)

# labels of the generator -> Cityscapes-VPS categories
CATEGORY = {
    **{
        i: 11 + i
        for i in range(len(SHAPES))
    }, 8: 10,
    9: 2,
    10: 8,
    11: 9,
    12: 1,
    13: 0,
    255: -1
}
# Cityscapes label ids of the things, as in the benchmark's label file
LABEL_ID = dict(zip(range(11, 19), (24, 25, 26, 27, 28, 31, 32, 33)))


@pytest.fixture(scope='module')
def root(rich_cfg, tmp_path_factory):
    root = tmp_path_factory.mktemp('cityscapes') / 'cityscapes_vps'
    assert write_cityscapes_vps(str(root), rich_cfg)
    return root


def read(root, name):
    return json.loads((root / name).read_text())


def read_png(path):
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return image[..., ::-1].astype(int) if image.ndim == 3 else image.astype(
        int)


def test_six_of_thirty_frames_are_labelled(root):
    train = read(root, 'panoptic_im_train_city_vps.json')['images']
    val = read(root, 'panoptic_im_val_city_vps.json')['images']
    every = read(root, 'im_all_info_val_city_vps.json')['images']
    assert (len(train), len(val), len(every)) == (12, 6, 30)
    numbers = [image['id'].split('_')[:2] for image in train + val]
    assert numbers == [[f'{i // 6 + 1:04d}', f'{i + 1:04d}']
                       for i in range(18)]
    frames = [int(image['id'].split('_')[-1]) for image in val]
    assert frames == [4, 9, 14, 19, 24, 29]
    assert [i['file_name'].endswith('_leftImg8bit.png')
            for i in val] == [False, False, False, True, False, False]
    names = [image['file_name'] for image in every]
    assert names == sorted(names)
    assert [image for image in every if image in val] == val


@pytest.mark.parametrize('split, index', [('train', 1), ('val', 0)])
def test_panoptic_maps_are_those_of_the_generator(root, rich_cfg, split,
                                                  index):
    cfg = CityscapesVPSWriter(rich_cfg).cfg
    video = generate_video(cfg, split, index)
    crowds = [o.object_id for o in video.objects if o.iscrowd]
    data = read(root, f'panoptic_gt_{split}_city_vps.json')
    entries = list(zip(data['images'], data['annotations']))
    for image, annotation in entries[6 * index:6 * index + 6]:
        assert annotation['image_id'] == image['id']
        t = int(image['id'].split('_')[-1])
        frame = read_png(root / split / 'img' / image['file_name'])
        assert (frame == video.frames[t]).all()
        objects = video.id_maps[t].astype(int)
        category = np.vectorize(CATEGORY.get)(video.label_maps[t])
        category[np.isin(objects, crowds)] = -1
        objects[np.isin(objects, crowds)] = 0
        expected = np.where(objects > 0, 1000 * (category + 1) + objects,
                            category + 1)
        path = root / split / 'panoptic_video' / annotation['file_name']
        rgb = read_png(path)
        ids = rgb @ [1, 256, 65536]
        assert (ids == expected).all()
        check_segments(annotation['segments_info'], ids, category)
        semantic = read_png(root / split / 'labelmap' /
                            annotation['file_name'])
        assert (semantic == np.where(category < 0, 255, category)).all()


def check_segments(segments, ids, category):
    assert {s['id'] for s in segments} == set(np.unique(ids)) - {0}
    for segment in segments:
        inside = ids == segment['id']
        assert segment['area'] == inside.sum()
        assert (category[inside] == segment['category_id']).all()
        assert segment['iscrowd'] == 0


def test_raw_labels_convert_to_the_panoptic_maps(root, rich_cfg):
    """Apply the published rule: stuff from cls, things where inst >= 1000."""
    data = read(root, 'panoptic_gt_val_city_vps.json')
    color = {tuple(c['color']): c['id'] for c in data['categories']}
    group_pixels = 0
    for annotation in data['annotations']:
        name = annotation['file_name']
        ids = read_png(root / 'val/panoptic_video' / name) @ [1, 256, 65536]
        inst = read_png(root / 'val/inst' / name)
        cls = np.array([[color.get(tuple(pixel), -1) for pixel in row]
                        for row in read_png(root / 'val/cls' / name)])
        things = inst >= 1000
        assert (things == (ids >= 1000)).all()
        assert (ids[things] // 1000 == cls[things] + 1).all()
        stuff = (cls >= 0) & (cls < 11)
        assert (ids[stuff] == cls[stuff] + 1).all()
        assert (ids[~things & ~stuff] == 0).all()
        group_pixels += np.count_nonzero((inst > 0) & (inst < 1000))
        for category, label_id in LABEL_ID.items():
            assert (inst[things & (cls == category)] // 1000 == label_id).all()
    assert group_pixels > 0


def test_instances_are_the_things_of_the_maps(root):
    data = read(root, 'instances_train_city_vps_rle.json')
    names = {
        a['image_id']: a['file_name']
        for a in read(root, 'panoptic_gt_train_city_vps.json')['annotations']
    }
    assert len({a['id']
                for a in data['annotations']}) == len(data['annotations']) > 12
    for item in data['annotations']:
        path = root / 'train/panoptic_video' / names[item['image_id']]
        ids = read_png(path) @ [1, 256, 65536]
        mask = mask_api.decode(item['segmentation']).astype(bool)
        key = 1000 * (item['category_id'] + 1) + item['inst_id']
        assert ((ids == key) == mask).all()
        assert item['bbox'] == mask_api.toBbox(item['segmentation']).tolist()
        assert item['area'] == mask.sum()


def test_one_id_per_object_over_the_video(root):
    data = read(root, 'panoptic_gt_train_city_vps.json')
    owner = {}
    for annotation in data['annotations']:
        video = annotation['image_id'][:4]
        for segment in annotation['segments_info']:
            key = video, segment['id'] % 1000
            if segment['id'] >= 1000:
                assert owner.setdefault(key, segment['id']) == segment['id']
    assert len(owner) >= 4
