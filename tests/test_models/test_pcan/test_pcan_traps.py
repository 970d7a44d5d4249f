"""What training and testing of mmdet's QDTrack get wrong."""
import copy

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from torch.testing import assert_close

from mmvis_plugin import testing
from mmvis_plugin.models.pcan.training_pairs import match_positives

BOX_STAGE = dict(
    detector__roi_head__mask_head=None,
    detector__roi_head__mask_roi_extractor=None,
    refine_head=None,
    frame_pcam=None)


def losses_of(model, inputs, samples, seed=0):
    """Return the losses of one step, equal for equal arguments."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    with torch.no_grad():
        return model.loss(inputs, copy.deepcopy(samples))


def set_labels(samples, labels):
    samples = copy.deepcopy(samples)
    for sample in samples:
        for frame in sample:
            frame.gt_instances.labels[:] = torch.tensor(labels)
    return samples


def test_the_box_head_learns_classes_the_proposals_none(build, pairs):
    # mmdet overwrites the labels for the proposal network first
    model = build(train=True, **BOX_STAGE)
    inputs, samples = pairs([[[1, 2], [1, 2]]])
    samples = set_labels(samples, [1, 2])
    others = set_labels(samples, [0, 0])
    first = losses_of(model, inputs, samples)
    second = losses_of(model, inputs, others)
    assert_close(first['loss_rpn_cls'], second['loss_rpn_cls'])
    assert_close(first['loss_rpn_bbox'], second['loss_rpn_bbox'])
    assert not torch.isclose(first['loss_cls'], second['loss_cls'])


def test_the_mask_head_learns_the_channel_of_the_class(build, pairs):
    model = build(train=True, refine_head=None, frame_pcam=None)
    inputs, samples = pairs([[[1, 2], [1, 2]]])
    with torch.no_grad():
        bias = model.detector.roi_head.mask_head.conv_logits.bias
        bias[:] = torch.tensor([9., 0., 0.])
    losses = [
        losses_of(model, inputs, set_labels(samples, labels))['loss_mask']
        for labels in ([0, 0], [1, 2])
    ]
    assert losses[0] > losses[1] + 1


@pytest.mark.parametrize('ids, renamed', [
    ([[0], [0]], [[6], [6]]),
    ([[0, 1, 2], [2, 0]], [[3, 4, 5], [5, 3]]),
])
def test_losses_do_not_depend_on_names_of_objects(build, pairs, ids, renamed):
    # mmdet takes id 0 for 'no object'
    losses = [
        losses_of(build(train=True, match_score_thr=0.), *pairs([names]))
        for names in (ids, renamed)
    ]
    assert set(losses[0]) == set(losses[1])
    for key, value in losses[0].items():
        assert_close(value, losses[1][key])
    assert losses[0]['loss_track'] > 0


def test_an_image_is_a_pair_with_itself_from_its_first_object_on(
        build, pairs, monkeypatch):
    model = build(train=True, freeze=['detector', 'track_head'])
    inputs, samples = pairs([[[0, 1], [0, 1]]])
    inputs[:, 1] = inputs[:, 0]
    samples[0].video_data_samples[1].gt_instances = \
        samples[0][0].gt_instances.clone()
    found = []

    def spy(split, keys, refs, *args):
        rows, columns = match_positives(split, keys, refs, *args)
        key_objects, ref_objects = keys.gt_inds[0], refs.gt_inds[0]
        found.append((key_objects[rows], ref_objects[columns]))
        return rows, columns

    monkeypatch.setattr('mmvis_plugin.models.pcan.pcan.match_positives', spy)
    losses_of(model, inputs, samples)
    ((rows, columns), ) = found
    assert set(rows.tolist()) == {0, 1}
    assert rows.equal(columns)


def test_proposals_of_the_reference_frame_are_left_alone(build, pairs):
    # mmdet renames their field, so that they are of use only once
    model = build(train=True)
    inputs, samples = pairs([[[1, 2], [2, 1]]])
    kept, propose = [], model.detector.propose

    def spy(feats, samples):
        found = propose(feats, samples)
        kept.append((found, [objects.bboxes.clone() for objects in found]))
        return found

    model.detector.propose = spy
    losses_of(model, inputs, samples)
    ((found, boxes), ) = kept
    for objects, before in zip(found, boxes):
        assert 'priors' not in objects and torch.equal(objects.bboxes, before)


def test_samples_are_not_changed(build, pairs):
    model = build(train=True)
    inputs, samples = pairs([[[0, 2], [2]], [[4], []]])
    before = copy.deepcopy(samples)
    model.loss(inputs, samples)
    for sample, old in zip(samples, before):
        for frame, old_frame in zip(sample, old):
            assert frame.metainfo == old_frame.metainfo
            one, two = frame.gt_instances, old_frame.gt_instances
            assert set(one.keys()) == set(two.keys())
            for key in ('bboxes', 'labels', 'instances_ids'):
                assert torch.equal(one[key], two[key])
            assert (one.masks.masks == two.masks.masks).all()


def test_pasting_leaves_the_boxes_alone(build):
    # mmdet divides them by the scale of the frame, in place
    model = build()
    inputs, samples = testing.fake_clips([[[]]])
    meta = samples[0][0].metainfo
    with torch.no_grad():
        objects = model.detector.detect(model.encode(inputs[0]), meta)
    logits = objects.mask_logits[:, :1]
    before = objects.bboxes.clone()
    first = model._at_original_size(objects, logits, meta)
    assert torch.equal(objects.bboxes, before)
    # frames are twice as large as inputs
    assert_close(first.bboxes, 2 * before)
    again = model._at_original_size(objects, logits, meta)
    assert again.masks == first.masks and len(first.masks) > 0


def test_targets_of_the_refine_head_are_crops_of_its_objects(build, pairs):
    model = build(train=True)
    inputs, samples = pairs([[[1, 2], [2]]])
    frame = samples[0][0]
    boxes = frame.gt_instances.bboxes
    shifted = boxes + boxes.new_tensor([0., 4, 0, 4])
    with torch.no_grad():
        found = model.detector.positives(
            model.encode(inputs[:, 0]), [InstanceData(bboxes=shifted)],
            [frame])
    assert len(found.targets) == len(found.mask_feats) >= 2
    for box, index, target in zip(found.boxes[0], found.gt_inds[0],
                                  found.targets):
        # objects are full rectangles
        top = torch.maximum(box[:2], boxes[index, :2])
        low = torch.minimum(box[2:], boxes[index, 2:])
        inside = (low - top).clamp(min=0).prod() / (box[2:] - box[:2]).prod()
        assert set(target.unique().tolist()) <= {0., 1.}
        assert_close(target.mean(), inside, atol=0.05, rtol=0)
