"""VIPSeg from a split list and 16 bit masks."""
import os
import shutil

import cv2
import mmcv
import numpy as np
import pytest

from mmvis_plugin.datasets import VIPSeg, vipseg, vipseg_raw
from mmvis_plugin.datasets.vipseg_raw import (read_split_list,
                                              segments_of_values)
from mmvis_plugin.structures import write_panoptic_map
from mmvis_plugin.utils.errors import AnnotationError
from .panoptic_data import LOAD

HEIGHT, WIDTH, FRAMES = 8, 12, 2
DOOR, WINDOW = 2, 8  # things; wall is 0, ceiling is 1


class RawData:
    """Two videos with a wall, an unnumbered window and two doors."""

    def __init__(self, root, frames=FRAMES):
        self.root = root
        self.masks = {}
        for v in range(2):
            for t in range(frames):
                mask = np.full((HEIGHT, WIDTH), 1, np.uint16)
                mask[:, 0] = 0
                mask[2:4, 2:4] = WINDOW + 1
                mask[4:6, 5 + t:8] = 100 * (DOOR + 1)
                mask[6:8, 5:8 - v] = 100 * (DOOR + 1) + 7
                self.put(v, t, mask)
                mmcv.imwrite(
                    np.zeros((HEIGHT, WIDTH, 3), np.uint8),
                    str(root / f'imgs/v{v}/{t:05d}.jpg'))
        # the last line has no end
        self.list = root / 'val.txt'
        self.list.write_text('v1\r\n\nv0')

    def put(self, v, t, mask):
        self.masks[v, t] = mask
        path = self.root / f'panomasks/v{v}/{t:05d}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), mask)

    def build(self, **kwargs):
        kwargs.setdefault('test_mode', True)
        return VIPSeg(
            ann_file='val.txt',
            data_root=str(self.root),
            data_prefix=dict(img_path='imgs/', seg_map_path='panomasks/'),
            pipeline=LOAD,
            serialize_data=False,
            **kwargs)


@pytest.fixture
def raw(tmp_path):
    return RawData(tmp_path)


def test_segments_come_from_the_values(raw):
    dataset = raw.build()
    assert [dataset.get_data_info(i)['video_name']
            for i in range(2)] == ['v1', 'v0']
    label_of = {
        category: label
        for label, category in enumerate(dataset.metainfo['label2cat'])
    }
    for v in range(2):
        clip = dataset[1 - v]['data_samples']
        for t in range(FRAMES):
            mask = raw.masks[v, t]
            segments = {s['id']: s for s in clip[t].segments_info}
            found = {
                i: (label_of[c], c != 0, int((mask == i).sum()))
                for i, c in ((1, 0), (9, WINDOW), (300, DOOR), (307, DOOR))
            }
            assert found == {
                i: (s['category'], s['is_thing'], s['area'])
                for i, s in segments.items()
            }
            assert np.array_equal(clip[t].gt_panoptic_seg.pan_seg[0], mask)
            assert len(clip[t].gt_instances) == 3
            assert clip[t].src_frame == t and clip[t].src_img_id == f'{t:05d}'


@pytest.mark.parametrize('values, text', [
    ([200], None),
    ([124, 12399], None),
    ([201], 'value 201 stands for instance 1 of category 1, which is not'),
    ([125], 'value 125 stands for instance 25 of category 0, which is not'),
    ([12500], 'instance 0 of category 124, which is not a thing'),
])
def test_meaning_of_values(values, text):
    things = {DOOR, WINDOW, 122}
    args = np.array(values), np.full(len(values), 3), things, 124
    if text is not None:
        with pytest.raises(ValueError, match=text):
            segments_of_values(*args)
        return
    segments, void = segments_of_values(*args)
    assert void == [v for v in values if v == 200]
    assert segments == [
        dict(id=i, category_id=c, iscrowd=0, area=3)
        for i, c in ((124, 123), (12399, 122)) if i in values
    ]


def test_value_200_is_void_with_a_warning(raw, monkeypatch):
    told = []
    monkeypatch.setattr(vipseg_raw.MMLogger, 'get_current_instance',
                        lambda: type('', (), dict(warning=told.append)))
    mask = raw.masks[0, 1].copy()
    mask[0, 5:9] = 200
    raw.put(0, 1, mask)
    source = vipseg_raw.parse_vipseg_raw(
        str(raw.list), str(raw.root / 'imgs'), str(raw.root / 'panomasks'),
        vipseg.table_categories('vipseg'))
    assert told == [
        f'{raw.list}: masks of 1 frames of 1 videos have pixels '
        'of value 200, taken as void'
    ]
    assert source.videos[1]['images'][1]['void_ids'] == [200]
    monkeypatch.undo()
    frame = raw.build()[1]['data_samples'][1]
    pan = frame.gt_panoptic_seg.pan_seg[0].numpy()
    assert np.array_equal(pan, np.where(mask == 200, 0, mask))


def test_masks_that_are_none(raw):
    path = raw.root / 'panomasks/v1/00000.png'
    raw.put(1, 0, np.full((HEIGHT, WIDTH), 201, np.uint16))
    with pytest.raises(
            AnnotationError,
            match=f'{path} .video v1 of .*val.txt.: value 201 stands'):
        raw.build()
    write_panoptic_map(str(path), np.ones((HEIGHT, WIDTH), int))
    with pytest.raises(
            AnnotationError,
            match=rf'{path}: image of shape .*, 3. and type uint8, expected '
            '1 channel of ids'):
        raw.build()
    raw.put(1, 0, np.ones((HEIGHT, WIDTH - 1), np.uint16))
    with pytest.raises(
            AnnotationError,
            match=rf'00000.jpg \(video v1, frame 0\): image size .*{WIDTH}.*, '
            f'expected .*{WIDTH - 1}'):
        raw.build()[0]
    os.remove(path)
    with pytest.raises(
            FileNotFoundError, match=f'{path} .video v1 of .*: no mask of'):
        raw.build()


def test_split_without_masks(raw):
    shutil.rmtree(raw.root / 'panomasks')
    with pytest.raises(AnnotationError, match='no annotations in .*val.txt'):
        raw.build(test_mode=False)
    clip = raw.build()[0]['data_samples']
    assert [frame.has_ann for frame in clip] == [False] * FRAMES
    assert clip[0].gt_panoptic_seg.pan_seg.shape == (1, HEIGHT, WIDTH)
    (raw.root / 'imgs/v1/00000.jpg').write_bytes(b'')
    with pytest.raises(AnnotationError, match='00000.jpg: cannot be read'):
        raw.build()


@pytest.mark.parametrize('text, error, match', [
    ('v0\nv9\n', FileNotFoundError, 'imgs/v9 .frames of video v9 of .*val.tx'),
    ('v0\nv1\nv0', AnnotationError, 'line 3 repeats video v0 of line 1'),
    ('../v0', AnnotationError, "line 1 is '../v0', expected the name of a"),
    ('v0\n..\n', AnnotationError, "line 2 is '..', expected the name of a"),
    ('v\x00', AnnotationError, 'line 1 is .*printable'),
    ('v' * 300, FileNotFoundError, 'imgs/v'),
    (' \n\n', AnnotationError, 'val.txt: no video'),
])
def test_broken_lists(raw, text, error, match):
    raw.list.write_text(text)
    with pytest.raises(error, match=match) as caught:
        raw.build()
    assert '\n' not in str(caught.value)


def test_list_missing_or_no_text(raw):
    raw.list.write_bytes(b'v0\n\xff')
    with pytest.raises(AnnotationError, match='val.txt: not a text .*byte 3'):
        read_split_list(str(raw.list))
    os.remove(raw.list)
    with pytest.raises(
            FileNotFoundError,
            match='annotation file .*val.txt not found .from data_root, ann'):
        raw.build()


def test_masks_are_read_once(raw, monkeypatch):
    cache = str(raw.root / 'cache')
    first = raw.build(cache_dir=cache, workers=2)
    assert os.listdir(cache) and not any('parts' in f
                                         for f in os.listdir(cache))
    monkeypatch.setattr(vipseg_raw, 'parse_raw_video', None)
    again = raw.build(cache_dir=cache)
    assert again.data_list == first.data_list


def test_finished_videos_outlive_a_stop(raw, monkeypatch):
    cache = str(raw.root / 'cache')
    mask = raw.masks[0, 0]
    raw.put(0, 0, np.full((HEIGHT, WIDTH), 201, np.uint16))
    with pytest.raises(AnnotationError, match='value 201'):
        raw.build(cache_dir=cache)
    raw.put(0, 0, mask)
    done, read = [], vipseg_raw.parse_raw_video

    def parse_raw_video(task):
        done.append(task['name'])
        return read(task)

    monkeypatch.setattr(vipseg_raw, 'parse_raw_video', parse_raw_video)
    assert raw.build(cache_dir=cache).data_list == raw.build().data_list
    assert done == ['v0', 'v1', 'v0']
