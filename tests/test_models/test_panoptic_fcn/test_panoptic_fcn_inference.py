import numpy as np
import pytest
import torch

from mmvis_plugin.models.panoptic_fcn import (InferenceOptions,
                                              PanopticFCNOutputs,
                                              SemanticClasses)
from mmvis_plugin.models.panoptic_fcn import candidates as cand
from mmvis_plugin.models.panoptic_fcn import panoptic_fcn_inference as infer
from mmvis_plugin.models.panoptic_fcn import panoptic_merge as merge


@pytest.fixture(scope='module', params=[1, 2])
def case(request, reference):
    ref, outputs, embeds = reference('infer', request.param)
    outputs = PanopticFCNOutputs(
        *([x.detach()[0] for x in part] for part in outputs[:3]),
        outputs.encoded.detach()[0])
    options = InferenceOptions(
        sim_thr=float(ref['sim_thr']),
        mask_thr=float(ref['inst_thr']),
        stuff_area=int(ref['stuff_limit']))
    shapes = [tuple(ref[key].tolist()) for key in ('img_shape', 'ori_shape')]
    return ref, outputs, embeds, options, shapes


def assert_candidates(got, ref, name):
    torch.testing.assert_close(
        got.kernels, ref[f'{name}_w'], rtol=0, atol=1e-5)
    assert torch.equal(got.labels, ref[f'{name}_cls'])
    torch.testing.assert_close(
        got.scores, ref[f'{name}_score'], rtol=0, atol=1e-5)


@torch.no_grad()
def test_reference_kernels(case):
    ref, outputs, embeds, options, _ = case
    things = cand.thing_candidates(outputs.centers, outputs.kernels,
                                   options.pool_sizes, 100, 0.05)
    things = things._replace(kernels=embeds[0](things.kernels))
    assert_candidates(things, ref, 'thing_pre')
    stuff = cand.stuff_candidates(outputs.regions, outputs.kernels, 0.05)
    stuff = stuff._replace(kernels=embeds[1](stuff.kernels))
    assert_candidates(stuff, ref, 'stuff_pre')
    things, stuff = infer.find_objects(outputs, *embeds, options)
    assert_candidates(things, ref, 'thing_post')
    assert_candidates(stuff, ref, 'stuff_post')


@torch.no_grad()
def test_reference_masks(case):
    ref, outputs, embeds, options, shapes = case
    things, stuff = infer.find_objects(outputs, *embeds, options)
    things, probs = cand.rescore(things,
                                 infer.kernel_masks(things, outputs.encoded),
                                 options.mask_thr, 0.05, 100)
    torch.testing.assert_close(
        things.scores, ref['inst_scores'], rtol=0, atol=1e-3)
    assert things.labels.tolist() == ref['inst_classes'].tolist()
    areas = merge.resize_masks(probs, *shapes, options.mask_thr).sum((1, 2))
    np.testing.assert_allclose(areas, ref['inst_areas'], rtol=1e-3, atol=2)
    sem = merge.resize_probs(
        infer.kernel_masks(stuff, outputs.encoded), *shapes)
    same = merge.semantic_map(sem, stuff.labels) == ref['sem_argmax']
    assert same.float().mean() >= 0.999


def test_reference_panoptic_map(case):
    ref, outputs, embeds, options, shapes = case
    classes = SemanticClasses(
        int(ref['num_thing']),
        int(ref['num_stuff']) - 1, 'merged_things')
    segments = infer.segment_image(outputs, *embeds, options, classes.to_label,
                                   *shapes)
    same = segments.seg_map == ref['panoptic']
    assert same.float().mean() >= 0.999
    assert torch.equal(segments.is_thing, ref['seg_isthing'])
    # stuff follows things among labels, and class 0 is any thing
    categories = segments.labels - ~segments.is_thing * (
        classes.num_things - 1)
    assert torch.equal(categories, ref['seg_cat'])
    assert ref['seg_id'].tolist() == list(range(1, len(categories) + 1))


def test_an_image_without_objects(case):
    ref, outputs, embeds, _, shapes = case
    nothing = InferenceOptions(center_thr=1., stuff_thr=1.)
    segments = infer.segment_image(outputs, *embeds, nothing,
                                   torch.arange(len(outputs.regions[0])),
                                   *shapes)
    assert segments.seg_map.shape == shapes[1]
    assert (segments.seg_map == 0).all() and len(segments.labels) == 0


@torch.no_grad()
def test_things_that_are_left_out_early_change_nothing(case):
    ref, outputs, embeds, options, shapes = case
    to_label = torch.arange(len(outputs.regions[0]))
    got = infer.segment_image(outputs, *embeds, options, to_label, *shapes)
    things, stuff = infer.find_objects(outputs, *embeds, options)
    things, probs = cand.rescore(things,
                                 infer.kernel_masks(things, outputs.encoded),
                                 options.mask_thr, 0.05, 100)
    assert (things.scores < options.score_thr).any()
    sem = merge.resize_probs(
        infer.kernel_masks(stuff, outputs.encoded), *shapes)
    expected = merge.merge_panoptic(
        merge.resize_masks(probs, *shapes, options.mask_thr,
                           chunk_size=5), things.labels, things.scores,
        merge.semantic_map(sem, stuff.labels), to_label, 0.2, 0.5,
        options.stuff_area)
    for part, other in zip(got, expected):
        assert torch.equal(part, other)


def test_small_things_are_dropped_if_asked(case):
    ref, outputs, embeds, options, shapes = case
    to_label = torch.arange(len(outputs.regions[0]))
    plain = infer.segment_image(outputs, *embeds, options, to_label, *shapes)
    areas = plain.seg_map[plain.seg_map > 0].bincount()[1:]
    limit = int(areas[plain.is_thing].min()) + 1
    tracked = InferenceOptions(**{**vars(options), 'min_thing_area': limit})
    got = infer.segment_image(outputs, *embeds, tracked, to_label, *shapes)
    assert got.is_thing.sum() == plain.is_thing.sum() - 1
