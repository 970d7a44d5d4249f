"""Wrong input and wrong options of HybridTracker: one line each."""
import pytest
import torch
from mmengine.structures import PixelData

from mmvis_plugin import testing
from mmvis_plugin.models.hybrid_tracker import HybridTracker
from .conftest import StubScript

SIZE = (48, 96)


def two_things():
    pan = torch.full(SIZE, 3)
    pan[:20, :20], pan[:20, 40:60] = 1000, 2001
    return pan


def step(model, frame_id=0, state=None, size=SIZE):
    """Step one frame of the given size."""
    meta = testing.fake_metainfo(frame_id, 9, size=size)
    meta['ori_shape'] = size
    state = state or model.init_state(meta)
    with torch.no_grad():
        return model.step(torch.zeros(1, 3, *size), meta, state)[1]


def message(error, call, *args, **kwargs):
    """Return the one line that a call raises."""
    with pytest.raises(error) as info:
        call(*args, **kwargs)
    text = str(info.value)
    assert '\n' not in text
    return text


@pytest.fixture
def model(build):
    """Return a model whose segmenter gives two things."""
    model = build()
    model.segmentor = StubScript([two_things()] * 3)
    return model


def test_frames_of_different_size(model):
    state = step(model)
    text = message(ValueError, step, model, 1, state, size=(64, 96))
    assert text.startswith('video video_1, frame 1: ')
    assert '(64, 96)' in text and '(48, 96)' in text


@pytest.mark.parametrize('bad', [torch.nan, torch.inf])
def test_flow_that_is_not_finite(model, bad):
    state = step(model)
    model.flow.shift = (bad, 0)
    text = message(ValueError, step, model, 1, state)
    assert text.startswith('video video_1, frame 1: flow is NaN')
    assert 'at 4608 of 4608 pixels' in text


def test_flow_of_another_size(model):
    state = step(model)
    model.flow.flow = lambda first, second: torch.zeros(1, 2, 5, 7)
    # brought to the size of the frame, like flow of a smaller image
    step(model, 1, state)
    model.flow.flow = lambda first, second: torch.zeros(1, 3, *SIZE)
    text = message(ValueError, step, model, 1, state)
    assert 'frame 1: flow is (3, 48, 96), expected (2, 48, 96)' in text


def test_more_ids_than_segments(model):
    segments = [dict(id=1000, isthing=True), dict(id=3, isthing=False)]

    def predict(inputs, samples):
        samples[0].pred_panoptic_seg = PixelData(
            sem_seg=two_things()[None], metainfo=dict(segments_info=segments))
        return samples

    model.segmentor.predict = predict
    text = message(ValueError, step, model, 2)
    assert text.startswith('video video_1, frame 2: id map with 2 things, ')
    assert 'list of segments has 1' in text
    segments.append(dict(id=2001, isthing=True))
    assert len(step(model, 2).memory[0].labels) == 2


def test_a_record_with_more_ids_than_labels(model):
    state = step(model)
    record, = state.memory
    record.id_map[0, 0] = 3
    text = message(ValueError, step, model, 1, state)
    assert text.startswith('video video_1, frame 1: id map of the earlier')
    assert 'ids 0 to 3, its list has 2 segments' in text


def test_a_segmenter_that_predicts_no_map(model):
    model.segmentor.predict = lambda inputs, samples: samples
    text = message(ValueError, step, model)
    assert text.startswith('video video_1, frame 0: the segmenter gives no '
                           'pred_panoptic_seg.sem_seg')


def test_a_segmenter_that_is_not_panoptic():
    detector = dict(
        type='mmdet.RetinaNet',
        backbone=dict(type='mmdet.ResNet', depth=18),
        neck=dict(
            type='mmdet.FPN',
            in_channels=[64, 128],
            out_channels=16,
            num_outs=2),
        bbox_head=dict(type='mmdet.RetinaHead', num_classes=2, in_channels=16))
    text = message(ValueError, HybridTracker, segmentor=detector)
    assert 'is a RetinaNet without num_things_classes' in text


def test_a_map_of_another_size(model):
    model.segmentor.maps = [two_things()[:40]]
    text = message(ValueError, step, model)
    assert 'frame 0: panoptic map of size (40, 96), expected (48, 96)' in text


@pytest.mark.parametrize('left_out, text', [
    (dict(segmentor=None), 'segmentor=None of HybridTracker'),
    (dict(flow=None), 'flow=None of HybridTracker, but fusion gives it the '
     'weight 0.667'),
    (dict(instance_head=None), 'instance_head=None of HybridTracker, but '
     'fusion gives it the weight 0.333'),
])
def test_parts_that_are_needed_to_predict(build, left_out, text):
    model = build()
    for name in left_out:
        setattr(model, name, None)
    assert text in message(ValueError, step, model)


@pytest.mark.parametrize('options, text', [
    (dict(stage='segmenter'), "stage='segmenter' of HybridTracker"),
    (dict(train_source='masks'), "train_source='masks'"),
    (dict(test_cfg=dict(temporal='both')), "test_cfg.temporal='both'"),
    (dict(test_cfg=dict(rounding='up')), "test_cfg.rounding='up'"),
    (dict(test_cfg=dict(collision='first')), "test_cfg.collision='first'"),
    (dict(test_cfg=dict(memory_frames=0)), 'test_cfg.memory_frames=0'),
])
def test_options_that_do_not_exist(build, options, text):
    assert text in message(ValueError, build, **options)


def test_features_of_a_module_that_does_not_exist(build):
    head = dict(
        type='InstanceTrackHead', in_features=98, roi_source='masked_feat')
    for name in (None, 'encoder'):
        text = message(ValueError, build, instance_head=head, feat_module=name)
        assert f'feat_module={name!r} of HybridTracker' in text
    text = message(
        ValueError,
        build,
        instance_head=dict(type='InstanceTrackHead', roi_source='box'))
    assert "roi_source='box'" in text


def train(model, frames=((1, 2), (1, 2))):
    """Compute the losses of a clip."""
    inputs, samples = testing.fake_clips([frames], num_classes=2)
    testing.add_panoptic_maps(samples, 2)
    return model.train().loss(inputs, samples)


@pytest.mark.parametrize('stage, options, text', [
    ('fusion', dict(flow=None), "without ['flow']"),
    ('instance', dict(instance_head=None), "without ['instance_head']"),
    ('instance', dict(segmentor=None,
                      train_source='pred'), "without ['segmentor']"),
    ('fusion', dict(fusion=dict(fixed=True)), 'fusion.fixed=True'),
])
def test_parts_that_are_needed_to_train(build, stage, options, text):
    model = build(stage=stage, **options)
    assert text in message(ValueError, train, model)


def test_clips_of_one_frame(build):
    assert 'clips of 1 frames' in message(
        ValueError, train, build(), frames=((1, 2), ))


def test_frames_without_annotation(build):
    inputs, samples = testing.fake_clips([[[1], [1]]])
    text = message(ValueError, build().loss, inputs, samples)
    assert text.startswith('video video_1, frame 0: no gt_panoptic_seg')
