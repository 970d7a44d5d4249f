"""The maps that the model predicts for images and clips."""
import copy

import pytest
import torch

from mmvis_plugin.models.panoptic_fcn import PanopticFCNOutputs, segment_image
from .tiny_model import STUFF, THINGS, build_finder, build_tiny, clips, images

NUM_CLASSES = THINGS + STUFF


@pytest.fixture(scope='module')
def finder():
    return build_finder()


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
