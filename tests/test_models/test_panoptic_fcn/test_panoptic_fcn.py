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
                                              panoptic_fcn_losses,
                                              segment_image)
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
    weights = dict(pos=1, seg=4)
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
    torch.testing.assert_close(losses['loss_pos_st'], expected)


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


def test_maps_are_those_of_the_functions(finder):
    inputs, samples = images([[], []])
    samples[1].set_metainfo(dict(img_shape=(60, 90), ori_shape=(80, 120)))
    head = finder.panoptic_head
    with torch.no_grad():
        outputs = finder(inputs)
        results = finder(inputs, samples, mode='predict')
    assert results is samples
    for i, sample in enumerate(results):
        segments = segment_image(
            PanopticFCNOutputs(*([x[i] for x in part] for part in outputs[:3]),
                               outputs.encoded[i]), head.thing_embed,
            head.stuff_embed, head.test_options, head.semantic.to_label,
            sample.img_shape, sample.ori_shape)
        found = sample.pred_panoptic_seg
        assert found.sem_seg.dtype == torch.int64
        assert found.sem_seg.shape == (1, *sample.ori_shape)
        assert 0 < int(segments.is_thing.sum()) < len(segments.labels)
        expected = torch.full(sample.ori_shape, NUM_CLASSES)
        for number, (label, is_thing) in enumerate(
                zip(segments.labels.tolist(), segments.is_thing.tolist()), 1):
            value = label + 1000 * number if is_thing else label
            expected[segments.seg_map == number] = value
        assert found.sem_seg[0].equal(expected)
        check_list(found, segments)


def check_list(found, segments):
    """Compare the list of segments with the map that it belongs to."""
    info = found.segments_info
    values = set(found.sem_seg.unique().tolist()) - {NUM_CLASSES}
    assert {segment['id'] for segment in info} == values
    assert len(info) == len(values)
    assert [s['category'] for s in info] == segments.labels.tolist()
    things = [s for s in info if s['isthing']]
    assert things == info[:len(things)]
    assert all(s['category'] < THINGS for s in things)
    assert all(s['category'] >= THINGS for s in info[len(things):])
    scores = [s['score'] for s in things]
    assert scores == sorted(scores, reverse=True)
    assert [s['id'] // 1000 for s in things] == list(range(1, len(things) + 1))


def test_clips_are_segmented_frame_by_frame(finder):
    inputs, samples = clips([[[1], [2]], [[], []]])
    with torch.no_grad():
        results = finder.predict(inputs, samples)
        alone = [
            finder.predict(frame[None], [copy.deepcopy(sample)])[0]
            for clip, track in zip(inputs, samples)
            for frame, sample in zip(clip, track)
        ]
    found = [frame for clip in results for frame in clip]
    assert [len(clip) for clip in results] == [2, 2]
    for frame, image, sample in zip(found, alone,
                                    [f for clip in samples for f in clip]):
        assert frame.pred_panoptic_seg.sem_seg.equal(
            image.pred_panoptic_seg.sem_seg)
        assert frame.metainfo == sample.metainfo
        # a result does not hold on to what was annotated
        assert 'gt_instances' not in frame


def test_maps_of_the_input_size(finder):
    inputs, samples = images([[]])
    with torch.no_grad():
        result, = finder.predict(inputs, samples, rescale=False)
    assert result.pred_panoptic_seg.sem_seg.shape == (1, 64, 96)


def test_nothing_found_is_void():
    model = build_tiny(test_cfg=dict(center_thr=2., stuff_thr=2.)).eval()
    inputs, samples = images([[1]])
    with torch.no_grad():
        result, = model.predict(inputs, samples)
    assert (result.pred_panoptic_seg.sem_seg == NUM_CLASSES).all()
    assert result.pred_panoptic_seg.segments_info == []


def test_small_things_can_be_left_out(finder):
    inputs, samples = images([[]])
    with torch.no_grad():
        every = finder.predict(inputs, copy.deepcopy(samples))[0]
        areas = thing_areas(every)
        limit = sorted(areas)[len(areas) // 2]
        options = finder.panoptic_head.test_options
        try:
            finder.panoptic_head.test_options = type(options)(
                **dict(vars(options), min_thing_area=limit))
            large = finder.predict(inputs, samples)[0]
        finally:
            finder.panoptic_head.test_options = options
    assert 0 < min(areas) < limit
    assert sorted(
        thing_areas(large)) == [a for a in sorted(areas) if a >= limit]


def thing_areas(sample):
    """Return the pixels of each thing."""
    seg = sample.pred_panoptic_seg
    return [
        int((seg.sem_seg == segment['id']).sum())
        for segment in seg.segments_info if segment['isthing']
    ]
