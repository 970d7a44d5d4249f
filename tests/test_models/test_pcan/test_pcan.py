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


@pytest.mark.parametrize('check', [
    testing.check_windows_agree, testing.check_videos_are_independent,
    testing.check_state_is_bounded, testing.check_nothing_is_dropped,
    testing.check_masks_are_rle
])
def test_guarantees_of_online_models(build, check):
    check(build())


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
