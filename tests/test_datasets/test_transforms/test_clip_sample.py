from collections import Counter

import numpy as np
import pytest

from mmvis_plugin.datasets.transforms import ClipSample


def video(length, empty=()):
    images = [
        dict(
            frame_id=i,
            instances=[]
            if i in empty else [dict(ignore_flag=0, instance_id=1)])
        for i in range(length)
    ]
    return dict(video_id=1, video_name='v', video_length=length, images=images)


def draw(transform, record, times=200, **extra):
    return [transform(dict(record, **extra)) for _ in range(times)]


def frames(results):
    return [tuple(r['frame_id']) for r in results]


@pytest.fixture(autouse=True)
def seed():
    np.random.seed(0)


def test_reference_clips_are_sorted_distinct_and_in_range():
    found = draw(ClipSample(3, frame_range=4), video(20))
    for result in found:
        ids = result['frame_id']
        key = result['key_frame_flags'].index(True)
        assert sum(result['key_frame_flags']) == 1
        assert ids == sorted(set(ids)) and len(ids) == 3
        assert max(abs(i - ids[key]) for i in ids) <= 4
    assert len(
        {r['frame_id'][r['key_frame_flags'].index(True)]
         for r in found}) == 20


def test_whole_video_is_the_default_range():
    spread = max(ids[-1] - ids[0]
                 for ids in frames(draw(ClipSample(3), video(30))))
    assert spread > 20


def test_short_videos_repeat_frames():
    assert frames(draw(ClipSample(3), video(1), 5)) == [(0, 0, 0)] * 5
    for ids in frames(draw(ClipSample(5), video(3))):
        assert list(ids) == sorted(ids) and len(ids) == 5
    dense = ClipSample(5, mode='dense')
    assert frames(draw(dense, video(3), 5)) == [(0, 1, 2, 2, 2)] * 5


def test_every_start_of_a_dense_run_is_equally_likely():
    runs = Counter(frames(draw(ClipSample(3, mode='dense'), video(6), 2000)))
    assert set(runs) == {(i, i + 1, i + 2) for i in range(4)}
    assert min(runs.values()) > 400


@pytest.mark.parametrize('mode', ['ref', 'dense'])
@pytest.mark.parametrize('key', [0, 4, 9])
def test_a_given_key_frame_is_in_the_clip(mode, key):
    found = draw(ClipSample(3, mode=mode), video(10), 50, key_frame_id=key)
    for result in found:
        assert result['frame_id'][result['key_frame_flags'].index(True)] == key


def test_clips_without_an_object_are_drawn_again():
    record = video(12, empty=range(2, 12))
    found = draw(ClipSample(2, mode='dense', max_redraws=1000), record, 50)
    assert all(ids[0] < 2 for ids in frames(found))
    assert ClipSample(2)(video(4, empty=range(4))) is None
    record = video(5000, empty=range(1, 5000))
    assert draw(ClipSample(2, mode='dense'), record, 20).count(None) > 15


def test_ignored_objects_do_not_count():
    record = video(3)
    for image in record['images']:
        image['instances'][0]['ignore_flag'] = 1
    assert ClipSample(2)(record) is None


def test_reversal_and_shuffle():
    always = frames(draw(ClipSample(3, reverse_prob=1.), video(9), 20))
    assert all(list(ids) == sorted(ids, reverse=True) for ids in always)
    mixed = frames(draw(ClipSample(3, shuffle=True), video(9)))
    assert any(list(ids) != sorted(ids) for ids in mixed)
    for result in draw(
            ClipSample(3, shuffle=True), video(9), 20, key_frame_id=4):
        assert result['frame_id'][result['key_frame_flags'].index(True)] == 4


def test_windows_keep_the_length_of_the_video():
    record = video(9)
    record['images'] = record['images'][2:5]
    result = ClipSample(2)(record)
    assert result['ori_video_length'] == [9, 9]
    assert set(result['frame_id']) <= {2, 3, 4}


@pytest.mark.parametrize('options, message', [
    (dict(num_frames=0), 'num_frames=0'),
    (dict(mode='random'), "mode='random'"),
    (dict(mode='dense', frame_range=2), 'frame_range=2'),
    (dict(frame_range=-1), 'frame_range=-1'),
])
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        ClipSample(**options)


def test_frames_share_an_object_with_the_reference_frame():
    record = video(6)
    for i, image in enumerate(record['images']):
        image['instances'] = [
            dict(ignore_flag=0, instance_id=i // 2),
            dict(ignore_flag=1, instance_id=9)
        ]
    sample = ClipSample(2, share_object=True)
    found = set(frames(r for r in draw(sample, record) if r))
    assert found == {(0, 1), (2, 3), (4, 5)}
    record['images'][0]['instances'].pop(0)
    assert sample(dict(record, key_frame_id=1)) is None
    # a still image is its own reference
    assert frames(draw(sample, video(1), 1)) == [(0, 0)]


def test_sharing_needs_a_reference_frame():
    with pytest.raises(ValueError, match="share_object=True.*mode='ref'"):
        ClipSample(2, mode='dense', share_object=True)
