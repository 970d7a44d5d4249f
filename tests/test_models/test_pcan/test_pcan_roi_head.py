import torch
from mmengine.structures import InstanceData
from torch.testing import assert_close

from mmvis_plugin.models.pcan.pcan_roi_head import class_logits


def test_class_logits_picks_the_channel_of_each_object():
    logits = torch.arange(12.).view(2, 3, 2, 1)
    picked = class_logits(logits, torch.tensor([2, 0]))
    assert_close(picked, torch.stack([logits[0, 2:], logits[1, :1]]))
    assert class_logits(logits[:, :1], torch.tensor([2, 0])).shape[1] == 1


def test_detections_come_with_the_masks_of_their_boxes(build, pairs):
    model = build()
    inputs, samples = pairs([[[], []]])
    meta = samples[0][0].metainfo
    with torch.no_grad():
        feats = model.encode(inputs[0, :1])
        corner = torch.rand(12, 2) * 40
        boxes = torch.cat([corner, corner + 20], dim=1)
        found = model.detector.roi_head.detect(feats, meta,
                                               InstanceData(bboxes=boxes))
        again = model.detector.roi_head.base_masks(feats, [found.bboxes])
    assert 0 < len(found) <= 8
    assert found.mask_feats.shape[1:] == (64, 14, 14)
    assert found.mask_logits.shape[1:] == (3, 28, 28)
    assert_close((found.mask_feats, found.mask_logits), again)


def test_no_proposals(build, pairs):
    model = build()
    inputs, samples = pairs([[[], []]])
    with torch.no_grad():
        found = model.detector.roi_head.detect(
            model.encode(inputs[0, :1]), samples[0][0].metainfo,
            InstanceData(bboxes=torch.zeros(0, 4)))
    assert len(found) == 0


def test_losses_equal_those_of_mmdet(build, pairs):
    model = build(train=True)
    roi_head = model.detector.roi_head
    inputs, samples = pairs([[[1, 2], []], [[0], []]])
    keys = [sample[0] for sample in samples]
    feats = model.encode(inputs[:, 0])
    boxes = [s.gt_instances.bboxes + 1. for s in keys]
    torch.manual_seed(0)
    expected = roi_head.loss(feats, [InstanceData(bboxes=b) for b in boxes],
                             keys)
    torch.manual_seed(0)
    sampled = roi_head.sample(feats, [InstanceData(bboxes=b) for b in boxes],
                              keys)
    losses = dict(
        roi_head.box_losses(feats, sampled),
        **roi_head.mask_losses(feats, sampled, keys))
    assert_close(losses, expected)
