import json

import cv2
import numpy as np
import pytest

from mmvis_plugin.datasets.synthetic import generate_video
from mmvis_plugin.datasets.synthetic.writers import write_vipseg

# labels of the generator -> VIPSeg categories
CATEGORY = dict(
    enumerate((60, 61, 62, 63, 48, 49, 74, 90, 28, 0, 66, 15, 39, 18)))
CATEGORY[255] = -1


@pytest.fixture(scope='module')
def root(rich_cfg, tmp_path_factory):
    root = tmp_path_factory.mktemp('vipseg') / 'VIPSeg_720P'
    assert write_vipseg(str(root), rich_cfg)
    return root


def expected_maps(video, t):
    category = np.vectorize(CATEGORY.get)(video.label_maps[t])
    objects = video.id_maps[t].astype(int)
    crowds = [o.object_id for o in video.objects if o.iscrowd]
    objects[np.isin(objects, crowds)] = 0
    return category, objects


@pytest.mark.parametrize('split, index', [('train', 0), ('train', 1),
                                          ('val', 0)])
def test_masks_are_the_maps_of_the_generator(root, rich_cfg, split, index):
    video = generate_video(rich_cfg, split, index)
    data = json.loads((root / f'panoptic_gt_VIPSeg_{split}.json').read_text())
    entry, truth = data['videos'][index], data['annotations'][index]
    assert entry['video_id'] == truth['video_id'] == video.name
    pairs = list(zip(entry['images'], truth['annotations']))
    assert len(pairs) == 8
    for t, (image, annotation) in enumerate(pairs):
        stem = f'{video.name}/{t:08d}'
        assert image['file_name'] == annotation['file_name'] == f'{t:08d}.png'
        assert image['id'] == annotation['image_id']
        category, objects = expected_maps(video, t)
        value = cv2.imread(
            str(root / f'panomasks/{stem}.png'), cv2.IMREAD_UNCHANGED)
        assert value.dtype == np.uint16
        value = value.astype(int)
        numbered = value >= 125
        found = np.where(numbered, value // 100 - 1, value - 1)
        assert (found == category).all()
        assert (np.where(numbered, value % 100, 0) == objects).all()
        check_rgb(root / f'panomasksRGB/{stem}.png', annotation, category,
                  objects)
        picture = cv2.imread(str(root / f'images/{stem}.jpg'))[..., ::-1]
        assert np.abs(picture.astype(int) - video.frames[t]).mean() < 8


def check_rgb(path, annotation, category, objects):
    ids = cv2.imread(str(path))[..., ::-1].astype(int) @ [1, 256, 65536]
    segments = annotation['segments_info']
    assert {s['id'] for s in segments} == set(np.unique(ids)) - {0}
    assert ((ids == 0) == (category < 0)).all()
    regions = set()
    for segment in segments:
        inside = ids == segment['id']
        assert segment['area'] == inside.sum()
        assert segment['iscrowd'] == 0
        assert (category[inside] == segment['category_id']).all()
        (number, ) = np.unique(objects[inside])
        regions.add((segment['category_id'], number))
    assert len(regions) == len(segments)


def test_crowds_are_unnumbered_regions(root, rich_cfg):
    video = generate_video(rich_cfg, 'train', 1)
    (crowd, ) = [o for o in video.objects if o.iscrowd]
    pixels = 0
    for t, ids in enumerate(video.id_maps):
        value = cv2.imread(
            str(root / f'panomasks/train_0001/{t:08d}.png'),
            cv2.IMREAD_UNCHANGED)
        region = ids == crowd.object_id
        pixels += region.sum()
        assert (value[region] == CATEGORY[crowd.label] + 1).all()
    assert pixels > 0


def test_split_lists_and_categories(root):
    assert (root / 'train.txt').read_text() == 'train_0000\ntrain_0001\n'
    assert (root / 'val.txt').read_text() == 'val_0000\n'
    data = json.loads((root / 'panoptic_gt_VIPSeg_val.json').read_text())
    assert len(data['categories']) == 124
    things = {c['id'] for c in data['categories'] if c['isthing']}
    assert set(list(CATEGORY.values())[:8]) <= things
    assert not things & set(list(CATEGORY.values())[8:])
