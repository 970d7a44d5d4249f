import copy
import json
import random

import pytest

from mmvis_plugin.datasets.hold_out import (hold_out_names, name_digest,
                                            split_videos)
from mmvis_plugin.datasets.synthetic import get_cfg
from mmvis_plugin.datasets.synthetic.writers import (write_cityscapes_vps,
                                                     write_vipseg)
from mmvis_plugin.utils.errors import AnnotationError
from .mutations import assert_clean, single_mutations

NAMES = [f'clip{n:02d}' for n in range(20)]
# written down once; a change would mix everybody's training and validation
RECORDED = ['clip12', 'clip05', 'clip17', 'clip02']


def test_the_choice_is_recorded():
    assert hold_out_names(NAMES, 20) == RECORDED
    assert name_digest('clip00') == '7587484d1003a948b5a5b8318dfbbca1f4934a1f'


def test_the_choice_depends_on_the_names_alone():
    names = list(NAMES)
    random.Random(0).shuffle(names)
    assert hold_out_names(names, 20) == RECORDED
    assert hold_out_names(names, 10) == RECORDED[:2]  # nested
    # a video that is added changes its neighbours only by pushing them out
    more = hold_out_names(names + ['another'], 20)
    assert set(more) <= {*RECORDED, 'another'}


@pytest.mark.parametrize('num, percent, count', [(2, 1, 1), (2, 99, 1),
                                                 (10, 25, 3), (10, 24, 2),
                                                 (3, 50, 2)])
def test_at_least_one_video_on_each_side(num, percent, count):
    assert len(hold_out_names(NAMES[:num], percent)) == count


def test_wrong_calls():
    for percent in (0, 100, -1, float('nan')):
        with pytest.raises(ValueError, match='above 0 and below 100'):
            hold_out_names(NAMES, percent)
    with pytest.raises(AnnotationError, match='1 video.* cannot be split'):
        hold_out_names(['a'], 10)
    with pytest.raises(AnnotationError, match="two videos are named 'a'"):
        hold_out_names(['a', 'b', 'a'], 10)


def names_of(data, key):
    """Videos of the records of a list, by the name of their frames."""
    found = set()
    for record in data[key]:
        text = record.get('file_names') or [record.get('file_name')]
        found.add(text[0].split('/')[0])
    return found


@pytest.mark.parametrize('form', ['vis', 'coco'])
def test_json_with_videos(vis, form):
    data = vis.data if form == 'vis' else vis.coco_video()
    before = copy.deepcopy(data)
    train, val, held = split_videos(data, 'f', 50)
    assert data == before
    assert held == [min(('clip1', 'clip2'), key=name_digest)]
    key = 'videos' if form == 'vis' else 'images'
    assert names_of(val, key) == set(held)
    assert names_of(train, key) == {'clip1', 'clip2'} - set(held)
    for key in {'videos', 'images', 'annotations'} & set(data):
        merged = [r for r in data[key] if r in train[key] or r in val[key]]
        assert merged == data[key]
    assert len(train['annotations']) + len(val['annotations']) == len(
        data['annotations'])
    assert train['categories'] == data['categories'] == val['categories']
    videos = {v['id'] for v in val['videos']}
    assert {a['video_id'] for a in val['annotations']} == videos


@pytest.fixture(scope='module')
def panoptic(tmp_path_factory):
    root, cfg = tmp_path_factory.mktemp('shapes'), get_cfg(
        'micro', num_train=3, num_val=1, num_frames=5)
    write_cityscapes_vps(str(root / 'city'), cfg)
    write_vipseg(str(root / 'vipseg'), cfg)
    return dict(
        city=root / 'city/panoptic_gt_train_city_vps.json',
        vipseg=root / 'vipseg/panoptic_gt_VIPSeg_train.json')


@pytest.mark.parametrize('form', ['city', 'vipseg'])
def test_panoptic_json(panoptic, form):
    data = json.loads(panoptic[form].read_text())
    owner = (lambda r: str(r.get('id', r.get('image_id'))).split('_')[0]
             ) if form == 'city' else lambda r: r['video_id']
    key = 'images' if form == 'city' else 'videos'
    names = sorted({owner(r) for r in data[key]}, key=name_digest)
    train, val, held = split_videos(data, 'f', 34)
    assert held == names[:1]
    for key in (key, 'annotations'):
        assert {owner(r) for r in val[key]} == set(held)
        assert {owner(r) for r in train[key]} == set(names[1:])
        assert len(train[key]) + len(val[key]) == len(data[key])


def test_files_that_cannot_be_split(vis):
    with pytest.raises(AnnotationError, match="f: neither 'videos' nor"):
        split_videos({}, 'f', 10)
    still = dict(images=[dict(id=1), dict(id=2)])
    with pytest.raises(AnnotationError, match='still images have no videos'):
        split_videos(still, 'f', 10)
    vis.data['annotations'][0]['video_id'] = 9
    with pytest.raises(
            AnnotationError,
            match=r'annotations\[0\] belongs to video_id 9, which the'):
        split_videos(vis.data, 'f', 10)
    vis.data['videos'][1]['name'] = 'clip1'
    with pytest.raises(AnnotationError, match='2 videos have 1 names'):
        split_videos(dict(vis.data, annotations=[]), 'f', 10)


@pytest.mark.parametrize('form', ['vis', 'coco'])
def test_mutated_files(vis, form):
    data = vis.data if form == 'vis' else vis.coco_video()
    found = set()
    for mutation in single_mutations(data, 300):
        if isinstance(mutation.tree, dict):
            _, error = assert_clean(
                lambda: split_videos(mutation.tree, 'f.json', 50), 'f.json',
                mutation)
            found.add(error is None)
    assert found == {True, False}
