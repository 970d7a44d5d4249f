import numpy as np
import pytest

from mmvis_plugin.evaluation.functional.track_inputs import (
    check_length, count_frames, get_field, group_by_video, is_number,
    reduce_by_category)
from mmvis_plugin.utils.errors import AnnotationError

VIDEOS = {1: dict(id=1, length=2), 2: dict(id=2, file_names=['a', 'b', 'c'])}


def keep(item, video, name):
    return dict(item, seen=(video['id'], name))


def test_items_are_grouped_in_order_and_checked_once():
    items = [
        dict(video_id=v, category_id=5, score=.5, at=i)
        for i, v in enumerate([2, 1, 2])
    ]
    grouped = group_by_video(items, 'prediction', VIDEOS, {5}, keep)
    assert [item['at'] for item in grouped[2]] == [0, 2]
    assert grouped[1][0]['seen'] == (1, 'prediction 1')
    assert grouped[7] == []


@pytest.mark.parametrize('change, message', [
    (dict(video_id=9), 'prediction 0: video_id 9 is not among the 2 videos'),
    (dict(category_id=6), r'\(video 1\): category_id 6 is not among the 1'),
    (dict(score='high'), "prediction 0: score 'high', expected a number"),
    (dict(score=float('nan')), 'score nan, expected a number'),
])
def test_items_that_fit_nowhere_are_named(change, message):
    item = {**dict(video_id=1, category_id=5, score=.5), **change}
    with pytest.raises(AnnotationError, match=message):
        group_by_video([item], 'prediction', VIDEOS, {5}, keep)


def test_only_predictions_need_a_score():
    item = dict(video_id=1, category_id=5)
    assert group_by_video([item], 'annotation', VIDEOS, {5}, keep)[1]
    with pytest.raises(AnnotationError, match="key 'score' is missing"):
        group_by_video([item], 'prediction', VIDEOS, {5}, keep)


def test_categories_with_one_side_only_are_reduced():
    found = reduce_by_category([dict(category_id=1)], [dict(category_id=2)], 4,
                               lambda *args: args)
    assert found == {
        1: ([dict(category_id=1)], [], 4),
        2: ([], [dict(category_id=2)], 4)
    }


def test_small_checks():
    assert [count_frames(video) for video in VIDEOS.values()] == [2, 3]
    assert is_number(np.float32(1)) and not is_number('1')
    check_length(None, 'areas', 3, 'x')
    with pytest.raises(AnnotationError, match='x: 1 areas for 3 frames'):
        check_length([1], 'areas', 3, 'x')
    with pytest.raises(AnnotationError, match="gt: key 'a' is missing"):
        get_field(dict(b=1), 'a', 'gt')
