import pytest
import torch

from mmvis_plugin import testing
from mmvis_plugin.models.inspro.inspro_state import InsProState


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
            value, (single[0][key] + single[1][key]) / 2, rtol=1e-4, atol=1e-5)


def test_slots_are_exchangeable(build, frames, roll):
    model = build()
    feats, metas = frames(model)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(1))
    outputs, states = roll(model, feats[:2], metas[:2])
    state = states[-1]
    shuffled = InsProState(state.init_query[:, order], state.init_boxes[:,
                                                                        order],
                           state.query[:, order], state.boxes[:, order],
                           state.whwh, state.bank[:, :, order],
                           state.bank_valid, state.frame_index)
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


def test_without_propagation_frames_are_independent(build, frames, roll):
    model = build(
        roi_head__propagate_query=False, roi_head__propagate_proposal=False)
    feats, metas = frames(model)
    rolled, _ = roll(model, feats, metas)
    alone, _ = roll(model, feats[2:], metas[2:])
    torch.testing.assert_close(rolled[2].logits, alone[0].logits)
    torch.testing.assert_close(rolled[2].boxes, alone[0].boxes)


@pytest.mark.parametrize('name', ['query', 'proposal'])
def test_each_propagation_switch_matters(build, frames, roll, name):
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
        build, frames, roll):
    model = build(roi_head__intra_query=None)
    feats, metas = frames(model, 1)
    state = model.init_state(metas[0])
    with torch.no_grad():
        outs, state = model.roi_head.step(feats[0][:-1], state, state.whwh)
    assert state.bank is None
    torch.testing.assert_close(state.query, outs.obj_feat)


def test_first_query_is_twice_the_object_feature(build, frames, roll):
    model = build()
    feats, metas = frames(model, 1)
    state = model.init_state(metas[0])
    with torch.no_grad():
        outs, state = model.roi_head.step(feats[0][:-1], state, state.whwh)
    torch.testing.assert_close(state.query, 2 * outs.obj_feat)


def test_intra_query_weights_change_the_next_frame_only(build, frames, roll):
    model = build()
    feats, metas = frames(model)
    before, _ = roll(model, feats, metas)
    torch.nn.init.normal_(model.roi_head.intra_query.fc.weight)
    after, _ = roll(model, feats, metas)
    # one entry in the bank: its weight is 1 whatever the parameters
    for t in (0, 1):
        torch.testing.assert_close(before[t].logits, after[t].logits)
    assert not torch.allclose(before[2].logits, after[2].logits)


def test_bank_keeps_the_last_frames(build, frames, roll):
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
