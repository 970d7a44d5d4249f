"""What holds for every metric, on videos with errors of all kinds."""
import json
import os
import pickle
from unittest import mock

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from pycocotools import mask as mask_utils
from torch.multiprocessing import get_context

from mmvis_plugin.datasets.class_tables import table_metainfo
from mmvis_plugin.datasets.synthetic import SHAPES, generate_video, get_cfg
from mmvis_plugin.datasets.synthetic.degrade import degrade
from mmvis_plugin.datasets.synthetic.synth_prediction import SynthPrediction
from mmvis_plugin.datasets.synthetic.synth_samples import (panoptic_metainfo,
                                                           sample_frames)
from mmvis_plugin.registry import METRICS
from .test_video_metric import run_rank

NUM_VIDEOS = 5
ERRORS = dict(drop=.1, swap=1., jitter=1., extra=.3, wrong_class=.1)
NAMES = ('VISMetric', 'BoxTubeMetric', 'MOTSMetric', 'VPQMetric', 'STQMetric')
# (result, of the truth, of nothing) of each metric
LEADING = dict(
    VISMetric=('vis/AP', 1, 0),
    BoxTubeMetric=('boxtube/AP', 1, 0),
    MOTSMetric=('mots/MOTSA_overall', 100, 0),
    VPQMetric=('vpq/VPQ_th', 100, 0),
    STQMetric=('stq/STQ', 1, 0))

every_metric = pytest.mark.parametrize('name', NAMES)


def build(name, **kwargs):
    """Build a metric by name for the data set of these videos."""
    if name == 'STQMetric':
        # the default gives numbers by the order of the list of segments
        kwargs.setdefault('numbering', 'clean')
    metric = METRICS.build(dict(type=name, **kwargs))
    meta = panoptic_metainfo(NUM_VIDEOS)
    if name == 'MOTSMetric':
        meta.update(table_metainfo('bdd100k_mots'))
    elif name in NAMES[:2]:
        meta.update(classes=SHAPES)
    metric.dataset_meta = meta
    return metric


def evaluate(metric, samples):
    """Return all results as text, so that nan equals nan."""
    for sample in samples:
        metric.process(None, [sample.to_dict()])
    return {k: repr(float(v)) for k, v in metric.evaluate(NUM_VIDEOS).items()}


@pytest.fixture(scope='module')
def truths():
    """Return the truth of videos with twins and crowds, of three classes."""
    cfg = get_cfg(
        'micro', num_val=NUM_VIDEOS, p_twin=1., p_crowd=.5, objects=(3, 5))
    return [
        SynthPrediction.from_video(
            generate_video(cfg, 'val', index, with_images=False))
        for index in range(NUM_VIDEOS)
    ]


def with_errors(truth, seed):
    """Return a prediction with errors of every kind and varied scores."""
    found = truth
    for kind, amount in ERRORS.items():
        found = degrade(found, kind, amount, seed)
    for number, track in enumerate(found.object_ids):
        found.scores[track] = .3 + .1 * ((number * 3 + seed) % 7)
    return found


@pytest.fixture
def videos(truths, tmp_path):
    """Return the frames of each video."""
    return [
        sample_frames(truth, with_errors(truth, i), i, str(tmp_path))
        for i, truth in enumerate(truths)
    ]


@every_metric
def test_the_truth_and_nothing(name, truths, tmp_path, to_samples):
    key, best, worst = LEADING[name]
    nothing = []
    for truth in truths:
        empty = SynthPrediction(
            np.full_like(truth.label_maps, 255), np.zeros_like(truth.id_maps),
            {}, {})
        nothing.append(empty)
    for found, expected in ((truths, best), (nothing, worst)):
        frames = [
            sample_frames(truth, pred, i, str(tmp_path))
            for i, (truth, pred) in enumerate(zip(truths, found))
        ]
        assert float(evaluate(build(name),
                              to_samples(frames))[key]) == expected
    # no object is annotated: undefined, or no point lost that can be won
    frames = [
        sample_frames(empty, truth, i, str(tmp_path))
        for i, (truth, empty) in enumerate(zip(truths, nothing))
    ]
    value = float(evaluate(build(name), to_samples(frames))[key])
    if name in ('VISMetric', 'BoxTubeMetric'):
        assert np.isnan(value)
    else:
        assert not value > 0


@every_metric
def test_modes_and_order(name, videos, to_samples):
    expected = evaluate(build(name), to_samples(videos))
    key, best, worst = LEADING[name]
    assert worst + .05 * best < float(expected[key]) < .95 * best
    for window, provisional in ((1, False), (1, True), (4, False), (4, True)):
        samples = to_samples(videos[::-1], window, provisional)
        assert evaluate(build(name), samples) == expected
    # frames of all videos in turn
    samples = sorted((frame for frames in videos for frame in frames),
                     key=lambda frame: (frame.frame_id, -frame.video_id))
    assert evaluate(build(name), samples) == expected


@every_metric
@pytest.mark.parametrize('world_size', [1, 2, 3])
def test_simulated_ranks(name, world_size, videos, to_samples):
    expected = evaluate(build(name), to_samples(videos))
    gathered = []
    for rank in reversed(range(world_size)):
        # a sampler that pads gives ranks videos of other ranks again
        mine = videos[rank::world_size] + videos[:rank]
        metric = build(name)
        for sample in to_samples(mine, window=rank + 1):
            metric.process(None, [sample.to_dict()])
        gathered += pickle.loads(pickle.dumps(metric.results))
    assert len(gathered) == NUM_VIDEOS + world_size * (world_size - 1) // 2
    results = build(name).compute_metrics(gathered)
    prefix = METRICS.get(name).default_prefix
    assert {
        f'{prefix}/{k}': repr(float(v))
        for k, v in results.items()
    } == expected


class AllMetrics(Evaluator):
    """Every metric at once, in the shape that ``run_rank`` feeds."""

    def process(self, data_batch, data_samples):
        """Hand samples to all metrics."""
        for metric in self.metrics:
            metric.process(data_batch, data_samples)


def test_two_processes(videos, to_samples, tmp_path):
    samples = to_samples(videos)
    expected = {}
    for name in NAMES:
        expected.update(evaluate(build(name), samples))
    metrics = AllMetrics(
        [build(name, collect_dir=str(tmp_path / name)) for name in NAMES])
    context = get_context('fork')
    ranks = [
        context.Process(
            target=run_rank, args=(rank, 2, tmp_path, metrics, samples))
        for rank in range(2)
    ]
    with mock.patch.dict(os.environ):
        for process in ranks:
            process.start()
        for process in ranks:
            process.join(60)
    assert [process.exitcode for process in ranks] == [0, 0]
    for rank in range(2):
        results = json.loads((tmp_path / f'rank{rank}.json').read_text())
        assert {k: repr(float(v)) for k, v in results.items()} == expected


@every_metric
def test_order_inside_frames(name, videos, to_samples):
    expected = evaluate(build(name), to_samples(videos))
    rng = np.random.default_rng(0)
    for frame in (frame for frames in videos for frame in frames):
        for key in ('instances', 'segments_info'):
            items = frame.get(key)
            order = rng.permutation(len(items))
            frame.set_metainfo({key: [items[i] for i in order]})
        tracks = frame.pred_track_instances
        frame.pred_track_instances = tracks[rng.permutation(len(tracks))]
    assert evaluate(build(name), to_samples(videos)) == expected


@pytest.mark.parametrize('name', ['VISMetric', 'MOTSMetric'])
def test_codes_and_bitmaps(name, videos, to_samples):
    expected = evaluate(build(name), to_samples(videos))
    for frame in (frame for frames in videos for frame in frames):
        tracks = frame.pred_track_instances
        masks = mask_utils.decode(tracks.masks) if tracks.masks else np.zeros(
            (*frame.ori_shape, 0))
        del tracks.masks
        tracks.masks = torch.from_numpy(masks.transpose(2, 0, 1) > 0)
    assert evaluate(build(name), to_samples(videos)) == expected


def repeated(frames):
    """Return the video twice."""
    return frames + frames


def enlarged(frames):
    """Return frames whose predictions are at twice the size."""
    frame = frames[0].clone()
    panoptic, tracks = frame.pred_panoptic_seg, frame.pred_track_instances
    frame.pred_panoptic_seg = type(panoptic)(
        sem_seg=panoptic.sem_seg.repeat(1, 2, 2))
    tracks.masks = [
        mask_utils.encode(
            np.asfortranarray(
                mask_utils.decode(rle).repeat(2, 0).repeat(2, 1)))
        for rle in tracks.masks
    ]
    return [frame] + frames[1:]


def mislabelled(frames):
    """Return frames with a label that no data set has."""
    frame = frames[0].clone()
    frame.pred_track_instances.labels[:] = 77
    frame.pred_panoptic_seg.sem_seg[:] = 77
    others = [f.clone() for f in frames[1:]]
    for other in others:
        other.pred_track_instances.labels[:] = 77
    return [frame, *others]


MISTAKES = [
    (lambda frames: [frames[0], frames[2]], 'got frame 2 of .* frame 1 of 6'),
    (lambda frames: frames[:2] + frames[1:], 'got frame 1 of .* frame 2 of 6'),
    (lambda frames: frames[:-1], 'incomplete: .* has 5 of 6 frames'),
    (repeated, 'got frame 0 after its last frame; each video comes once'),
    (mislabelled, '77, expected'),
    (enlarged, r'\(128, 192\), expected ori_shape \(64, 96\)'),
]


@every_metric
@pytest.mark.parametrize('change, message', MISTAKES)
def test_mistakes(name, change, message, videos):
    if name == 'BoxTubeMetric' and change is enlarged:
        pytest.skip('boxes do not tell the size of their image')
    with pytest.raises(ValueError, match=message) as info:
        evaluate(build(name), change(videos[3]))
    assert 'video 3 (video_3)' in str(info.value)
    assert '\n' not in str(info.value)


@every_metric
@pytest.mark.parametrize('allowed', [False, True])
def test_missing_videos(name, allowed, videos):
    metric = build(name, allow_missing=allowed)
    with pytest.raises(ValueError, match=rf'{name}: .*\[2, 4\]') as info:
        evaluate(metric, videos[0] + videos[1] + videos[3])
    assert ('allow_missing=True, but' in str(info.value)) == allowed
    assert '\n' not in str(info.value)
