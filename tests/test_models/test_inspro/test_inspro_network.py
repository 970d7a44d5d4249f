import torch

from mmvis_plugin import testing
from mmvis_plugin.models.inspro.inspro_network import (clip_mask_targets,
                                                       image_whwh)


def test_sizes_are_width_height_twice():
    metas = [dict(img_shape=(4, 6)), dict(img_shape=(8, 2, 3))]
    found = image_whwh(metas, torch.device('cpu'))
    assert found.tolist() == [[6, 4, 6, 4], [2, 8, 2, 8]]


def test_mask_targets_are_every_fourth_pixel_from_the_second():
    _, samples = testing.fake_clips([[[1, 2], []], [[3], [3, 4, 5]]])
    targets = clip_mask_targets(samples, 3, testing.SIZE, 4,
                                torch.device('cpu'))
    assert targets.shape == (2, 2, 3, 16, 24)
    for b, sample in enumerate(samples):
        for t, frame in enumerate(sample):
            masks = frame.gt_instances.masks.masks
            for g in range(3):
                expected = torch.zeros(16, 24, dtype=torch.uint8)
                if g < len(masks):
                    expected = torch.from_numpy(masks[g][2::4, 2::4])
                assert torch.equal(targets[b, t, g], expected)
    assert targets.any()


def test_mask_features_come_last(build):
    model = build()
    inputs, _ = testing.fake_clips([[[]]])
    feats = model.encode(inputs[0])
    assert [f.shape[-1] for f in feats] == [24, 12, 6, 3, 24]
    assert feats[-1].shape[1] == 8
    boxes_only = build(
        roi_head__mask_feat_head=None,
        roi_head__mask_head=None,
        roi_head__bbox_head__num_mask_params=0)
    assert len(boxes_only.encode(inputs[0])) == 4


def test_boxes_only_model_trains_and_predicts(build):
    model = build(
        train=True,
        roi_head__mask_feat_head=None,
        roi_head__mask_head=None,
        roi_head__bbox_head__num_mask_params=0)
    losses = testing.check_losses_are_finite(model, [[[1], [1, 2]]])
    assert {key.split('.')[1]
            for key in losses
            } == {'loss_cls', 'loss_bbox', 'loss_iou', 'loss_dedup'}
    inputs, samples = testing.fake_clips([[[]] * 2])
    with torch.no_grad():
        result = model.eval().predict(inputs, samples)[0]
    pred = result[0].pred_track_instances
    assert len(pred) > 0 and 'masks' not in pred


def test_learned_proposals_cover_the_image_at_first(build):
    model = build()
    state = model.init_state(testing.fake_metainfo(0, 1))
    expected = torch.tensor([0., 0, 96, 64]).expand(1, 8, 4)
    torch.testing.assert_close(state.boxes, expected)
