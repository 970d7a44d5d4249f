import copy

import pytest
import torch

from mmvis_plugin import testing


def test_lite_with_interval_one_is_inspro(build, frames, roll):
    plain, lite = build(), build(roi_head__lite_head=True)
    lite.load_state_dict(plain.state_dict(), strict=False)
    feats, metas = frames(plain)
    one, _ = roll(plain, feats, metas)
    two, _ = roll(lite, feats, metas)
    for a, b in zip(one, two):
        assert torch.equal(a.logits, b.logits)
        assert torch.equal(a.boxes, b.boxes)


def test_non_key_frames_change_the_proposal_only(build, frames, roll):
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
    model = build(train=True, roi_head__lite_head=True, lite_roles='KKKNN')
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


def test_lite_roles_must_fit_the_clip(build):
    model = build(train=True, roi_head__lite_head=True, lite_roles='KKKNN')
    with pytest.raises(ValueError, match='ClipSample.num_frames'):
        model.loss(*testing.fake_clips([[[1], [1]]]))
