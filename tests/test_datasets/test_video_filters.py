from collections import Counter

import pytest

from mmvis_plugin.datasets.video_filters import (filter_videos, has_target,
                                                 resolve_filters)


def frame(*tracks, ignored=(), size=(64, 64)):
    instances = [dict(instance_id=t, ignore_flag=0) for t in tracks]
    instances += [dict(instance_id=t, ignore_flag=1) for t in ignored]
    return dict(height=size[0], width=size[1], instances=instances)


def video(name, *frames):
    for i, image in enumerate(frames):
        image.update(frame_id=i, src_frame=i)
    return dict(video_name=name, images=list(frames), video_length=len(frames))


def run(videos, **cfg):
    drops = Counter()
    kept = filter_videos(videos, resolve_filters(cfg), drops)
    return kept, {key: n for key, n in drops.items() if n}


def source_frames(record):
    return [image['src_frame'] for image in record['images']]


def test_empty_frames_go_and_the_rest_is_numbered_anew():
    kept, drops = run(
        [video('a', frame(1), frame(), frame(ignored=[2]), frame(1))])
    assert source_frames(kept[0]) == [0, 3]
    assert [image['frame_id'] for image in kept[0]['images']] == [0, 1]
    assert kept[0]['video_length'] == 2
    assert drops == {'frame without an instance': 2}


def test_empty_frames_stay_on_request():
    kept, drops = run([video('a', frame(), frame(1))], filter_empty_gt=False)
    assert source_frames(kept[0]) == [0, 1] and not drops


def test_segments_are_targets():
    assert has_target(dict(instances=[], segments_info=[dict(id=1)]))
    assert not has_target(dict(instances=[], segments_info=[]))


def test_videos_whose_frames_are_all_gone_are_dropped():
    kept, drops = run([video('a', frame()), video('b', frame(1))])
    assert [v['video_name'] for v in kept] == ['b']
    assert drops['video with too few frames left'] == 1


def test_min_size_min_frames_max_frames_and_names():
    small = video('s', frame(1, size=(31, 90)), frame(1))
    kept, drops = run([small], min_frames=2)
    assert not kept
    assert drops == {
        'frame smaller than min_size': 1,
        'video with too few frames left': 1
    }
    long = video('l', *[frame(1) for _ in range(5)])
    kept, drops = run([long], max_frames=2)
    assert source_frames(kept[0]) == [0, 1]
    assert drops == {'frame beyond max_frames': 3}
    kept, drops = run(
        [video('a', frame(1)), video('b', frame(1))], video_names=['b'])
    assert [v['video_name'] for v in kept] == ['b']
    assert drops == {'video not in video_names': 1}


def test_short_tracks_are_ignored_not_removed():
    kept, drops = run([video('a', frame(1, 2), frame(1), frame(1))],
                      min_track_len=2)
    flags = {
        obj['instance_id']: obj['ignore_flag']
        for obj in kept[0]['images'][0]['instances']
    }
    assert flags == {1: 0, 2: 1}
    assert drops == {'track shorter than min_track_len (ignored)': 1}


def test_unknown_key_names_the_known_ones():
    with pytest.raises(KeyError, match=r"\['min_sise'\].*'min_size'"):
        resolve_filters(dict(min_sise=3))
