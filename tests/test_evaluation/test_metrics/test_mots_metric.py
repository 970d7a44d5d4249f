import gc
import math
import pickle
import tracemalloc

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator

from mmvis_plugin.evaluation import MOTSMetric, mots
from mmvis_plugin.evaluation.functional.mots import CLASSES
from mmvis_plugin.registry import METRICS
from mmvis_plugin.structures import encode_masks
from ..mots_cases import build_metric, draw, feed, mots_maps, mots_videos

KEYS = dict(MOTSA='MOTA', MOTSP='MOTP', IDF1='IDF1', IDSw='IDSw')


@pytest.fixture(scope='module', params='ab')
def case(request):
    gt, pred, expected = mots_maps(request.param)
    return mots_videos(gt, pred), expected


def assert_reference(results, expected):
    for key, value in expected['summary'].items():
        if key in KEYS.values() and key != 'IDSw':
            key = {'MOTA': 'MOTSA', 'MOTP': 'MOTSP'}.get(key, key)
            key += '_overall'
        key = {'mMOTA': 'mMOTSA', 'mMOTP': 'mMOTSP'}.get(key, key)
        assert results[f'mots/{key}'] == pytest.approx(
            value, rel=0, abs=1e-9), key
    for name, row in expected['per_class'].items():
        for key, source in KEYS.items():
            if name in ('AVERAGE', 'OVERALL'):
                continue
            value = results[f'mots/{key}_{name}']
            if row[source] is None:
                assert math.isnan(value), (key, name)
            else:
                assert value == pytest.approx(row[source], rel=0, abs=1e-9)


@pytest.mark.parametrize('window', [None, 1, 3])
def test_golden_cases_in_every_mode(case, to_samples, window):
    videos, expected = case
    metric = build_metric(videos, classwise=True)
    feed(metric, to_samples(videos[::-1], window))
    assert_reference(metric.evaluate(len(videos)), expected)
    assert len(expected['summary']) == 13
    assert not metric.results


@pytest.mark.parametrize('world_size', [1, 2, 3])
def test_ranks_and_order_of_videos(case, to_samples, world_size):
    videos, expected = case
    parts = [build_metric(videos, classwise=True) for _ in range(world_size)]
    for index, frames in enumerate(reversed(videos)):
        feed(parts[index % world_size], to_samples([frames], 2))
    records = sum((part.results for part in reversed(parts)), [])
    assert max(len(pickle.dumps(record)) for record in records) < 2000
    # a sampler may give a video to two ranks
    results = parts[0].compute_metrics(records + records[:1])
    assert_reference({f'mots/{k}': v for k, v in results.items()}, expected)


def test_provisional_windows_are_not_scored(case, to_samples):
    videos, expected = case
    metric = build_metric(videos, classwise=True)
    feed(metric, to_samples(videos, 2, provisional=True))
    assert_reference(metric.evaluate(len(videos)), expected)


def test_evaluator_from_a_config(case, to_samples):
    videos, expected = case
    evaluator = Evaluator(METRICS.build(dict(type='MOTSMetric')))
    evaluator.dataset_meta = build_metric(videos).dataset_meta
    for sample in to_samples(videos, None):
        evaluator.process([sample], None)
    results = evaluator.evaluate(len(videos))
    assert results['mots/mMOTSA'] == pytest.approx(
        expected['summary']['mMOTA'], abs=1e-9)
    assert not any('car' in key for key in results)


def majority_maps():
    """Give each predicted track the class of most of its frames."""
    gt, pred, _ = mots_maps('a')
    for video in pred:
        track = video[..., 2].astype(int) * 256 + video[..., 3]
        for i in np.unique(track[track > 0]):
            labels = [f[t == i][0, 0] for f, t in zip(video, track) if i in t]
            video[track == i, 0] = np.bincount(labels).argmax()
    return gt, pred


def test_one_class_per_track_is_an_option(to_samples):
    videos = mots_videos(*mots_maps('a')[:2])
    expected = mots(*majority_maps())
    assert expected['mMOTSA'] != mots(*mots_maps('a')[:2])['mMOTSA']
    metric = build_metric(videos, track_label='majority')
    results = feed(metric, to_samples(videos, 3)).evaluate(3)
    for name, value in results.items():
        assert value == pytest.approx(expected[name[5:]], abs=1e-9), name


CAR, LEFT, RIGHT = 2, (0, 10), (20, 30)


def score(gt, pred, to_samples, edit=None, **kwargs):
    videos = mots_videos([draw(*gt)], [draw(*pred)])
    for frame in videos[0]:
        if edit is not None:
            edit(frame)
    metric = build_metric(videos, **kwargs)
    return feed(metric, to_samples(videos)).evaluate(1)


def test_perfect_and_empty(to_samples):
    frames = [[(700, *LEFT, CAR, 0)]] * 3
    results = score(frames, frames, to_samples, classwise=True)
    for key in ('MOTSA', 'MOTSP', 'IDF1'):
        for name in ('car', 'vehicle', 'overall'):
            value = results.get(f'mots/{key}_{name}')
            assert value == 100
        assert results[f'mots/m{key}'] == 100 / 8
        assert key == 'IDF1' or math.isnan(results[f'mots/{key}_train'])
    results = score(frames, [[]] * 3, to_samples)
    assert results['mots/MOTSA_overall'] == results['mots/IDF1_overall'] == 0
    assert math.isnan(results['mots/MOTSP_overall'])
    assert results['mots/FN'] == 3
    results = score([[]] * 3, frames, to_samples)
    assert results['mots/mMOTSA'] == 0 and results['mots/FP'] == 3
    assert math.isnan(results['mots/MOTSA_overall'])


def test_frames_without_annotation_are_not_scored(to_samples):

    def edit(frame):
        if frame.frame_id == 1:
            frame.set_metainfo(dict(has_ann=False, instances=[]))

    gt = [[(1, *LEFT, CAR, 0)]] * 3
    pred = [gt[0], [(1, *RIGHT, CAR, 0)], gt[0]]
    results = score(gt, pred, to_samples, edit)
    assert results['mots/FP'] == results['mots/FN'] == 0
    assert results['mots/MOTSA_overall'] == 100


def overlap(frame):
    """Let the two predictions of a frame share half of their pixels."""
    pred = frame.pred_track_instances
    whole = draw([(1, 0, 20, CAR, 0)])[0][..., 3]
    part = draw([(1, 10, 20, CAR, 0)])[0][..., 3]
    pred.masks = encode_masks(np.stack([whole, part]))


def test_where_masks_overlap_the_better_one_is_on_top(to_samples):
    frames = [[(1, 0, 10, CAR, 0), (2, 10, 20, CAR, 0)]]

    def first_on_top(frame):
        overlap(frame)
        frame.pred_track_instances.scores = torch.tensor([.9, .2])

    def second_on_top(frame):
        overlap(frame)
        frame.pred_track_instances.scores = torch.tensor([.2, .9])

    results = score(frames, frames, to_samples, second_on_top)
    assert results['mots/MOTSP_overall'] == 100
    results = score(frames, frames, to_samples, first_on_top)
    # the other one is gone
    assert (results['mots/FP'], results['mots/FN']) == (0, 1)
    assert results['mots/MOTSP_overall'] == 50
    results = score(frames, frames, to_samples, second_on_top, min_keep=.6)
    # half of the first is visible: too little
    assert (results['mots/FP'], results['mots/FN']) == (0, 1)
    with pytest.raises(
            ValueError,
            match='frame 0: 40 pixels of tracks .2. are covered by other '
            'tracks'):
        score(frames, frames, to_samples, first_on_top, overlap='error')
    score(frames, frames, to_samples, overlap='error')


def test_overlapping_annotations_are_taken_as_they_are(to_samples):
    frames = [[(1, 0, 10, CAR, 0), (2, 10, 20, CAR, 0)]]

    def edit(frame):
        overlap(frame)
        masks = frame.pred_track_instances.masks
        for item, mask in zip(frame.instances, masks):
            item['mask'] = mask
        frame.pred_track_instances = frame.pred_track_instances[:1]

    results = score(frames, frames, to_samples, edit)
    assert results['mots/MOTSP_overall'] == 100
    assert (results['mots/FP'], results['mots/FN']) == (0, 1)


def test_more_masks_than_the_benchmark_takes_warn_once(to_samples):
    gt = np.zeros((2, 4, 300, 4), dtype=np.uint8)
    gt[..., 0], gt[..., 2] = 3, np.arange(300) >> 8
    gt[..., 3] = np.arange(300) & 255
    gt[:, :, 0] = 0
    videos = mots_videos([gt], [gt])
    with pytest.warns(UserWarning) as warned:
        results = feed(build_metric(videos), to_samples(videos)).evaluate(1)
    messages = [str(w.message) for w in warned if 'clip-0' in str(w.message)]
    assert messages == [
        'video 0 (clip-0), frame 0: 299 predictions; all are scored, the '
        'program of the benchmark fails above 100'
    ]
    assert results['mots/MOTSA_overall'] == 100


def set_pred(key, value):

    def edit(frame):
        frame.pred_track_instances[key] = value

    return edit


def set_gt(key, value):

    def edit(frame):
        frame.instances[0][key] = value

    return edit


TWO = [[(1, *LEFT, CAR, 0), (2, *RIGHT, CAR, 0)]]
BROKEN = dict(size=[4, 40], counts='0P')
BAD = [
    (set_pred('instances_id',
              torch.tensor([2, 2])), r'frame 0: track ids \[2\] appear twice'),
    (set_pred('labels', torch.tensor([0, 8])),
     'frame 0, track 2: label 8, expected 0 to 7'),
    (set_pred('scores',
              torch.tensor([0, math.nan])), 'frame 0, track 2: score nan'),
    (set_pred('masks', [None, None]), 'frame 0: track 1 has no mask'),
    (set_gt('mask', None), 'frame 0: instance 1 has no mask'),
    (set_gt('mask', BROKEN), 'frame 0: instance 1: run-length code breaks'),
    (set_gt('bbox_label', 9), 'frame 0: instance 1 has label 9'),
    (set_gt('instance_id', 2), r'frame 0: instance ids \[2, 2\] are not'),
]


@pytest.mark.parametrize('edit, message', BAD)
def test_bad_frames(to_samples, edit, message):
    with pytest.raises(ValueError, match=message) as error:
        score(TWO, TWO, to_samples, edit)
    assert str(error.value).startswith('video 0 (clip-0), ')
    assert '\n' not in str(error.value)


def test_bad_use(case, to_samples):
    wrong = dict(track_label='given', overlap='top', submission_form='xml')
    for key, value in wrong.items():
        with pytest.raises(ValueError, match=f'{key}={value!r}, expected one'):
            MOTSMetric(**{key: value})
    with pytest.raises(ValueError, match='format_only=True needs outfile'):
        MOTSMetric(format_only=True)
    metric = build_metric(case[0])
    metric.dataset_meta = dict(classes=CLASSES[1:])
    with pytest.raises(ValueError, match='expected .*pedestrian'):
        feed(metric, to_samples(case[0][:1]))


def test_objects_of_missing_videos_are_not_known(case, to_samples):
    videos, _ = case
    for allow, message in ((False, '1 videos of the data set were not'),
                           (True, 'annotations of 1 missing videos')):
        metric = build_metric(videos, allow_missing=allow)
        feed(metric, to_samples(videos[1:]))
        with pytest.raises(ValueError, match=message):
            metric.evaluate(len(videos))


def test_memory_does_not_grow_with_the_number_of_videos(to_samples):
    maps = mots_maps('a')[:2]
    sample = to_samples(mots_videos(*(m[:1] for m in maps)))[0].to_dict()

    def peak(num_videos):
        metric = MOTSMetric()
        metric.dataset_meta = dict(classes=CLASSES)
        tracemalloc.start()
        for video in range(num_videos):
            for frame in sample['video_data_samples']:
                frame.set_metainfo(dict(video_id=video))
            metric.process(None, [sample])
            gc.collect()  # cycles of pycocotools
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(2)
    assert peak(9) < 1.2 * peak(3)
