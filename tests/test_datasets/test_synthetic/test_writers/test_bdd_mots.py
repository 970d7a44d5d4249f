import json

import cv2
import numpy as np
import pytest
from pycocotools import mask as mask_api

from mmvis_plugin.datasets.synthetic import generate_video
from mmvis_plugin.datasets.synthetic.writers import write_bdd_mots

NAMES = ('pedestrian', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle',
         'bicycle')


@pytest.fixture(scope='module')
def root(rich_cfg, tmp_path_factory):
    root = tmp_path_factory.mktemp('bdd') / 'bdd100k'
    assert write_bdd_mots(str(root), rich_cfg)
    return root


def read_rgba(path):
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image.dtype == np.uint8 and image.shape[2] == 4
    return image[..., [2, 1, 0, 3]].astype(int)


@pytest.mark.parametrize('split, index', [('train', 0), ('train', 1),
                                          ('val', 0)])
def test_bitmasks_are_the_maps_of_the_generator(root, rich_cfg, split, index):
    video = generate_video(rich_cfg, split, index)
    labels = root / 'labels/seg_track_20/bitmasks' / split / video.name
    images = root / 'images/seg_track_20' / split / video.name
    assert len(list(labels.iterdir())) == len(list(images.iterdir())) == 8
    shift = 254 if index % 2 else 0
    crowds = [o.object_id for o in video.objects if o.iscrowd]
    for t in range(8):
        stem = f'{video.name}-{t + 1:07d}'
        red, green, blue, alpha = read_rgba(labels / f'{stem}.png').transpose(
            2, 0, 1)
        ids = video.id_maps[t].astype(int)
        thing = ids > 0
        assert (red == np.where(thing, video.label_maps[t] + 1, 0)).all()
        assert (256 * blue + alpha == np.where(thing, ids + shift, 0)).all()
        crowd = np.isin(ids, crowds)
        bit = 1 if index % 2 else 2
        assert ((green & 3) == crowd * bit).all()
        image = cv2.imread(str(images / f'{stem}.jpg'))[..., ::-1]
        assert np.abs(image.astype(int) - video.frames[t]).mean() < 8


def test_both_id_bytes_are_in_use(root):
    files = sorted((root / 'labels').rglob('train_0001-*.png'))
    blue = np.stack([read_rgba(file)[..., 2] for file in files])
    assert set(np.unique(blue)) == {0, 1}


def test_one_pair_of_red_and_green_per_track_and_frame(root):
    for file in sorted((root / 'labels').rglob('*.png')):
        pixels = read_rgba(file)
        ids = 256 * pixels[..., 2] + pixels[..., 3]
        for track in np.unique(ids[ids > 0]):
            assert len(np.unique(pixels[ids == track][:, :2], axis=0)) == 1


@pytest.mark.parametrize('split, index', [('train', 1), ('val', 0)])
def test_json_says_the_same_as_the_bitmasks(root, rich_cfg, split, index):
    name = f'{split}_{index:04d}'
    folder = root / 'labels/seg_track_20'
    frames = json.loads((folder / f'rles/{split}/{name}.json').read_text())
    assert [frame['frameIndex'] for frame in frames] == list(range(8))
    for frame in frames:
        assert frame['videoName'] == name
        path = folder / f'bitmasks/{split}/{name}' / frame['name']
        pixels = read_rgba(path.with_suffix('.png'))
        painted = np.zeros_like(pixels)
        for label in frame['labels']:
            mask = mask_api.decode(label['rle']).astype(bool)
            flags = label['attributes']
            bits = 8 * flags['truncated'] + 4 * flags['occluded'] + 2 * flags[
                'crowd'] + flags['ignored']
            category = NAMES.index(label['category']) + 1
            track = int(label['id'])
            painted[mask] = (category, bits, track // 256, track % 256)
            rows, cols = np.nonzero(mask)
            assert label['box2d'] == dict(
                x1=cols.min(), y1=rows.min(), x2=cols.max(), y2=rows.max())
            edge = min(rows.min(), cols.min(), 63 - rows.max(),
                       95 - cols.max())
            assert flags['truncated'] == (edge == 0)
        assert (painted == pixels).all()


def test_hidden_parts_set_the_occluded_bit(root, rich_cfg):
    video = generate_video(rich_cfg, 'train', 0)
    path = root / 'labels/seg_track_20/rles/train/train_0000.json'
    frames = json.loads(path.read_text())
    flags = {
        (f['frameIndex'], int(label['id'])): label['attributes']['occluded']
        for f in frames
        for label in f['labels']
    }
    visible = video.visible_areas()
    assert {True, False} == set(flags.values())
    for (frame, track), occluded in flags.items():
        less = visible[frame, track - 1] < video.full_areas[frame, track - 1]
        assert occluded == less
