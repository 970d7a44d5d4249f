from collections import Counter

import numpy as np
import pytest

from mmvis_plugin.datasets.synthetic import generate_video, get_cfg
from mmvis_plugin.datasets.synthetic.degrade import degrade
from mmvis_plugin.datasets.synthetic.synth_prediction import SynthPrediction
from mmvis_plugin.evaluation.functional import (MOTSFrame, MOTSVideo,
                                                TrackEvent, TrackRun,
                                                mots_frame, track_events)
from mmvis_plugin.evaluation.functional.mots import COUNTERS


def frame(objects, tracks, overlaps, excused=()):
    """Return a frame of ids with labels and of the IoUs above 0."""
    ious = np.array([[overlaps.get((a, b), 0.) for b in tracks]
                     for a in objects]).reshape(len(objects), len(tracks))
    return MOTSFrame(
        np.array(list(objects), int), np.array(list(objects.values()), int),
        np.array(list(tracks), int), np.array(list(tracks.values()), int),
        ious, ious >= 0.5, np.array([i in excused for i in tracks], bool))


def listed(frames, **kwargs):
    return track_events(frames, **kwargs).events


def test_a_life_with_every_event_of_an_object():
    """Missed, found, lost, found again by another one, mistaken, gone."""
    car = {1: 0}
    result = track_events([
        frame(car, {}, {}),
        frame(car, {7: 0}, {(1, 7): 0.6}),
        frame(car, {7: 0}, {(1, 7): 0.9}),
        frame(car, {7: 0}, {(1, 7): 0.4}),
        frame({}, {}, {}),
        frame(car, {8: 0}, {(1, 8): 0.7}),
        frame(car, {8: 2}, {(1, 8): 0.7}),
        frame({}, {}, {}),
        frame(car, {8: 0}, {(1, 8): 0.7}),
    ])
    assert result.objects == {
        1: [
            TrackRun(0, 1, 'missed', -1),
            TrackRun(1, 3, 'tracked', 7),
            TrackRun(3, 4, 'missed', -1),
            TrackRun(5, 6, 'tracked', 8),
            TrackRun(6, 7, 'wrong_class', 8),
            TrackRun(8, 9, 'tracked', 8)
        ]
    }
    assert result.tracks == {
        7: [TrackRun(1, 3, 'tracked', 1),
            TrackRun(3, 4, 'false', -1)],
        8: [
            TrackRun(5, 6, 'tracked', 1),
            TrackRun(6, 7, 'wrong_class', 1),
            TrackRun(8, 9, 'tracked', 1)
        ]
    }
    assert result.events == [
        TrackEvent('miss', 0, 1, 0, 1),
        TrackEvent('birth', 1, 2, 0, 1, 7),
        TrackEvent('miss', 3, 4, 0, 1),
        TrackEvent('stray', 3, 4, 0, -1, 7),
        TrackEvent('fragment', 5, 6, 0, 1, 8),
        TrackEvent('switch', 5, 6, 0, 1, 8, 7),
        TrackEvent('wrong_class', 6, 7, 0, 1, 8),
    ]


def test_two_objects_that_swap_their_tracks():
    both, tracks = {1: 0, 2: 0}, {5: 0, 6: 0}
    right = frame(both, tracks, {(1, 5): 0.9, (2, 6): 0.9})
    wrong = frame(both, tracks, {(1, 6): 0.9, (2, 5): 0.9})
    events = listed([right, right, wrong, wrong])
    assert [e.kind for e in events[:2]] == ['birth', 'birth']
    assert events[2:] == [
        TrackEvent('switch', 2, 3, 0, 1, 6, 5),
        TrackEvent('switch', 2, 3, 0, 2, 5, 6)
    ]


def test_absence_alone_is_no_fragment():
    seen = frame({1: 0}, {5: 0}, {(1, 5): 0.9})
    events = listed([seen, frame({}, {}, {}), seen])
    assert [e.kind for e in events] == ['birth']


def test_an_object_that_is_lost_for_good_is_no_fragment():
    seen = frame({1: 0}, {5: 0}, {(1, 5): 0.9})
    lost = frame({1: 0}, {}, {})
    kinds = [e.kind for e in listed([seen, lost, lost])]
    assert kinds == ['birth', 'miss']


def test_duplicates_and_false_tracks():
    car = {1: 0}
    overlaps = {(1, 5): 0.9, (1, 6): 0.6}
    events = listed([
        frame(car, {
            5: 0,
            6: 3,
            9: 2
        }, overlaps),
        frame(car, {
            5: 0,
            6: 3,
            9: 2
        }, overlaps),
        frame(car, {5: 0}, overlaps),
        frame(car, {
            5: 0,
            9: 2
        }, overlaps),
    ])
    assert events == [
        TrackEvent('birth', 0, 1, 0, 1, 5),
        TrackEvent('duplicate', 0, 2, 3, 1, 6),
        TrackEvent('false_track', 0, 2, 2, -1, 9),
        TrackEvent('false_track', 3, 4, 2, -1, 9)
    ]


def test_the_class_goes_before_the_past_and_the_past_before_the_overlap():
    first = frame({1: 0}, {5: 0}, {(1, 5): 0.9})
    stays = frame({1: 0}, {5: 0, 6: 0}, {(1, 5): 0.5, (1, 6): 0.9})
    switches = frame({1: 0}, {5: 1, 6: 0}, {(1, 5): 0.9, (1, 6): 0.5})
    kinds = [e.kind for e in listed([first, stays])]
    assert kinds == ['birth', 'duplicate']
    kinds = [e.kind for e in listed([first, switches])]
    assert kinds == ['birth', 'switch', 'duplicate']


def test_as_many_pairs_as_possible():
    """The only partner of object 2 is left to it."""
    overlaps = {(1, 5): 0.9, (1, 6): 0.5, (2, 5): 0.5}
    events = listed([frame({1: 0, 2: 0}, {5: 0, 6: 0}, overlaps)])
    assert [(e.kind, e.object_id, e.track_id)
            for e in events] == [('birth', 1, 6), ('birth', 2, 5)]


def test_ignored_regions_excuse_what_has_no_object():
    frames = [
        frame({1: 0}, {
            5: 0,
            6: 0
        }, {(1, 5): 0.9}, excused=(5, 6)),
    ]
    result = track_events(frames)
    assert [e.kind for e in result.events] == ['birth']
    assert result.tracks[6] == [TrackRun(0, 1, 'excused', -1)]


def test_threshold():
    frames = [frame({1: 0}, {5: 0}, {(1, 5): 0.6})]
    assert [e.kind for e in listed(frames, iou_thr=0.6)] == ['birth']
    kinds = [e.kind for e in listed(frames, iou_thr=0.7)]
    assert kinds == ['miss', 'false_track']
    for wrong in (0, 1.1, float('nan')):
        with pytest.raises(ValueError, match='above 0 and at most 1'):
            track_events(frames, iou_thr=wrong)


def test_nothing():
    assert track_events([]) == ([], {}, {})
    assert track_events([frame({}, {}, {})] * 3) == ([], {}, {})


@pytest.mark.parametrize('kinds', [('drop', 'extra'), ('swap', 'jitter'),
                                   ('swap', 'extra', 'jitter')])
@pytest.mark.parametrize('seed', range(3))
def test_numbers_are_those_of_mots_for_one_class(kinds, seed):
    cfg = get_cfg(
        'micro',
        objects=(5, 5),
        classes=1,
        p_twin=1.,
        num_frames=12,
        seed=seed)
    video = generate_video(cfg, 'val', 0, with_images=False)
    truth = SynthPrediction.from_video(video)
    pred = truth
    for kind in kinds:
        p = dict(jitter=5., drop=0.4).get(kind, 1.)
        pred = degrade(pred, kind, p, seed)
    frames = [
        mots_frame(*pair) for pair in zip(truth.to_mots(), pred.to_mots())
    ]
    oracle = MOTSVideo(1)
    for item in frames:
        oracle.add(item)
    expected = dict(zip(COUNTERS, oracle.counts()[0]))
    result = track_events(frames)
    number = Counter(event.kind for event in result.events)
    length = Counter()
    for event in result.events:
        length[event.kind] += event.stop - event.start
    assert number['switch'] == expected['IDSw']
    assert number['fragment'] == expected['FM']
    assert length['miss'] == expected['FN']
    assert expected['FP'] == (
        length['duplicate'] + length['stray'] + length['false_track'])
    assert number['wrong_class'] == 0
    assert sum(length.values()) > number['birth']
