import copy

import pytest
import torch

from mmvis_plugin import testing
from mmvis_plugin.models.inspro.inspro_state import InsProState


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


def test_images_of_changing_size_rescale_the_proposals(build, frames):
    model = build()
    feats, metas = frames(model, 1)
    state = model.init_state(metas[0])
    with torch.no_grad():
        _, state = model.roi_head.step(feats[0][:-1], state, state.whwh)
        _, same = model.roi_head.step(feats[0][:-1], state, state.whwh)
        small = copy.copy(state)
        small.boxes, small.whwh = state.boxes / 2, state.whwh / 2
        _, other = model.roi_head.step(feats[0][:-1], small, state.whwh)
    torch.testing.assert_close(same.boxes, other.boxes)


def test_propagated_boxes_stay_inside_the_image(build, frames, roll):
    model = build()
    for head in model.roi_head.bbox_head:  # push every box far out
        torch.nn.init.constant_(head.fc_reg.bias, 30.)
    feats, metas = frames(model)
    height, width = metas[0]['img_shape']
    for state in roll(model, feats, metas)[1][1:]:
        x1, y1, x2, y2 = state.boxes.unbind(-1)
        assert (x1 >= 0).all() and (y1 >= 0).all()
        assert (x2 <= width).all() and (y2 <= height).all()
        assert (x2 - x1 >= 7.99).all() and (y2 - y1 >= 7.99).all()


def test_gradients_pass_queries_and_stop_at_boxes(build):
    model = build(train=True)
    inputs, samples = testing.fake_clips([[[], []]])
    whwh = model.init_state(samples[0][0].metainfo).whwh
    feats = [f.detach() for f in model.encode(inputs[0])][:-1]
    state = model._initial_state(whwh)
    _, state = model.roi_head.step([f[:1] for f in feats], state, whwh)
    assert state.query.requires_grad and not state.boxes.requires_grad
    outs, _ = model.roi_head.step([f[1:] for f in feats], state, whwh)
    outs.logits.sum().backward()
    assert model.rpn_head.init_proposal_features.weight.grad.abs().sum() > 0
    assert model.rpn_head.init_proposal_bboxes.weight.grad is None


def test_boxes_of_the_first_stage_train_the_learned_proposals(build):
    model = build(train=True)
    inputs, samples = testing.fake_clips([[[]]])
    state = model.init_state(samples[0][0].metainfo)
    feats = model.encode(inputs[0])[:-1]
    outs, _ = model.roi_head.step(feats, state, state.whwh)
    for stage, has_grad in ((0, True), (1, False)):
        model.zero_grad()
        outs.boxes[:, stage].sum().backward(retain_graph=True)
        grad = model.rpn_head.init_proposal_bboxes.weight.grad
        assert (grad is not None and bool(grad.abs().sum() > 0)) == has_grad
