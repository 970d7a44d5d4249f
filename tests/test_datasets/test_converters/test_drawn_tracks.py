from collections import Counter

import numpy as np
import pytest
from pycocotools import mask as mask_utils

from mmvis_plugin.datasets.converters.drawn_tracks import (Shape, build_tracks,
                                                           track_keys)
from mmvis_plugin.datasets.converters.shape_masks import box_mask
from mmvis_plugin.utils.errors import AnnotationError

SIZE = (20, 60)


def shape(x, label='a', track=None, **kwargs):
    return Shape(label, track, box_mask([(x, 5), (x + 10, 15)], SIZE),
                 **kwargs)


def groups(frames, rule):
    """Return the position of each track among the tracks, by frame."""
    keys, seen = track_keys(frames, rule, 'v'), {}
    return [[seen.setdefault(k, len(seen)) for k in row] for row in keys]


def test_label_and_id_make_a_track():
    frames = [[shape(0, 'a', 1),
               shape(20, 'b', 1),
               shape(40, 'a', 2)],
              [shape(40, 'a', 2),
               shape(0, 'a', 1),
               shape(15, 'a', 1)]]
    assert groups(frames, 'label') == [[0, 1, 2], [2, 0, 0]]


def test_without_ids_a_label_is_one_object():
    frames = [[shape(0, 'a'), shape(20, 'b')], [], [shape(40, 'a')]]
    assert groups(frames, 'label') == [[0, 1], [], [0]]
    frames[2].append(shape(0, 'a', 7))  # has an id
    assert groups(frames, 'label') == [[0, 1], [], [0, 2]]
    frames[2].append(shape(0, 'a', iscrowd=True))  # a crowd is another thing
    assert groups(frames, 'label') == [[0, 1], [], [0, 2, 3]]
    frames[0].append(shape(30, 'b'))
    with pytest.raises(AnnotationError) as error:
        groups(frames, 'label')
    assert str(error.value) == (
        "v: frame 0 has 2 shapes 'b' without group_id, expected at most one; "
        'give each object its own group_id, or use --missing-id overlap')


def test_without_ids_masks_that_overlap_go_on():
    frames = [
        [shape(0), shape(20), shape(20, 'b')],
        [shape(23), shape(2), shape(40)],  # order changes, one is new
        [],
        [shape(41), shape(25, 'b'), shape(0, 'c')],
        [shape(27)],  # seen two frames before
    ]
    assert groups(frames, 'overlap') == [[0, 1, 2], [1, 0, 3], [], [3, 2, 4],
                                         [1]]


def test_parts_are_joined_and_boxes_kept():
    frames = [[
        shape(0, track=1, is_box=True),
        shape(20, track=1, is_box=True),
        shape(40, track=2),
        shape(70, track=3)
    ], [shape(3, track=1, is_box=True)]]
    keys = track_keys(frames, 'label', 'v')
    drops = Counter()
    first, second = build_tracks(frames, keys, False, drops)
    assert drops == {'shape without a pixel in the frame': 1}
    mask = np.zeros(SIZE, dtype=np.uint8)
    mask[5:15, :10] = mask[5:15, 20:30] = 1
    assert np.array_equal(mask_utils.decode(first['segmentations'][0]), mask)
    assert first['bboxes'] == [[0, 5, 30, 10], [3, 5, 10, 10]]
    assert first['areas'] == [200, 100]
    assert second['segmentations'][1] is None is second['bboxes'][1]
    first, second = build_tracks(frames, keys, True, drops)
    assert 'segmentations' not in first and 'segmentations' in second
