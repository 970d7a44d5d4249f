"""The model: losses and maps of images and of clips."""
import copy

import pytest
import torch
import torch.nn.functional as F
from mmdet.models.detectors import BaseDetector
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData

from mmvis_plugin.models.panoptic_fcn import (ImageTargets, PanopticFCN,
                                              PanopticFCNOutputs,
                                              build_targets,
                                              panoptic_fcn_losses)
from mmvis_plugin.models.panoptic_fcn.panoptic_fcn_loss import \
    stuff_position_loss
from mmvis_plugin.models.panoptic_fcn.stuff_targets import stuff_targets
from mmvis_plugin.registry import MODELS
from .tiny_model import (STUFF, THINGS, build_finder, build_tiny, clips,
                         images, in_form_of_mmdet)

NUM_CLASSES = THINGS + STUFF


@pytest.fixture(scope='module')
def model():
    return build_tiny().train()


@pytest.fixture(scope='module')
def finder():
    return build_finder()


def targets_of(sample):
    """Ground truth of an image, pixel for pixel out of its map."""
    seg = sample.gt_panoptic_seg
    sem = torch.full(seg.pan_seg[0].shape, 255)
    masks, boxes, labels = [], [], []
    for segment in seg.segments_info:
        mask = seg.pan_seg[0] == segment['id']
        sem[mask] = segment['category']
        if segment['is_thing'] and mask.any():
            y, x = mask.nonzero(as_tuple=True)
            boxes.append([x.min(), y.min(), x.max() + 1, y.max() + 1])
            masks.append(mask)
            labels.append(segment['category'])
    return ImageTargets(
        torch.stack(masks),
        torch.tensor(boxes).float(), torch.tensor(labels), sem)


def test_it_is_a_detector_of_the_registry():
    assert issubclass(PanopticFCN, BaseDetector)
    assert MODELS.get('PanopticFCN') is PanopticFCN
    with DefaultScope.overwrite_default_scope('mmdet'):
        assert MODELS.get('mmdet.PanopticFCN') is PanopticFCN


def test_loss_is_that_of_the_functions(model):
    inputs, samples = images([[1, 2], [3]])
    with torch.no_grad():
        losses = model(inputs, samples, mode='loss')
        outputs = model(inputs)
        head = model.panoptic_head
        targets = build_targets([targets_of(s) for s in samples], (16, 24),
                                [x.shape[-2:] for x in outputs.centers],
                                THINGS,
                                NUM_CLASSES,
                                head.scales,
                                overlap=head.overlap)
        expected = panoptic_fcn_losses(outputs, targets, head.thing_embed,
                                       head.stuff_embed, 7)
    assert isinstance(outputs, PanopticFCNOutputs)
    weights = dict(pos=5, seg=4)
    assert set(losses) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(losses[name],
                                   weights[name.split('_')[1]] * value)
    total, _ = model.parse_losses(losses)
    torch.testing.assert_close(total, sum(losses.values()))


def test_annotation_in_the_form_of_mmdet_gives_the_same_loss(model):
    inputs, samples = images([[1, 2], [3]])
    with torch.no_grad():
        losses = model.loss(inputs, copy.deepcopy(samples))
        theirs = model.loss(inputs, [in_form_of_mmdet(s) for s in samples])
    for name, value in losses.items():
        torch.testing.assert_close(theirs[name], value)


def test_frames_of_clips_are_images(model):
    inputs, samples = clips([[[1], [1, 2]], [[2], []]])
    with torch.no_grad():
        losses = model.loss(inputs, samples)
        flat = model.loss(
            inputs.flatten(0, 1),
            [frame for clip in samples for frame in clip])
    for name, value in losses.items():
        torch.testing.assert_close(flat[name], value)


def drop(samples, is_thing):
    """Make all things, or all stuff, of some images void."""
    for sample in samples:
        seg = sample.gt_panoptic_seg
        segments = seg.metainfo['segments_info']
        ids = seg.pan_seg.clone()
        for segment in segments:
            if segment['is_thing'] == is_thing:
                ids[ids == segment['id']] = 0
        sample.gt_panoptic_seg = PixelData(
            pan_seg=ids,
            metainfo=dict(segments_info=[
                s for s in segments if s['is_thing'] != is_thing
            ]))


@pytest.mark.parametrize('mode, first', [('merged_things', 1), ('stuff', 0),
                                         ('all', THINGS)])
def test_classes_of_the_semantic_map(mode, first):
    model = build_tiny(semantic_mode=mode)
    inputs, samples = images([[1, 2]])
    with torch.no_grad():
        outputs = model(inputs)
        assert {x.size(1) for x in outputs.regions} == {first + STUFF}
        losses = model.loss(inputs, copy.deepcopy(samples))
    sem = targets_of(samples[0]).sem
    before = dict(
        merged_things=[sem < THINGS],
        stuff=[],
        all=[sem == label for label in range(THINGS)])[mode]
    masks = before + [sem == THINGS + i for i in range(STUFF)]
    shares = F.interpolate(
        torch.stack(masks)[None].float(), (16, 24), mode='bilinear')
    regions = stuff_targets(shares, [x.shape[-2:] for x in outputs.regions])
    expected = stuff_position_loss(outputs.regions, regions)
    weight = model.panoptic_head.position_weight
    torch.testing.assert_close(losses['loss_pos_st'], weight * expected)


@pytest.mark.parametrize('ids, lacks', [
    ([[]], None),
    ([[1]], None),
    ([[1]], False),
    ([[1, 2]], True),
    ([[1, 2], []], None),
    ([[]], False),
])
def test_images_without_things_or_stuff(model, ids, lacks):
    inputs, samples = images(ids)
    if lacks is not None:
        drop(samples, lacks)
    model.zero_grad()
    losses = model.loss(inputs, samples)
    sum(losses.values()).backward()
    for name, param in model.named_parameters():
        assert param.grad is not None and param.grad.isfinite().all(), name
    has_things = any(ids) and lacks is not True
    assert (losses['loss_seg_th'] > 0) == has_things
    assert (losses['loss_seg_st'] > 0) == (lacks is not False or has_things)


def test_a_step_in_half_precision_is_finite(model):
    inputs, samples = images([[1, 2], [3]])
    with torch.no_grad():
        exact = model.loss(inputs, copy.deepcopy(samples))
    model.zero_grad()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = model.loss(inputs, samples)
    sum(losses.values()).backward()
    for name, value in losses.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, exact[name], rtol=0.05, atol=0.05)
    for name, param in model.named_parameters():
        assert param.grad.isfinite().all(), name


def test_enlarged_inputs(finder):
    inputs, samples = images([[1, 2]])
    large = F.interpolate(inputs, scale_factor=2, mode='bilinear')
    targets = targets_of(samples[0])
    doubled = ImageTargets(
        torch.stack([
            m.repeat_interleave(2, 0).repeat_interleave(2, 1)
            for m in targets.masks
        ]), 2 * targets.boxes, targets.labels,
        targets.sem.repeat_interleave(2, 0).repeat_interleave(2, 1))
    head = finder.panoptic_head
    with torch.no_grad():
        outputs = finder(large)
        expected = head.loss_by_outputs(outputs,
                                        head.targets(outputs, [doubled]))
        whole, = finder.predict(large, [
            samples[0].new(
                metainfo=dict(img_shape=(128, 192), ori_shape=(64, 96)))
        ])
        finder.input_scale = 2
        try:
            losses = finder.loss(inputs, samples)
            found, = finder.predict(inputs, samples, rescale=False)
        finally:
            finder.input_scale = 1
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)
    assert found.pred_panoptic_seg.sem_seg.equal(
        whole.pred_panoptic_seg.sem_seg)
    for wrong in (0, 1.5, 2.0):
        with pytest.raises(
                ValueError, match=f'input_scale={wrong} of PanopticFCN'):
            PanopticFCN({}, {}, {}, input_scale=wrong)
