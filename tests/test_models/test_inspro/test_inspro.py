import copy

import pytest
import torch

from mmvis_plugin import testing
from mmvis_plugin.models.inspro.inspro_results import (select_tracks,
                                                       video_scores)
from mmvis_plugin.models.inspro.inspro_state import InsProState


@pytest.fixture
def frames(build):
    """Encoded frames and metainfo of one clip."""

    def encode(model, num_frames=3, seed=0):
        inputs, samples = testing.fake_clips([[[]] * num_frames], seed=seed)
        with torch.no_grad():
            feats = [
                model.encode(inputs[0, t:t + 1]) for t in range(num_frames)
            ]
        return feats, [frame.metainfo for frame in samples[0]]

    return encode


def roll(model, feats, metas, state=None):
    state = state or model.init_state(metas[0])
    outputs, states = [], [state]
    with torch.no_grad():
        for feat, meta in zip(feats, metas):
            output, state = model.advance(feat, meta, state)
            outputs.append(output)
            states.append(state)
    return outputs, states


@pytest.mark.parametrize('check', [
    testing.check_windows_agree, testing.check_videos_are_independent,
    testing.check_state_is_bounded, testing.check_nothing_is_dropped,
    testing.check_masks_are_rle
])
@pytest.mark.parametrize('lite', [False, True])
def test_guarantees_of_online_models(build, check, lite):
    overrides = dict(
        roi_head__lite_head=True, roi_head__key_interval=2) if lite else {}
    check(build(**overrides))


@pytest.mark.parametrize('ids', [
    [[[], [], []]],
    [[[1, 2], [], [2]]],
    [[[1], [1, 2], [2]], [[], [], []]],
    [[[5], [5], [5]]],
])
def test_losses_are_finite_and_reach_every_parameter(build, ids):
    losses = testing.check_losses_are_finite(build(train=True), ids)
    assert len(losses) == 3 * 6
    assert losses['s0.loss_cls'] > 0


def test_one_slot_trains(build):
    testing.check_losses_are_finite(
        build(train=True, rpn_head__num_proposals=1), [[[1], [1], [1]]])


def test_more_objects_than_slots(build):
    testing.check_losses_are_finite(
        build(train=True, rpn_head__num_proposals=2),
        [[[1, 2, 3, 4], [1, 2, 3], [4]]])


def test_clips_of_one_frame_reach_every_parameter(build):
    testing.check_losses_are_finite(build(train=True), [[[1]], [[]]])


def test_a_batch_is_the_mean_of_its_clips_under_equal_counts(build):
    model = build(train=True, backbone__norm_eval=True)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    inputs, samples = testing.fake_clips([[[1, 2], [1, 2]], [[3, 4], [3, 4]]])
    both = model.loss(inputs, samples)
    single = [model.loss(inputs[i:i + 1], samples[i:i + 1]) for i in range(2)]
    for key, value in both.items():
        torch.testing.assert_close(
            value, (single[0][key] + single[1][key]) / 2, rtol=1e-4,
            atol=1e-5)


def test_slots_are_exchangeable(build, frames):
    model = build()
    feats, metas = frames(model)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(1))
    outputs, states = roll(model, feats[:2], metas[:2])
    state = states[-1]
    shuffled = InsProState(
        state.init_query[:, order], state.init_boxes[:, order],
        state.query[:, order], state.boxes[:, order], state.whwh,
        state.bank[:, :, order], state.bank_valid, state.frame_index)
    one, _ = roll(model, feats[2:], metas[2:], state)
    two, _ = roll(model, feats[2:], metas[2:], shuffled)
    for key in ('logits', 'boxes', 'mask_params'):
        torch.testing.assert_close(
            getattr(one[0], key)[order],
            getattr(two[0], key),
            rtol=1e-4,
            atol=1e-4)


def test_results_do_not_depend_on_feat_chunk(build):
    inputs, samples = testing.fake_clips([[[]] * 5])
    with torch.no_grad():
        one = build(feat_chunk=1).predict(inputs, samples)[0]
        two = build(feat_chunk=8).predict(inputs, samples)[0]
    testing.assert_same_results(one, two)


def test_without_propagation_frames_are_independent(build, frames):
    model = build(
        roi_head__propagate_query=False, roi_head__propagate_proposal=False)
    feats, metas = frames(model)
    rolled, _ = roll(model, feats, metas)
    alone, _ = roll(model, feats[2:], metas[2:])
    torch.testing.assert_close(rolled[2].logits, alone[0].logits)
    torch.testing.assert_close(rolled[2].boxes, alone[0].boxes)


@pytest.mark.parametrize('name', ['query', 'proposal'])
def test_each_propagation_switch_matters(build, frames, name):
    on, off = build(), build(**{f'roi_head__propagate_{name}': False})
    feats, metas = frames(on)
    kept, cut = roll(on, feats, metas), roll(off, feats, metas)
    torch.testing.assert_close(kept[0][0].boxes, cut[0][0].boxes)
    assert not torch.allclose(kept[0][2].boxes, cut[0][2].boxes)
    state = cut[1][2]
    if name == 'query':
        torch.testing.assert_close(state.query, state.init_query)
        assert not torch.allclose(state.boxes, state.init_boxes)
    else:
        torch.testing.assert_close(state.boxes, state.init_boxes)
        assert not torch.allclose(state.query, state.init_query)


def test_without_intra_query_attention_the_object_feature_is_the_query(
        build, frames):
    model = build(roi_head__intra_query=None)
    feats, metas = frames(model, 1)
    state = model.init_state(metas[0])
    with torch.no_grad():
        outs, state = model.roi_head.step(feats[0][:-1], state, state.whwh)
    assert state.bank is None
    torch.testing.assert_close(state.query, outs.obj_feat)


def test_first_query_is_twice_the_object_feature(build, frames):
    model = build()
    feats, metas = frames(model, 1)
    state = model.init_state(metas[0])
    with torch.no_grad():
        outs, state = model.roi_head.step(feats[0][:-1], state, state.whwh)
    torch.testing.assert_close(state.query, 2 * outs.obj_feat)


def test_intra_query_weights_change_the_next_frame_only(build, frames):
    model = build()
    feats, metas = frames(model)
    before, _ = roll(model, feats, metas)
    torch.nn.init.normal_(model.roi_head.intra_query.fc.weight)
    after, _ = roll(model, feats, metas)
    # one entry in the bank: its weight is 1 whatever the parameters
    for t in (0, 1):
        torch.testing.assert_close(before[t].logits, after[t].logits)
    assert not torch.allclose(before[2].logits, after[2].logits)


def test_bank_keeps_the_last_frames(build, frames):
    model = build(roi_head__bank_size=2)
    feats, metas = frames(model, 4)
    state, seen = model.init_state(metas[0]), []
    assert not state.bank_valid.any()
    with torch.no_grad():
        for feat in feats:
            outs, state = model.roi_head.step(feat[:-1], state, state.whwh)
            seen.append(outs.obj_feat)
    assert state.bank_valid.all()
    torch.testing.assert_close(state.bank, torch.stack(seen[-2:]))


def test_lite_with_interval_one_is_inspro(build, frames):
    plain, lite = build(), build(roi_head__lite_head=True)
    lite.load_state_dict(plain.state_dict(), strict=False)
    feats, metas = frames(plain)
    one, _ = roll(plain, feats, metas)
    two, _ = roll(lite, feats, metas)
    for a, b in zip(one, two):
        assert torch.equal(a.logits, b.logits)
        assert torch.equal(a.boxes, b.boxes)


def test_non_key_frames_change_the_proposal_only(build, frames):
    model = build(roi_head__lite_head=True, roi_head__key_interval=3)
    feats, metas = frames(model)
    _, states = roll(model, feats, metas)
    for t in (1, 2):  # frames after the key frame 0
        before, after = states[t], states[t + 1]
        assert torch.equal(before.query, after.query)
        assert torch.equal(before.bank, after.bank)
        assert torch.equal(before.bank_valid, after.bank_valid)
        assert not torch.allclose(before.boxes, after.boxes)


def test_lite_training_touches_the_lite_stage_only(build):
    model = build(
        train=True, roi_head__lite_head=True, lite_roles='KKKNN')
    frozen = copy.deepcopy(model.state_dict())
    losses = testing.check_losses_are_finite(model,
                                             [[[1, 2]] * 3 + [[2], [1]]])
    assert all(key.startswith('lite0.') for key in losses)
    trained = {n for n, p in model.named_parameters() if p.grad is not None}
    assert trained and all('lite_head' in name for name in trained)
    for name, value in model.state_dict().items():
        assert torch.equal(value, frozen[name]), f'{name} has changed'


def test_lite_stage_starts_from_the_last_stage(build):
    plain = build(seed=1)
    lite = build(seed=2, roi_head__lite_head=True)
    lite.load_state_dict(plain.state_dict())
    last = plain.roi_head.bbox_head[-1].state_dict()
    for name, value in lite.roi_head.lite_head.state_dict().items():
        assert torch.equal(value, last[name])


@pytest.mark.parametrize('overrides, message', [
    (dict(roi_head__key_interval=5), 'needs lite_head=True'),
    (dict(lite_roles='KKN'), 'needs roi_head.lite_head=True'),
    (dict(lite_roles='NKN', roi_head__lite_head=True), 'K first'),
    (dict(test_cfg__score_agg='median'), 'test_cfg.score_agg'),
    (dict(roi_head__bank_size=0), 'intra_query=None'),
    (dict(feat_chunk=0), 'feat_chunk'),
])
def test_wrong_settings_are_explained(build, overrides, message):
    with pytest.raises(ValueError, match=message):
        build(**overrides)


def test_lite_roles_must_fit_the_clip(build):
    model = build(train=True, roi_head__lite_head=True, lite_roles='KKKNN')
    with pytest.raises(ValueError, match='ClipSample.num_frames'):
        model.loss(*testing.fake_clips([[[1], [1]]]))


def test_frames_out_of_order_are_refused(build):
    model = build()
    inputs, samples = testing.fake_clips([[[]] * 3])
    first, second, third = samples[0]
    samples[0].video_data_samples = [first, third, second]
    with pytest.raises(ValueError, match='frame 2 follows frame 0'):
        model.predict(inputs, samples)
    samples[0].video_data_samples = [second, third]
    with pytest.raises(ValueError, match='expected frame 0'):
        build().predict(inputs[:, :2], samples)


def test_video_score_rules():
    probs = torch.tensor([[[.2, .8]], [[.6, .0]], [[.4, .1]]])
    cfg = dict(score_topk=2)
    from mmvis_plugin.models.inspro.inspro_results import TestCfg
    for rule, expected in (('mean', [.4, .3]), ('max', [.6, .8]),
                           ('topk_mean', [.5, .45])):
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
        scores = torch.cat(
            [f.pred_track_instances.scores for f in everywhere])
        gated = build(test_cfg__frame_score_thr=2.).predict(inputs,
                                                            samples)[0]
    assert len(scores) > 0
    assert all(len(f.pred_track_instances) == 0 for f in gated)
