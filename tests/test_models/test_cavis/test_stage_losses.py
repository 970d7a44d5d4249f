import pytest
import torch

from mmvis_plugin import testing
from mmvis_plugin.models.cavis import (instance_clip_targets, slot_criterion,
                                       stage_losses)
from mmvis_plugin.models.cavis.stage_losses import name_layers, track
from mmvis_plugin.models.losses import embedding_contrastive_loss
from ...autocast import needs_cpu_autocast

STAGES = ['segmenter', 'online', 'offline']
IDS = [[[1, 2], [2], [1, 2]], [[3, 4], [3], [4]]]


@pytest.fixture
def same_points(monkeypatch):
    """Draw the same points for every mask and every call."""

    def points(masks, labels, count, *args):
        rng = torch.Generator().manual_seed(count)
        return torch.rand(1, count, 2, generator=rng).expand(len(masks), -1, 2)

    rand = torch.rand
    monkeypatch.setattr(slot_criterion,
                        'get_uncertain_point_coords_with_randomness', points)
    monkeypatch.setattr(
        torch, 'rand', lambda *size, **kwargs: rand(
            *size,
            generator=kwargs.get('generator') or torch.Generator().manual_seed(
                0)))


@pytest.mark.parametrize('guided', [True, False])
@pytest.mark.parametrize('stage', STAGES)
def test_batch_of_two_is_the_mean_of_two_batches(build, same_points,
                                                 at_iteration, stage, guided):
    at_iteration(0 if guided else 60)
    ref = dict(loss_ref=dict(type='ReferenceContrastiveLoss'))
    model = build(stage, train=True, **(ref if stage == 'online' else {}))
    # statistics of a batch are not those of its clips
    model.backbone.eval()
    inputs, samples = testing.fake_clips(IDS)
    with torch.no_grad():
        both = model.loss(inputs, samples)
        one = model.loss(inputs[:1], samples[:1])
        two = model.loss(inputs[1:], samples[1:])
    for key, value in both.items():
        torch.testing.assert_close(
            value, (one[key] + two[key]) / 2,
            rtol=1e-3,
            atol=1e-4,
            msg=lambda text, key=key: f'{key}: {text}')
    assert any(value > 0 for value in both.values())


@pytest.mark.parametrize(
    'stage', [*STAGES[:2],
              pytest.param(STAGES[2], marks=needs_cpu_autocast)])
def test_training_in_bfloat16(build, stage):
    model = build(stage, train=True)
    inputs, samples = testing.fake_clips(IDS)
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.loss(inputs, samples)
    sum(losses.values()).backward()
    for key, value in losses.items():
        assert value.dtype == torch.float32 and value.isfinite(), key
    for name, param in model.named_parameters():
        if param.requires_grad:
            assert param.grad.isfinite().all(), name


def segmented(model, inputs):
    with torch.no_grad():
        return model.segment_head(model.backbone(inputs.flatten(0, 1)))


def test_context_loss_has_the_queries_that_the_last_layer_matches(
        build, monkeypatch):
    model = build(train=True)
    inputs, samples = testing.fake_clips(IDS)
    clips = [instance_clip_targets(sample) for sample in samples]
    found, layers = segmented(model, inputs)
    calls, match = [], model.criterion.match
    monkeypatch.setattr(
        model.criterion, 'match', lambda *args: calls.append(
            (args, match(*args))) or calls[-1][1])
    losses = stage_losses.segmenter_losses(found, layers, clips,
                                           model.criterion, model.loss_ctx,
                                           model.loss_pcc)
    assert len(calls) == 3 * 6  # layers and frames
    embeds, ids, clip_ids = [], [], []
    for frame in range(6):
        (logits, _, targets), slots = calls[12 + frame]
        assert torch.equal(logits[0], found.cls_logits[frame])
        clip, time = divmod(frame, 3)
        for n, slot in enumerate(slots.tolist()):
            present = samples[clip][time].gt_instances.instances_ids.tolist()
            if targets.ids[n] in present:
                embeds.append(found.contexts[frame, slot])
                ids.append(targets.ids[n])
                clip_ids.append(clip)
    wanted = embedding_contrastive_loss(
        torch.stack(embeds), torch.stack(ids), torch.tensor(clip_ids))
    torch.testing.assert_close(losses['loss_ctx'], 2 * wanted[0])
    torch.testing.assert_close(losses['loss_ctx_aux'], 2 * wanted[1])


def test_absent_objects_are_targets_with_an_empty_mask(build, monkeypatch):
    model = build(train=True)
    inputs, samples = testing.fake_clips([[[1, 2], [2]]])
    clips = [instance_clip_targets(samples[0])]
    calls, forward = [], model.criterion.forward
    monkeypatch.setattr(model.criterion, 'forward',
                        lambda *args: calls.append(args) or forward(*args))
    model.loss(inputs, samples)
    _, _, labels, masks, slots, _ = calls[-1]
    assert [x.tolist() for x in labels] == [[1, 2], [1, 2]]
    assert [len(x) for x in slots] == [2, 2]
    assert not masks[1][0].any() and masks[1][1].any()
    assert torch.equal(torch.stack(masks, 1), clips[0].masks)


def test_guide_is_in_the_order_of_the_slots(build, monkeypatch):
    model = build('online', train=True)
    inputs, samples = testing.fake_clips([[[1], [1, 2], [2]]])
    clips = [instance_clip_targets(samples[0])]
    found, _ = segmented(model, inputs)
    # queries of the second frame change places
    order = torch.tensor([1, 2, 3, 4, 5, 0])
    mixed = found._replace(
        **{
            key: torch.stack([x[0], x[1][order], x[2]])
            for key, x in found._asdict().items() if key != 'mask_features'
        })
    guides = []
    for frames in (found, mixed):
        indices = track(model.tracker, frames, 1).indices[0]
        monkeypatch.setattr(
            model.criterion, 'match',
            lambda *args: guides.append(args) or torch.tensor([0, 1]))
        stage_losses.tracker_losses(model.tracker, frames, clips,
                                    model.criterion, True)
        logits, masks = guides[-1][:2]
        for time in range(3):
            assert torch.equal(logits[time],
                               frames.cls_logits[time][indices[time]])
            assert torch.equal(masks[time],
                               frames.mask_logits[time][indices[time]])
    assert len(guides) == 2
    torch.testing.assert_close(guides[0][0], guides[1][0])


def test_refiner_sees_one_tall_picture(build, monkeypatch):
    model = build('offline', train=True)
    inputs, samples = testing.fake_clips([[[1], [1, 2], [2]]])
    calls, forward = [], model.criterion.forward
    monkeypatch.setattr(model.criterion, 'forward',
                        lambda *args: calls.append(args) or forward(*args))
    model.loss(inputs, samples)
    logits, masks, labels, truth, slots, num_frames = calls[-1]
    assert logits.shape == (1, 6, 4) and masks.shape == (1, 6, 48, 24)
    clip = instance_clip_targets(samples[0])
    assert truth[0].shape == (2, 192, 96) and num_frames == 3
    for time, part in enumerate(truth[0].chunk(3, dim=1)):
        assert torch.equal(part, clip.masks[:, time])


def test_names_of_layers():
    terms = [dict(loss=i) for i in range(3)]
    assert name_layers(terms) == {'d0.loss': 0, 'd1.loss': 1, 'loss': 2}
