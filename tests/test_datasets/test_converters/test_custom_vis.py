import argparse
import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_utils

from mmvis_plugin.datasets import YouTubeVIS
from mmvis_plugin.datasets.converters import custom_vis
from mmvis_plugin.datasets.converters.custom_vis import (check_options,
                                                         convert_videos,
                                                         video_record)
from mmvis_plugin.datasets.converters.drawn_tracks import Shape
from mmvis_plugin.datasets.converters.shape_masks import box_mask
from mmvis_plugin.datasets.hold_out import hold_out_names
from mmvis_plugin.utils.cli import UsageError
from mmvis_plugin.utils.errors import AnnotationError

SIZE = (40, 60)


def options(out, **kwargs):
    defaults = dict(
        output=str(out),
        val_ratio=0.,
        classes=None,
        missing_id='label',
        keep_boxes=False,
        workers=1)
    return argparse.Namespace(**{**defaults, **kwargs})


@pytest.fixture
def videos(tmp_path):
    """Return a function that converts four videos, and what it reads."""
    calls = []
    for v in range(4):
        folder = tmp_path / f'v{v}'
        folder.mkdir()
        for t in range(3):
            Image.new('RGB', SIZE[::-1]).save(folder / f'{t}.png')

    def read(name):
        calls.append(name)
        v = int(name[1:])
        frames = [
            [Shape('cat', None, box_mask([(v, t), (v + 9, 20)], SIZE))] +
            ([Shape('dog', 5, box_mask([(30, 20),
                                        (40, 30)], SIZE))] if t == 1 else [])
            for t in range(3)
        ]
        return video_record(
            name, [f'{name}/{t}.png' for t in range(3)], [SIZE] * 3, frames,
            dict(classes=args.classes, missing_id='label', keep_boxes=False),
            Counter(), name)

    def convert(stamp='0', **kwargs):
        nonlocal args
        args = options(tmp_path / 'out', **kwargs)
        names = [f'v{v}' for v in range(4)]
        stamps = {name: '0' for name in names}
        stamps['v2'] = stamp
        return convert_videos(read, {n: n for n in names}, stamps, args)

    args = None
    return convert, calls


def load(tmp_path, name, **kwargs):
    dataset = YouTubeVIS(
        ann_file=f'out/{name}.json',
        data_root=str(tmp_path),
        data_prefix=dict(img_path=''),
        **kwargs)
    return {
        v['video_name']: v
        for v in map(dataset.get_data_info, range(2))
    } if len(dataset) == 2 else dataset


def test_the_data_set_reads_both_files(videos, tmp_path):
    convert, _ = videos
    lines = convert(val_ratio=0.5)
    assert lines == [
        f'{tmp_path}/out/{name}.json: written, 2 videos, 6 frames, 4 tracks, '
        '2 classes' for name in ('train', 'valid')
    ]
    train, valid = load(tmp_path, 'train'), load(tmp_path, 'valid')
    names = [f'v{v}' for v in range(4)]
    assert set(valid) == set(hold_out_names(names, 50))
    for name, video in {**train, **valid}.items():
        v = int(name[1:])
        for t, image in enumerate(video['images']):
            masks = [mask_utils.decode(o['mask']) for o in image['instances']]
            expected = np.zeros((2, *SIZE), dtype=np.uint8)
            expected[0, t:20, v:v + 9] = 1
            expected[1, 20:30, 30:40] = 1
            count = 2 if t == 1 else 1
            assert np.array_equal(masks, expected[:count])
            labels = [o['bbox_label'] for o in image['instances']]
            assert labels == [0, 1][:count]
    ids = {
        o['instance_id']
        for video in train.values()
        for image in video['images']
        for o in image['instances']
    }
    assert ids == {1, 2, 3, 4}


def test_a_second_call_does_nothing_and_a_change_is_seen(videos, tmp_path):
    convert, calls = videos
    assert convert()[0].endswith('4 videos, 12 frames, 8 tracks, 2 classes')
    assert not (tmp_path / 'out/valid.json').exists()
    assert convert() == [
        f'{tmp_path}/out/train.json: already there, nothing to do'
    ]
    assert len(calls) == 4
    assert 'written' in convert(stamp='1')[0]
    assert 'written' in convert(val_ratio=0.3)[1]
    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == [
        'train.json', 'valid.json'
    ]


def test_after_a_stop_only_the_rest_is_read(videos, monkeypatch):
    convert, calls = videos
    monkeypatch.setattr(custom_vis, 'join_videos', lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        convert()
    monkeypatch.undo()
    convert(stamp='1')
    assert calls == ['v0', 'v1', 'v2', 'v3', 'v2']


def test_chosen_classes(videos, tmp_path):
    convert, _ = videos
    lines = convert(classes=['bird', 'dog'])
    assert lines[1:] == ["left out 12: shape of 'cat', not in --classes"]
    data = json.loads((tmp_path / 'out/train.json').read_text())
    assert data['categories'] == [
        dict(id=1, name='bird'),
        dict(id=2, name='dog')
    ]
    assert {a['category_id'] for a in data['annotations']} == {2}
    with pytest.raises(AnnotationError, match='no object in any video, expe'):
        convert(classes=['bird'])


def test_files_of_others_are_kept(videos, tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/train.json').write_text('{"videos": []}')
    with pytest.raises(AnnotationError, match='not written by this convert'):
        videos[0]()
    assert (tmp_path / 'out/train.json').read_text() == '{"videos": []}'


@pytest.mark.parametrize('kwargs, message', [
    (dict(workers=0), '--workers 0'),
    (dict(val_ratio=1.), '--val-ratio 1.0'),
    (dict(val_ratio=-.1), '--val-ratio -0.1'),
    (dict(classes=['a', 'b', 'a']), "--classes names 'a' twice"),
])
def test_wrong_options(kwargs, message):
    with pytest.raises(UsageError, match=message):
        check_options(options('out', **kwargs))
