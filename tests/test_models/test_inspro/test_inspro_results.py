import numpy as np
import pycocotools.mask as mask_utils
import pytest
import torch
from mmdet.registry import METRICS as MMDET_METRICS

from mmvis_plugin import testing
from mmvis_plugin.models.inspro.inspro_results import (TestCfg, select_tracks,
                                                       video_scores)


def test_video_score_rules():
    probs = torch.tensor([[[.2, .8]], [[.6, .0]], [[.4, .1]]])
    cfg = dict(score_topk=2)
    for rule, expected in (('mean', [.4, .3]), ('max', [.6, .8]), ('topk_mean',
                                                                   [.5, .45])):
        found = video_scores(probs, TestCfg(score_agg=rule, **cfg))
        torch.testing.assert_close(found, torch.tensor([expected]))


def test_two_classes_of_a_slot_are_two_tracks():
    scores = torch.tensor([[.9, .8], [.1, .7]])
    picks = select_tracks(scores, 3, one_class_per_slot=False)
    assert picks['ids'].tolist() == [0, 1, 3]
    assert picks['slots'].tolist() == [0, 0, 1]
    assert picks['labels'].tolist() == [0, 1, 1]
    picks = select_tracks(scores, 3, one_class_per_slot=True)
    assert picks['ids'].tolist() == [0, 1]
    assert picks['labels'].tolist() == [0, 1]


def test_track_rows_carry_the_video_score(build):
    inputs, samples = testing.fake_clips([[[]] * 4])
    model = build()
    with torch.no_grad():
        result = model.predict(inputs, samples)[0]
    rows = {}
    for frame in result:
        pred = frame.pred_track_instances
        for track, score, label in zip(pred.instances_id.tolist(),
                                       pred.scores.tolist(),
                                       pred.labels.tolist()):
            rows.setdefault(track, set()).add((score, label))
    assert rows and all(len(values) == 1 for values in rows.values())


def test_presence_gate_drops_frames_not_tracks(build):
    inputs, samples = testing.fake_clips([[[]] * 4])
    with torch.no_grad():
        everywhere = build().predict(inputs, samples)[0]
        scores = torch.cat([f.pred_track_instances.scores for f in everywhere])
        gated = build(test_cfg__frame_score_thr=2.).predict(inputs, samples)[0]
    assert len(scores) > 0
    assert all(len(f.pred_track_instances) == 0 for f in gated)


def test_mmdets_metric_reads_the_video_score_and_class(build):
    inputs, samples = testing.fake_clips([[[]] * 4])
    with torch.no_grad():
        result = build(test_cfg__max_per_video=12).predict(inputs, samples)[0]
    metric = MMDET_METRICS.build(dict(type='YouTubeVISMetric'))
    metric.dataset_meta = dict(classes=('a', 'b', 'c'))
    for frame in result:  # it wants dense masks
        pred = frame.pred_track_instances
        masks = [mask_utils.decode(mask) for mask in pred.masks]
        pred.masks = torch.from_numpy(
            np.array(masks).reshape(len(masks), *frame.ori_shape))
    metric.process({}, [result.to_dict()])
    (tracks, _), = metric.results
    rows = {}
    for frame in result:
        pred = frame.pred_track_instances
        for key in zip(pred.instances_id.tolist(), pred.scores.tolist(),
                       pred.labels.tolist()):
            rows.setdefault(key[0], key[1:])
    slots = [track // 3 for track in rows]
    assert len(set(slots)) < len(slots), 'no slot with two classes'
    found = sorted((t['score'], t['category_id'] - 1) for t in tracks)
    assert len(found) == len(rows)
    for (score, label), expected in zip(found, sorted(rows.values())):
        assert score == pytest.approx(expected[0], abs=1e-6)
        assert label == expected[1]
