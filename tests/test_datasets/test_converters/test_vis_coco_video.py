import json
import os
import shutil

import numpy as np
import pytest
from mmdet.datasets import YouTubeVISDataset
from pycocotools import mask as mask_utils

from mmvis_plugin.datasets import OVIS, YouTubeVIS
from mmvis_plugin.datasets.converters.vis_coco_video import (convert_vis,
                                                             find_vis_json)
from mmvis_plugin.utils.errors import AnnotationError

NAMES = {
    'youtube_vis_2019': ('sedan', 'giant_panda'),
    'youtube_vis_2021': ('flying_disc', 'whale'),
    'ovis': ('VEHICLE', 'giant_panda')
}


@pytest.fixture
def tree(vis):
    """Return a function that writes the tree of a benchmark."""

    def write(table, place='train.json'):
        for category, name in zip(vis.data['categories'], NAMES[table]):
            category['name'] = name
        path = vis.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(vis.data))
        test = {k: v for k, v in vis.data.items() if k != 'annotations'}
        (vis.root / 'valid.json').write_text(json.dumps(test))
        return vis

    return write


def records(cls, root, ann_file, **kwargs):
    dataset = cls(
        ann_file=ann_file,
        data_root=str(root),
        data_prefix=dict(img_path='JPEGImages'),
        **kwargs)
    return [dataset.get_data_info(i) for i in range(len(dataset))]


@pytest.mark.parametrize('table', sorted(NAMES))
def test_both_files_give_the_same_records(tree, table):
    root = tree(table).root
    counts = convert_vis(
        str(root), str(root / 'out'), table, ['train', 'valid'])
    written = [str(root / f'out/{table}_{s}.json') for s in ('train', 'valid')]
    assert counts == {
        written[0]: dict(videos=2, frames=8, objects=14),
        written[1]: dict(videos=2, frames=8, objects=0)
    }
    assert sorted(os.listdir(
        root / 'out')) == [f'{table}_train.json', f'{table}_valid.json']
    cls = OVIS if table == 'ovis' else YouTubeVIS
    kwargs = {} if table == 'ovis' else dict(version=table[-4:])
    for split, test_mode in (('train', False), ('valid', True)):
        found, expected = (
            records(cls, root, name, test_mode=test_mode, **kwargs)
            for name in (f'out/{table}_{split}.json', f'{split}.json'))
        assert found == expected


@pytest.mark.parametrize('version', ['2019', '2021'])
def test_mmdet_reads_the_result(tree, version):
    table = f'youtube_vis_{version}'
    vis = tree(table)
    vis.data['annotations'][0]['id'] = 0  # for mmdet, id 0 is none
    root = tree(table).root
    vis.masks[0] = vis.masks.pop(1)
    convert_vis(str(root), str(root), table, ['train'])
    dataset = YouTubeVISDataset(
        dataset_version=version,
        data_root=str(root),
        ann_file=f'{table}_train.json',
        data_prefix=dict(img_path='JPEGImages'))
    classes, seen = dataset.metainfo['classes'], set()
    assert len(dataset) == 2
    for i in range(2):
        video = dataset.get_data_info(i)
        assert video['video_length'] == 4
        for t, image in enumerate(video['images']):
            assert image['frame_id'] == t
            assert os.path.isfile(image['img_path'])
            for obj in image['instances']:
                track = obj['instance_id'] - 1
                mask = vis.masks[track][t]
                assert np.array_equal(mask_utils.decode(obj['mask']), mask)
                rows, cols = np.nonzero(mask)
                assert obj['bbox'] == [
                    cols.min(),
                    rows.min(),
                    cols.max() + 1,
                    rows.max() + 1
                ]
                name = NAMES[table][int(track in (2, 4))]
                assert classes[obj['bbox_label']] == name
                seen.add((track, t))
    assert len(seen) == 14


def test_a_second_call_does_what_is_missing(tree, vis):
    root = tree('ovis').root
    sound = (root / 'valid.json').read_text()
    (root / 'valid.json').write_text('{"videos": 3}')
    args = str(root), str(root / 'out'), 'ovis', ['train', 'valid']
    with pytest.raises(AnnotationError, match='valid.json: '):
        convert_vis(*args)
    target = root / 'out/ovis_train.json'
    assert not (root / 'out/ovis_valid.json').exists()
    before = target.stat().st_mtime_ns
    (root / 'valid.json').write_text(sound)
    assert [n and n['objects']
            for n in convert_vis(*args).values()] == [None, 0]
    assert list(convert_vis(*args).values()) == [None, None]
    assert target.stat().st_mtime_ns == before
    vis.data['annotations'].pop()
    tree('ovis')
    assert convert_vis(*args)[str(target)]['objects'] == 11


def test_files_of_others_are_kept(tree):
    root = tree('ovis').root
    for text in ('{"videos": []}', '{"info": {"year": 2020}}', 'x',
                 '{"info": 3}'):
        (root / 'ovis_train.json').write_text(text)
        with pytest.raises(AnnotationError, match='not written by this'):
            convert_vis(str(root), str(root), 'ovis', ['train'])
        assert (root / 'ovis_train.json').read_text() == text


def test_another_version_is_noticed(tree):
    vis = tree('youtube_vis_2021')
    root, text = vis.root, json.dumps(vis.data).replace('whale', 'dog')
    (root / 'train.json').write_text(text)
    with pytest.raises(AnnotationError) as error:
        convert_vis(str(root), str(root), 'youtube_vis_2019', ['train'])
    assert str(error.value) == (
        f"{root / 'train.json'}: unknown category 'flying_disc', expected the "
        '40 of youtube_vis_2019; is it another version?')


def test_places_of_the_archives(tree):
    root = str(tree('ovis', 'annotations/annotations_train.json').root)
    assert find_vis_json(root, 'train').endswith('annotations_train.json')
    shutil.move(f'{root}/annotations', f'{root}/train')
    os.rename(f'{root}/train/annotations_train.json',
              f'{root}/train/instances.json')
    assert find_vis_json(root, 'train').endswith('train/instances.json')
    with pytest.raises(FileNotFoundError) as error:
        find_vis_json(root, 'test')
    assert str(error.value) == (
        f'{root}: no JSON of the split test, expected one of test.json, '
        'test/instances.json, annotations_test.json, annotations/'
        'annotations_test.json, annotations/test.json, annotations/'
        'instances_test.json, instances_test.json')
