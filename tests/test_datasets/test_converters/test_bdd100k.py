"""Conversion of BDD100K MOTS, read by us and by mmdet."""
import json
import os

import pytest
from mmdet.datasets import YouTubeVISDataset

from mmvis_plugin.datasets import BDD100KMOTS
from mmvis_plugin.datasets.class_tables import load_table
from mmvis_plugin.datasets.converters import bdd100k, convert_bdd100k
from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import write_bdd_mots
from mmvis_plugin.utils.errors import AnnotationError


@pytest.fixture
def root(tmp_path):
    cfg = get_cfg('micro', num_train=2, num_val=0, p_crowd=1.)
    write_bdd_mots(str(tmp_path / 'bdd100k'), cfg)
    return tmp_path / 'bdd100k'


def records(root, ann_file):
    dataset = BDD100KMOTS(
        ann_file=ann_file,
        data_root=str(root),
        data_prefix=dict(img_path='images/seg_track_20/train'),
        workers=1,
        serialize_data=False)
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def test_mmdet_reads_the_result(root, tmp_path):
    path = str(tmp_path / 'train.json')
    assert convert_bdd100k(str(root), path, 'train')
    names = [c['name'] for c in load_table('bdd100k_mots')['categories']]
    dataset = YouTubeVISDataset(
        dataset_version='2019', metainfo=dict(classes=names), ann_file=path)
    ours = records(root, path)
    for index, video in enumerate(ours):
        theirs = dataset.get_data_info(index)['images']
        assert len(theirs) == len(video['images'])
        for a, b in zip(theirs, video['images']):
            assert [(i['bbox'], i['bbox_label'], i['instance_id'],
                     i['ignore_flag']) for i in a['instances']
                    ] == [(i['bbox'], i['bbox_label'], i['src_instance_id'],
                           i['ignore_flag']) for i in b['instances']]


def test_goes_on_where_it_was_stopped(root, tmp_path, monkeypatch):
    target, calls = str(tmp_path / 'out.json'), []
    read = bdd100k.read_video

    def failing(task):
        calls.append(task.name)
        if task.name == 'train_0001' and len(calls) == 2:
            raise AnnotationError('stopped')
        return read(task)

    monkeypatch.setattr(bdd100k, 'read_video', failing)
    with pytest.raises(AnnotationError, match='stopped'):
        convert_bdd100k(str(root), target, 'train')
    assert not os.path.exists(target)
    assert convert_bdd100k(str(root), target, 'train')
    assert calls == ['train_0000', 'train_0001', 'train_0001']
    assert sorted(os.listdir(tmp_path)) == ['bdd100k', 'out.json']
    expected = records(root, 'labels/seg_track_20/bitmasks/train')
    assert records(root, target) == expected


def test_objects_of_other_categories(root, tmp_path):
    path = root / 'labels/seg_track_20/rles/train/train_0000.json'
    frames = json.loads(path.read_text())
    frames[0]['labels'][0]['category'] = 'tram'
    path.write_text(json.dumps(frames))
    target = str(tmp_path / 'out.json')
    with pytest.raises(
            AnnotationError, match="0000.json: unknown category 't"):
        convert_bdd100k(str(root), target, 'train', 'rles')
    assert convert_bdd100k(str(root), target, 'train', 'rles', unknown='drop')
    found, expected = records(root, target), records(
        root, 'labels/seg_track_20/bitmasks/train')
    counts = [
        sum(len(image['instances']) for image in videos[0]['images'])
        for videos in (found, expected)
    ]
    assert counts[0] == counts[1] - 1
    assert found[1]['images'][0]['instances'][0]['mask'] == expected[1][
        'images'][0]['instances'][0]['mask']
