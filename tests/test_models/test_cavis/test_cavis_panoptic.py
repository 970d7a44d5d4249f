import pytest
import torch

from mmvis_plugin import testing

STAGES = ['segmenter', 'online', 'offline']
PANOPTIC = dict(
    task='vps',
    segment_head__num_things_classes=2,
    segment_head__num_stuff_classes=2,
    criterion__num_classes=4,
    test_cfg__score_thr=0.,
    test_cfg__overlap_thr=0.)


@pytest.fixture
def build_panoptic(build):
    """Return a function that builds a model of two things and two stuffs."""

    def build_model(stage, **kwargs):
        changes = dict(PANOPTIC)
        for part in ('tracker', 'refiner')[:STAGES.index(stage)]:
            changes[f'{part}__num_classes'] = 4
        model = build(stage, **changes, **kwargs)
        for head in (model.segment_head, model.tracker, model.refiner):
            # without it, most slots of an untrained model are no object
            for name in ('cls_embed', 'class_embed'):
                if hasattr(head, name):
                    getattr(head, name).bias.data[-1] = -9.
        return model

    return build_model


def panoptic_clips(ids):
    inputs, samples = testing.fake_clips(ids, num_classes=2)
    testing.add_panoptic_maps(samples, num_things=2)
    return inputs, samples


@pytest.mark.parametrize('stage', STAGES)
def test_losses_are_those_of_the_maps(build_panoptic, stage):
    model = build_panoptic(stage, train=True)
    inputs, samples = panoptic_clips([[[1, 2], [2], []], [[], [], []]])
    (one, two) = [model._targets(sample) for sample in samples]
    assert one.ids.tolist() == [1, 2, 1001, 1002]
    assert one.labels.tolist() == [1, 0, 2, 3]
    assert two.labels.tolist() == [2, 3]
    losses = model.loss(inputs, samples)
    sum(losses.values()).backward()
    for name, param in model.named_parameters():
        assert (param.grad is not None) == param.requires_grad, name


@pytest.mark.parametrize('stage', STAGES)
def test_a_segment_without_pixels_is_no_target(build_panoptic, stage):
    model = build_panoptic(stage, train=True)
    inputs, samples = panoptic_clips([[[1, 2], [2], []]])
    losses = []
    for lost in ([], [dict(id=77, category=0, is_thing=True)]):
        for frame in samples[0]:
            frame.gt_panoptic_seg.segments_info.extend(lost)
        torch.manual_seed(0)
        losses.append(model.loss(inputs, samples))
    assert samples[0][0].gt_panoptic_seg.segments_info[-1]['id'] == 77
    assert losses[0] == losses[1]


@pytest.mark.parametrize('window', [1, 2, 5])
@pytest.mark.parametrize('stage', STAGES)
def test_windows_agree_and_ids_are_those_of_the_video(build_panoptic, stage,
                                                      window):
    model = build_panoptic(stage)
    inputs, samples = testing.fake_clips([[[]] * 5])
    with torch.no_grad():
        (whole, ) = model.predict(inputs, samples)
        found = testing.predict_in_windows(model, inputs, samples[0], window)
    labels = {}
    for one, two in zip(whole, found):
        one = one.pred_panoptic_seg.sem_seg
        assert one.shape == (1, 128, 192) and one.dtype == torch.int32
        different = one != two.pred_panoptic_seg.sem_seg
        assert different.float().mean() <= 1e-3
        for value in one.unique().tolist():
            number, label = divmod(value, 1000)
            assert labels.setdefault(number, label) == label
    assert len(labels) > 1


@pytest.mark.parametrize('stage', STAGES)
def test_online_maps_number_slots(build_panoptic, stage):
    model = build_panoptic(stage)
    inputs, samples = testing.fake_clips([[[]] * 3])
    state = model.init_state({})
    for t, frame in enumerate(samples[0]):
        with torch.no_grad():
            output, state = model.step(inputs[:, t], frame.metainfo, state)
        result = model.online_result(output, state)['pred_panoptic_seg']
        best = state.logits.softmax(-1).argmax(dim=-1)
        values = result.sem_seg.unique().tolist()
        assert len(values) > 0
        for value in values:
            number, label = divmod(value, 1000)
            if number == 0:
                assert label == 4
            elif label < 2:
                assert best[number - 1] == label
            else:
                assert number == 6 + 1 + label
