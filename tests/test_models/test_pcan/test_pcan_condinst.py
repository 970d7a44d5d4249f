import pytest
import torch
from mmcv.ops import roi_align
from mmengine.structures import InstanceData
from torch.testing import assert_close

from mmvis_plugin import testing

DETECTOR = {'loss_cls', 'loss_bbox', 'loss_centerness', 'loss_mask'}
TRACK = {'loss_track', 'loss_track_aux'}


@pytest.mark.parametrize('check', [
    testing.check_windows_agree, testing.check_videos_are_independent,
    testing.check_state_is_bounded, testing.check_nothing_is_dropped,
    testing.check_masks_are_rle
])
def test_guarantees_of_online_models(build_one_stage, check):
    # enough tracks for the memory to be full after the warm-up
    check(build_one_stage(tracker__max_tracks=4))


@pytest.mark.parametrize('freeze, expected', [
    ([], DETECTOR | TRACK | {'loss_refine'}),
    (['detector', 'track_head'], DETECTOR | TRACK | {'loss_refine'}),
    (['detector', 'track_head', 'frame_pcam'], {'loss_refine'}),
])
@pytest.mark.parametrize('ids', [
    [[[1, 2], [2]]],
    [[[1, 2], []], [[0], [0]]],
    [[[], []]],
])
def test_losses_are_finite_and_reach_what_trains(build_one_stage, pairs,
                                                 freeze, expected, ids):
    model = build_one_stage(train=True, freeze=freeze)
    inputs, samples = pairs(ids)
    losses = model.loss(inputs, samples)
    assert set(losses) == expected
    total = sum(losses.values())
    assert torch.isfinite(total)
    total.backward()
    for name, param in model.named_parameters():
        assert (param.grad is not None) == param.requires_grad, name


def test_masks_are_crops_of_the_masks_of_the_detector(build_one_stage, pairs):
    detector = build_one_stage().detector
    inputs, samples = pairs([[[], []]])
    frame = samples[0][0]
    with torch.no_grad():
        feats = detector.extract_feat(inputs[0, :1])
        found = detector.propose(feats, [frame])[0]
        objects = detector.detect(feats, frame.metainfo)
        maps = detector.mask_head(feats, [found])[0][0].contiguous()
    assert len(found) > 1 and len(objects) == len(found)
    for i in range(len(found)):
        roi = torch.cat([torch.zeros(1), found.bboxes[i]])[None]
        expected = roi_align(maps[None, i:i + 1], roi, 28, 1 / 2, 0, 'avg',
                             True)
        assert_close(objects.mask_logits[i:i + 1], expected)


def test_positives_are_detections_of_annotated_objects(build_one_stage, pairs):
    detector = build_one_stage().detector
    inputs, samples = pairs([[[1, 2], []]])
    frame = samples[0][0]
    with torch.no_grad():
        feats = detector.extract_feat(inputs[0, :1])
        found = detector.propose(feats, [frame])[0]
    boxes = frame.gt_instances.bboxes
    found = found[:3]
    found.bboxes = torch.stack([boxes[1], boxes[0] + 50, boxes[0] + 1])
    keys = detector.positives(feats, [found], [frame])
    assert [inds.tolist() for inds in keys.gt_inds] == [[1, 0]]
    assert_close(keys.boxes[0], found.bboxes[[0, 2]])
    # the objects are rectangles: the mask of an exact box is full
    assert keys.targets[0].all() and not keys.targets[1].all()
    none = InstanceData(**{k: v[:0] for k, v in found.items()})
    keys = detector.positives(feats, [none], [frame])
    assert keys.mask_logits.shape == (0, 1, 28, 28)
