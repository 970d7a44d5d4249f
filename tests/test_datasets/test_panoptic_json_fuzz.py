"""Broken panoptic files end in a clean error or are read rightly."""
import copy
import os

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmengine.logging import MMLogger

from mmvis_plugin.datasets.class_tables import normalise_name, table_categories
from mmvis_plugin.datasets.transforms import LoadFramePanoptic
from mmvis_plugin.utils.errors import AnnotationError
from .mutations import assert_clean, check_mutations, stacked_mutation
from .panoptic_data import KINDS, PanopticData
from .test_vipseg_raw import RawData

NUM = 500  # files of each form and test
MISSING = ('delete', 'null', 'type')
RECORD = ('null', 'type', 'repeat', 'empty')
NAME = (*MISSING, 'empty', 'cut', 'text')
NUMBER = (*MISSING, 'nan', 'fraction', 'zero', 'negative', 'huge', 'nudge')
SEGMENTS = {
    '{}.image_id': NAME,
    '{}.file_name': (*NAME, 'borrow'),
    '{}.segments_info': (*MISSING, 'empty', 'cut'),
    '{}.segments_info.*': (*RECORD, 'delete', 'borrow'),
    '{}.segments_info.*.id': '*',
    '{}.segments_info.*.category_id': (*MISSING, 'nan', 'fraction', 'huge'),
    '{}.segments_info.*.area': NUMBER,
    '{}.segments_info.*.iscrowd': ('null', 'nan', 'fraction', 'huge'),
}
IMAGES = {
    '{}': (*MISSING, 'empty', 'cut'),
    '{}.*': (*RECORD, 'delete'),
    '{}.*.id': NAME,
    '{}.*.file_name': NAME,
    '{}.*.width': NUMBER,
    '{}.*.height': NUMBER,
}
COMMON = {
    'categories': (*MISSING, 'empty'),
    'categories.*': (*RECORD, ),
    'categories.*.id': (*MISSING, 'nan', 'fraction', 'huge'),
    'categories.*.name': (*MISSING, 'empty'),
    'categories.*.isthing': ('nan', 'fraction', 'huge', 'null'),
    'annotations': (*MISSING, 'empty', 'cut'),
    'annotations.*': (*RECORD, 'delete'),
}
FLAT = {
    **COMMON,
    **{
        k.format('images'): v
        for k, v in IMAGES.items()
    },
    **{
        k.format('annotations.*'): v
        for k, v in SEGMENTS.items()
    },
}
NESTED = {
    **COMMON,
    'videos': (*MISSING, 'empty', 'cut'),
    'videos.*': (*RECORD, 'delete'),
    'videos.*.video_id': NAME,
    'annotations.*.video_id': NAME,
    'annotations.*.annotations': (*MISSING, 'empty', 'cut'),
    'annotations.*.annotations.*': (*RECORD, 'delete'),
    **{
        k.format('videos.*.images'): v
        for k, v in IMAGES.items()
    },
    **{
        k.format('annotations.*.annotations.*'): v
        for k, v in SEGMENTS.items()
    },
}


@pytest.fixture(scope='module', autouse=True)
def quiet():
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('ERROR')
    yield
    logger.setLevel(level)


def content(dataset):
    """Read all maps; return what :func:`expected` returns."""
    classes, load = dataset.metainfo['classes'], LoadFramePanoptic()
    videos = []
    for video in dataset.data_list:
        frames = []
        for image in video['images']:
            size = image['height'], image['width']
            try:
                load(dict(image, ori_shape=size))
            except AnnotationError as error:
                assert str(error).startswith(image['seg_map_path'])
                raise AnnotationError(f'gt.json: {error}') from None
            segments = {
                s['id']: (normalise_name(classes[s['category']]),
                          bool(s['iscrowd']), s['area'])
                for s in image['segments_info']
            }
            frames.append(
                (stem_of(image['img_path']),
                 os.path.basename(image['seg_map_path']), size, segments))
        videos.append((video['video_name'], frames))
    return videos


def stem_of(path):
    """Return the name of an image; two datasets look for its ending."""
    return os.path.splitext(os.path.basename(path))[0]


def slow_reader(kind):
    """Return a reader that takes the format literally, without checks."""
    official = {c['id']: c['name'] for c in table_categories(kind)}

    def read(tree):
        names = {
            c['id']: normalise_name(official.get(c['id'], c['name']))
            for c in tree['categories']
        }
        if kind == 'vipseg':
            pairs = [
                (video['video_id'], image,
                 next(
                     a for a in next(
                         v for v in tree['annotations']
                         if v['video_id'] == video['video_id'])['annotations']
                     if a['image_id'] == image['id']))
                for video in tree['videos'] for image in video['images']
            ]
        else:
            cut = 4 if kind == 'cityscapes_vps' else 3
            pairs = [(os.path.basename(image['file_name'])[:cut], image,
                      next(a for a in tree['annotations']
                           if a['image_id'] == image['id']))
                     for image in tree['images']]
        videos = {}
        for name, image, annotation in pairs:
            segments = {
                s['id']:
                (names[s['category_id']], bool(s.get('iscrowd')), s['area'])
                for s in annotation['segments_info']
            }
            videos.setdefault(name, []).append(
                (stem_of(image['file_name']),
                 os.path.basename(annotation['file_name']),
                 (image['height'], image['width']), segments))
        # the names of these frames sort as their numbers do
        return [(name, sorted(frames, key=lambda f: f[0]))
                for name, frames in videos.items()]

    return read


def form(kind, root):
    """Return the tree, its reader and what it must notice."""
    made = PanopticData(root, kind, num_categories=6)

    def load(text):
        return content(
            made.build(text, test_mode=False, pipeline=[], check_files='all'))

    notice = dict(NESTED if kind == 'vipseg' else FLAT)
    if kind != 'cityscapes_vps':
        notice.pop('videos.*.images.*.file_name', None)
        notice.pop('images.*.file_name', None)
    return made.data, load, notice


@pytest.mark.parametrize('kind', KINDS)
def test_one_mutation(kind, tmp_path):
    tree, load, notice = form(kind, tmp_path)
    counts = check_mutations(tree, load, 'gt.json', notice, slow_reader(kind),
                             NUM // 2)
    assert min(counts.values()) > NUM / 20, counts


@pytest.mark.parametrize('kind', KINDS)
def test_several_mutations(kind, tmp_path):
    tree, load, _ = form(kind, tmp_path)
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
        found, error = assert_clean(lambda: load(mutation.text), 'gt.json',
                                    mutation)
        if error is None:
            assert found == slow_reader(kind)(mutation.tree), str(mutation)

    check()
    assert tree == before


def test_split_lists_and_masks_of_the_download(tmp_path):
    raw = RawData(tmp_path, frames=1)
    sound = raw.build(test_mode=False).data_list
    path = tmp_path / 'panomasks/v0/00000.png'
    listed, mask = raw.list.read_bytes(), path.read_bytes()
    rng, counts = np.random.default_rng(0), dict(error=0, load=0)
    for seed in range(NUM):
        content, file = (listed, raw.list) if seed % 2 else (mask, path)
        file.write_bytes(_spoilt(content, rng))
        if seed % 10 == 0:  # a sound picture of wrong values
            values = rng.integers(0, 1000, raw.masks[0, 0].shape)
            cv2.imwrite(str(path), values.astype(np.uint16))
        found, error = assert_clean(
            lambda: raw.build(test_mode=False).data_list, 'v', seed)
        counts['load' if error is None else 'error'] += 1
        if error is None and file == path:
            assert found == sound
        raw.list.write_bytes(listed)
        path.write_bytes(mask)
    assert min(counts.values()) > NUM / 20, counts


def _spoilt(content, rng):
    """Cut, repeat or change some bytes."""
    data = bytearray(content)
    at = int(rng.integers(len(data)))
    kind = rng.integers(4)
    if kind == 0:
        return bytes(data[:at])
    if kind == 1:
        return bytes(data + data[at:])
    for _ in range(kind):
        data[int(rng.integers(len(data)))] = int(rng.integers(256))
    return bytes(data)
