import pytest
import torch

from mmvis_plugin import testing


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


def test_results_do_not_depend_on_feat_chunk(build):
    inputs, samples = testing.fake_clips([[[]] * 5])
    with torch.no_grad():
        one = build(feat_chunk=1).predict(inputs, samples)[0]
        two = build(feat_chunk=8).predict(inputs, samples)[0]
    testing.assert_same_results(one, two)


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
