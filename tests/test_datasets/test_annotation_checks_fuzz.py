"""Broken annotation files end in a clean error or are read rightly."""
import copy
import json

import mmcv
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmengine.logging import MMLogger
from pycocotools import mask as mask_utils

from mmvis_plugin.datasets import OVIS, CocoPseudoVideoDataset, YouTubeVIS
from mmvis_plugin.datasets.object_checks import parse_mask
from .conftest import VisData
from .mutations import (assert_clean, check_mutations, mutate_text,
                        stacked_mutation)
from .naive_readers import (digest, read_coco_instances, read_coco_video,
                            read_vis)

NUM = 500  # files of each form and test
MISSING = ('delete', 'null', 'type')
LIST = (*MISSING, 'empty')
RECORD = ('null', 'type', 'repeat', 'empty')
NO_ID = (*MISSING, 'nan', 'fraction')
NO_REF = (*NO_ID, 'zero', 'negative', 'huge')
NO_NUMBER = ('type', 'nan', 'negative', 'huge')
NUMBERS = ('delete', 'null', 'type', 'repeat', 'nan', 'huge')
MASK = {
    '{}.size': '*',
    '{}.size.*': '*',
    '{}.counts': (*MISSING, 'empty', 'cut'),
    '{}.counts.*': (*NUMBERS, 'negative', 'fraction', 'nudge'),
}
CATEGORIES = {
    'categories': LIST,
    'categories.*': (*RECORD, 'delete'),
    'categories.*.id': '*',
    'categories.*.name': (*MISSING, 'empty', 'borrow')
}
VIS = {
    **CATEGORIES,
    'videos': (*LIST, 'cut'),
    'videos.*': (*RECORD, 'delete'),
    'videos.*.id': '*',
    'videos.*.width': '*',
    'videos.*.height': '*',
    'videos.*.length': ('null', 'type', 'nudge', 'nan', 'huge', 'zero'),
    'videos.*.file_names': (*LIST, 'cut'),
    'videos.*.file_names.*': (*RECORD, 'delete', 'swap', 'cut', 'text'),
    'annotations': LIST,
    'annotations.*': RECORD,
    'annotations.*.id': (*NO_ID, 'borrow'),
    'annotations.*.video_id': NO_REF,
    'annotations.*.category_id': NO_REF,
    'annotations.*.iscrowd': ('nan', 'huge', 'fraction', 'negative'),
    'annotations.*.segmentations': ('type', 'empty', 'cut'),
    'annotations.*.segmentations.*': ('type', 'repeat', 'delete'),
    'annotations.*.bboxes': ('type', 'empty', 'cut'),
    'annotations.*.bboxes.*': ('type', 'repeat', 'delete', 'empty', 'cut'),
    'annotations.*.bboxes.*.*': NUMBERS,
    'annotations.*.areas': ('type', 'empty', 'cut'),
    'annotations.*.areas.*': (*NO_NUMBER, 'repeat', 'delete'),
    **{
        k.format('annotations.*.segmentations.*'): v
        for k, v in MASK.items()
    },
}
COCO_OBJECT = {
    'annotations': LIST,
    'annotations.*': RECORD,
    'annotations.*.id': (*NO_ID, 'borrow'),
    'annotations.*.image_id': NO_REF,
    'annotations.*.category_id': NO_REF,
    'annotations.*.iscrowd': ('nan', 'huge', 'fraction', 'negative'),
    'annotations.*.bbox': ('type', 'empty', 'cut'),
    'annotations.*.bbox.*': NUMBERS,
    'annotations.*.area': ('type', 'nan', 'negative'),
    **{
        k.format('annotations.*.segmentation'): v
        for k, v in MASK.items()
    },
}
IMAGES = {
    'images': LIST,
    'images.*': (*RECORD, 'delete'),
    'images.*.id': '*',
    'images.*.file_name': (*MISSING, 'empty', 'text', 'cut')
}
COCO_VIDEO = {
    **CATEGORIES,
    **IMAGES,
    **COCO_OBJECT,
    'videos': (*LIST, 'cut'),
    'videos.*': (*RECORD, 'delete'),
    'videos.*.id': '*',
    'images.*.video_id': NO_REF,
    'images.*.frame_id': NO_ID,
    'images.*.width': '*',
    'images.*.height': '*',
    'annotations.*.video_id': ('null', 'type', *NO_REF[3:]),
    'annotations.*.instance_id': NO_ID,
}
COCO = {
    **CATEGORIES,
    **IMAGES,
    **COCO_OBJECT,
    'categories.*.name': (*MISSING, 'empty'),
    'images.*.width': NO_REF,
    'images.*.height': NO_REF,
}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('ERROR')
    yield tmp_path_factory.mktemp('fuzz')
    logger.setLevel(level)


def vis_tree(folder, names=('disc', 'square')):
    """Masks in all three forms, a crowd track, a track of boxes."""
    vis = VisData(folder)
    for category, name in zip(vis.data['categories'], names):
        category['name'] = name
    first, second, third, fourth = vis.data['annotations']
    first['segmentations'][1] = [[10, 5, 16, 5, 16, 11, 10, 11]]
    for t, mask in enumerate(vis.masks[3]):
        code = mask_utils.encode(np.asfortranarray(mask))
        third['segmentations'][t] = dict(
            size=code['size'], counts=code['counts'].decode())
    second['iscrowd'] = 1
    del fourth['segmentations'], fourth['areas']
    return vis


def content(dataset):
    """Return what the slow readers return, and free of the file order."""
    classes, videos = dataset.metainfo['classes'], []
    for video in dataset.data_list:
        frames = []
        for image in video['images']:
            objects = [(obj['src_instance_id'], classes[obj['bbox_label']],
                        bool(obj['ignore_flag']), obj['bbox'], obj['area'],
                        mask_digest(obj, image)) for obj in image['instances']]
            frames.append((image['file_name'],
                           sorted(objects, key=lambda entry: entry[0])))
        videos.append((video['video_id'], frames))
    return videos


def mask_digest(obj, image):
    if 'mask' not in obj:
        return None
    rle = parse_mask(obj['mask'], image['height'], image['width'], {})
    return digest(mask_utils.decode(rle))


def vis_loader(vis, cls=YouTubeVIS, **kwargs):

    def load(text):
        (vis.root / 'train.json').write_text(text)
        return content(
            cls(ann_file='train.json',
                data_root=str(vis.root),
                data_prefix=dict(img_path='JPEGImages'),
                check_files='all',
                serialize_data=False,
                **kwargs))

    return load


def youtube_vis(folder):
    vis = vis_tree(folder)
    return vis.data, vis_loader(vis), 'train.json', VIS, read_vis


def ovis(folder):
    vis = vis_tree(folder, ('Vehicle', 'Giant_panda'))

    def expected(tree):
        text = json.dumps(read_vis(tree))
        videos = json.loads(text.replace('Vehicle', 'Vehical'))
        return [(v, [(f, [tuple(o) for o in objects])
                     for f, objects in frames]) for v, frames in videos]

    return vis.data, vis_loader(vis, OVIS), 'train.json', VIS, expected


def coco_video(folder):
    vis = VisData(folder)
    data = vis.coco_video()
    data['annotations'][0]['segmentation'] = [[10, 5, 16, 5, 16, 11, 10, 11]]
    del data['annotations'][5]['segmentation']
    return data, vis_loader(vis), 'train.json', COCO_VIDEO, read_coco_video


def coco_instances(folder):
    images = []
    for i in (7, 9):
        name = f'{i:012d}.png'
        mmcv.imwrite(np.zeros((40, 60, 3), np.uint8), str(folder / name))
        images.append(dict(id=i, file_name=name, height=40, width=60))
    annotations = []
    code = dict(size=[40, 60], counts=[5, 600, 1795])
    square = [[4, 4, 20, 4, 20, 20, 4, 20], [30, 4, 36, 4, 36, 9]]
    for i, (image, category, mask) in enumerate([(7, 3, square), (7, 1, code),
                                                 (7, 74, square),
                                                 (9, 3, square)]):
        annotations.append(
            dict(
                id=i + 1,
                image_id=image,
                category_id=category,
                bbox=[4, 4, 16, 16],
                area=256,
                iscrowd=int(isinstance(mask, dict)),
                segmentation=mask))
    categories = [
        dict(id=i, name=name)
        for i, name in ((1, 'person'), (3, 'car'), (74, 'mouse'))
    ]
    tree = dict(images=images, categories=categories, annotations=annotations)
    class_map = {1: 'someone', 3: 'wheels'}

    def load(text):
        (folder / 'coco.json').write_text(text)
        dataset = CocoPseudoVideoDataset(
            class_map=class_map,
            clip_length=2,
            ann_file='coco.json',
            data_root=str(folder),
            check_files='all',
            serialize_data=False)
        videos = content(dataset)
        assert all(frames[0] == frames[1] for _, frames in videos)
        return [(video_id, record['video_name'],
                 sorted((obj[1:] for obj in frames[0][1]), key=repr))
                for (video_id,
                     frames), record in zip(videos, dataset.data_list)]

    # an object of a category without a class is only counted
    loose = ('annotations.*.bbox', 'annotations.*.area', 'annotations.*.isc',
             'annotations.*.segm')
    notice = {k: v for k, v in COCO.items() if not k.startswith(loose)}
    return tree, load, 'coco.json', notice, lambda t: read_coco_instances(
        t, class_map)


FORMS = [youtube_vis, ovis, coco_video, coco_instances]


@pytest.mark.parametrize('form', FORMS)
def test_one_mutation(form, folder):
    tree, load, file, notice, expected = form(folder)
    counts = check_mutations(tree, load, file, notice, expected, NUM)
    assert min(counts.values()) > NUM / 10, counts


@pytest.mark.parametrize('form', FORMS)
def test_several_mutations(form, folder):
    tree, load, file, _, expected = form(folder)
    before = copy.deepcopy(tree)

    @settings(
        max_examples=NUM,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**32))
    def check(seed):
        mutation = stacked_mutation(tree, seed)
        found, error = assert_clean(lambda: load(mutation.text), file,
                                    mutation)
        if error is None:
            assert found == expected(mutation.tree), str(mutation)

    check()
    assert tree == before


def test_the_fuzz_test_can_fail(folder):
    tree, load, file, _, _ = youtube_vis(folder)
    with pytest.raises(AssertionError, match='KeyError'):
        check_mutations(tree, lambda text: json.loads(text)['videos'], file)
    with pytest.raises(AssertionError, match='went unnoticed'):
        check_mutations(tree, lambda text: 1, file)
    with pytest.raises(AssertionError, match='null at info unnoticed'):
        check_mutations(tree, load, file, {'info': '*'})
    with pytest.raises(AssertionError):
        check_mutations(tree, load, file, expected=lambda tree: [])
    assert mutate_text('abc', 5).text == mutate_text('abc', 5).text
