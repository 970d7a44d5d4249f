import pytest
import torch

from mmvis_plugin import testing

STAGES = dict(
    box=(dict(
        detector__roi_head__mask_head=None,
        detector__roi_head__mask_roi_extractor=None,
        refine_head=None,
        frame_pcam=None), {
            'loss_rpn_cls', 'loss_rpn_bbox', 'loss_cls', 'loss_bbox', 'acc',
            'loss_track', 'loss_track_aux'
        }),
    mask=(dict(
        refine_head=None,
        frame_pcam=None,
        freeze=[
            'detector.backbone', 'detector.neck', 'detector.rpn_head',
            'detector.roi_head.bbox_head', 'track_head'
        ]), {'loss_mask'}),
    refine=(dict(freeze=['detector', 'track_head']), {'loss_refine'}))

CHECKS = [
    testing.check_windows_agree, testing.check_videos_are_independent,
    testing.check_state_is_bounded, testing.check_nothing_is_dropped
]


@pytest.mark.parametrize('check', [*CHECKS, testing.check_masks_are_rle])
def test_guarantees_of_online_models(build, check):
    check(build())


@pytest.mark.parametrize('check', CHECKS)
@pytest.mark.parametrize('overrides', [
    STAGES['box'][0],
    dict(tracker__proto_momentum=0.5, tracker__memory_mask='refined'),
])
def test_guarantees_of_other_variants(build, check, overrides):
    check(build(**overrides))


@pytest.mark.parametrize('ids', [
    [[[], []]],
    [[[1, 2], []]],
    [[[1, 2], [3]], [[4], [4, 5]]],
    [[[0], [0]], [[], [3]]],
])
@pytest.mark.parametrize('stage', sorted(STAGES))
def test_losses_are_finite_and_reach_what_trains(build, pairs, stage, ids):
    overrides, expected = STAGES[stage]
    model = build(train=True, **overrides)
    inputs, samples = pairs(ids)
    losses = model.loss(inputs, samples)
    assert set(losses) == expected
    total = sum(
        sum(value) if isinstance(value, list) else value
        for key, value in losses.items() if 'loss' in key)
    assert torch.isfinite(total)
    total.backward()
    for name, param in model.named_parameters():
        assert (param.grad is not None) == param.requires_grad, name


def predict(model, num_frames=4, seed=0):
    inputs, samples = testing.fake_clips([[[]] * num_frames], seed=seed)
    with torch.no_grad():
        return model.predict(inputs, samples)[0]


def test_same_video_twice_gives_the_same_result(build):
    model = build()
    first, second = predict(model), predict(model)
    assert sum(len(f.pred_track_instances) for f in first) > 4
    testing.assert_same_results(first, second, atol=0)


def test_bases_that_change_in_tests_carry_over_to_the_next_video(build):
    model = build(refine_head__update_bases_in_test=True)
    before = model.refine_head.pos_mu.clone()
    predict(model)
    assert not torch.equal(model.refine_head.pos_mu, before)


def advance(model, num_frames=2):
    inputs, samples = testing.fake_clips([[[]] * num_frames])
    state = model.init_state(samples[0][0].metainfo)
    for t in range(num_frames):
        with torch.no_grad():
            output, state = model.step(inputs[:, t], samples[0][t].metainfo,
                                       state)
    return output, state


def test_second_frame_is_refined_with_features_of_the_first(
        build, monkeypatch):
    model = build(tracker__match_score_thr=0.)
    calls = []
    refine = model.refine_head.refine
    monkeypatch.setattr(model.refine_head, 'refine',
                        lambda *args: calls.append(args) or refine(*args))
    advance(model)
    (ref, _, key, *_), (ref_2, _, key_2, *_) = calls
    torch.testing.assert_close(ref, key)  # nothing to refer to yet
    assert not torch.equal(ref_2, key_2)
    distances = torch.cdist(ref_2.flatten(1), key.flatten(1)).min(dim=1)[0]
    assert (distances == 0).any(), 'features that the first frame stored'


def test_without_refine_head_base_masks_are_pasted(build):
    plain = build(refine_head=None, frame_pcam=None)
    refined = build(frame_pcam=None)
    refined.load_state_dict(plain.state_dict(), strict=False)
    one, two = predict(plain), predict(refined)
    differ = False
    for a, b in zip(one, two):
        a, b = a.pred_track_instances, b.pred_track_instances
        assert a.instances_id.tolist() == b.instances_id.tolist()
        torch.testing.assert_close(a.bboxes, b.bboxes)
        differ = differ or a.masks != b.masks
    assert differ


def test_frame_level_changes_the_first_levels_only(build):
    model = build()
    inputs, _ = testing.fake_clips([[[]]])
    with torch.no_grad():
        feats = model.encode(inputs[0])
        fused, _ = model.frame_pcam.fuse(feats, None)
    assert not torch.equal(fused[0], feats[0])
    assert fused[2] is feats[2]


def test_stage_three_changes_the_refine_head_only(build, pairs):
    overrides, _ = STAGES['refine']
    model = build(train=True, **overrides)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    params = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(params, lr=0.1)
    for seed in range(2):
        inputs, samples = pairs([[[1, 2], [2]]], seed=seed)
        optimizer.zero_grad()
        sum(model.loss(inputs, samples).values()).backward()
        optimizer.step()
    changed = {
        key
        for key, value in model.state_dict().items()
        if not torch.equal(value, before[key])
    }
    assert changed == {k for k in before if k.startswith('refine_head.')}


def test_labels_of_the_samples_stay(build, pairs):
    model = build(train=True)
    inputs, samples = pairs([[[1, 2], [2]]])
    model.loss(inputs, samples)
    assert samples[0][0].gt_instances.labels.tolist() == [1, 2]


def test_frozen_parts_stay_in_evaluation_mode(build):
    model = build(train=True, freeze=['detector.neck'])
    assert not model.detector.neck.training
    assert model.detector.rpn_head.training
    assert not any(p.requires_grad for p in model.detector.neck.parameters())


@pytest.mark.parametrize('overrides, message', [
    (dict(freeze=['detector.head']), r"freeze names \['detector.head'\]"),
    (dict(refine_head=None,
          tracker__proto_momentum=0.5), 'tracker.proto_momentum=0.5 needs'),
])
def test_wrong_settings_are_explained(build, overrides, message):
    with pytest.raises(ValueError, match=message):
        build(**overrides)


def test_detections_hold_the_tracks_and_what_is_none(build):
    overrides = dict(tracker__init_score_thr=0.4)
    plain = predict(build(with_detections=False, **overrides))
    full = predict(build(with_detections=True, **overrides))
    testing.assert_same_results(plain, full, atol=0)
    more = 0
    for frame in full:
        tracks, found = frame.pred_track_instances, frame.pred_instances
        more += len(found) - len(tracks)
        pairs = list(zip(found.scores.tolist(), found.masks))
        assert all(
            pair in pairs
            for pair in zip(tracks.scores.tolist(), tracks.masks))
        assert 'pred_instances' not in plain[0]
    assert more > 0


def test_no_detections(build):
    model = build(
        detector__test_cfg__rcnn__score_thr=1.1, with_detections=True)
    for frame in predict(model):
        assert len(frame.pred_track_instances) == 0
        assert len(frame.pred_instances) == 0
        assert frame.pred_instances.masks == []
