"""The two training stages of HybridTracker."""
import copy

import pytest
import torch
from mmdet.structures import TrackDataSample

from mmvis_plugin import testing
from mmvis_plugin.registry import MODELS, TRANSFORMS
from .conftest import StubScript

IDS = [[[1, 2, 3, 4], [3, 1, 4]], [[1, 2], [2, 5, 1]]]


def clips(ids=IDS, size=testing.SIZE):
    inputs, samples = testing.fake_clips(ids, num_classes=2, size=size)
    testing.add_panoptic_maps(samples, num_things=2)
    return inputs, samples


def trained(losses, model):
    """Return the names of what gets a gradient."""
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    return {n for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize('stage, part, losses', [
    ('instance', 'instance_head.', {'loss_match', 'match_acc'}),
    ('fusion', 'fusion.', {'loss_fusion', 'match_acc'}),
])
def test_a_stage_trains_its_part(build, stage, part, losses):
    model = build(stage=stage).train()
    found = model.loss(*clips())
    assert set(found) == losses
    names = {n for n, p in model.named_parameters() if p.requires_grad}
    assert names == trained(found, model)
    assert names and all(name.startswith(part) for name in names)
    assert not model.segmentor.training and not model.flow.training
    assert model.segmentor.num_calls == 0


def test_state_dict_has_the_names_of_the_parts(build):
    names = {name.split('.')[0] for name in build().state_dict()}
    assert names == {'segmentor', 'instance_head', 'fusion'}
    model = build(flow=dict(type='RAFT', small=True))
    assert {
        'fusion.conv.weight', 'instance_head.fcs.0.weight',
        'flow.fnet.conv1.weight'
    } <= set(model.state_dict())


def test_masks_are_enough_to_train_the_embeddings(build):
    inputs, samples = clips()
    model = build(segmentor=None, flow=None).train()
    with_images = model.loss(inputs, copy.deepcopy(samples))
    without = model.loss(inputs[:, :, :0], samples)
    assert with_images == without


def test_frames_that_are_not_decoded():
    """The pipeline of stage 2, down to the model."""
    load = TRANSFORMS.build(dict(type='SkipVideoFrame'))
    results = load(dict(img_path='a.jpg', height=45, width=70))
    assert results['img'].shape == (45, 70, 0)
    assert results['img_shape'] == results['ori_shape'] == (45, 70)
    results = TRANSFORMS.build(
        dict(type='RandomFlip', prob=1., direction='horizontal'))(
            results)
    assert results['img_shape'] == (45, 70) and results['flip']
    results = TRANSFORMS.build(dict(type='PackClipInputs'))({
        key: [value] * 2
        for key, value in results.items()
    })
    assert results['inputs'].shape == (2, 0, 45, 70)
    preprocessor = MODELS.build(
        dict(type='VideoDataPreprocessor', pad_size_divisor=32))
    other = torch.zeros(2, 0, 60, 40, dtype=torch.uint8)
    data = preprocessor(
        dict(
            inputs=[results['inputs'], other],
            data_samples=[results['data_samples']] * 2), True)
    assert data['inputs'].shape == (2, 2, 0, 64, 96)


def test_loss_is_that_of_the_masks(build):
    model = build()
    inputs, (sample, *_) = clips()
    records, rois = zip(*(model._training_record(inputs[0], frame, t, 2)
                          for t, frame in enumerate(sample)))
    embeds = [model.instance_head(roi) for roi in rois]
    assert [record.ids.tolist()
            for record in records] == IDS[0][:1] + [[3, 1, 4]]
    wanted = model.loss_match(*embeds, *(r.ids for r in records))
    found = model.loss(inputs[:1], [sample])['loss_match']
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize('stage', ['instance', 'fusion'])
@pytest.mark.parametrize('ids', [[[1], [2]], [[], []], [[1, 2], []]])
def test_clips_without_a_common_id(build, stage, ids):
    model = build(stage=stage).train()
    losses = model.loss(*clips([ids]))
    name = next(key for key in losses if 'loss' in key)
    assert losses[name] == 0 and losses['match_acc'] == 0
    assert trained(losses, model)


def test_longer_clips_are_pairs_of_neighbours(build):
    model = build()
    inputs, samples = clips([[[1, 2], [2, 1], [1]]])
    whole = model.loss(inputs, samples)['loss_match']
    parts = []
    for t in range(2):
        pair = TrackDataSample()
        pair.video_data_samples = samples[0][t:t + 2]
        parts.append(model.loss(inputs[:, t:t + 2], [pair])['loss_match'])
    torch.testing.assert_close(whole, sum(parts) / 2)


def test_predicted_masks(build):
    inputs, samples = clips(IDS[:1])
    model = build(train_source='pred')
    maps = []
    for frame in samples[0]:
        # the first thing of each frame is not found
        pan = frame.gt_panoptic_seg.pan_seg[0].long()
        first = frame.gt_instances.instances_ids[0]
        pan[pan == int(first)] = 1002
        labels = pan % 2
        maps.append(torch.where(pan < 1000, labels + 1000 * pan, 3))
    model.segmentor = StubScript(maps)
    records = [
        model._training_record(inputs[0], frame, t, 2)[0]
        for t, frame in enumerate(samples[0])
    ]
    wanted = [[2, 3, 4], [1, 4]]
    assert [sorted(r.ids.tolist()) for r in records] == wanted
    losses = model.train().loss(inputs, samples)
    assert losses['loss_match'].isfinite() and losses['match_acc'] <= 1


@pytest.mark.parametrize('source, features, options', [
    ('masked_rgb', 3 * 98, {}),
    ('masked_feat', 5 * 98, dict(feat_module='conv')),
])
def test_other_contents_of_rois(build, source, features, options):
    head = dict(
        type='InstanceTrackHead',
        in_features=features,
        fc_channels=(32, 16),
        roi_source=source,
        canvas_size=(64, 128),
        roi_size=(7, 14))
    model = build(instance_head=head, **options)
    inputs, samples = clips()
    model.train()
    assert 'instance_head.fcs.0.weight' in trained(
        model.loss(inputs, samples), model)
    # the pixels count, and copies of a model do not share what they saw
    twin = copy.deepcopy(model)
    other = twin.loss(inputs + 1, samples)['loss_match']
    assert other != model.loss(inputs, samples)['loss_match']
    model.eval()
    testing.check_windows_agree(model, num_frames=3, windows=(1, 2))


def test_flow_of_flipped_and_padded_pairs(build):
    inputs, samples = clips(IDS[:1])
    for frame in samples[0]:
        frame.set_metainfo(dict(img_shape=(50, 80), ori_shape=(100, 160)))
    model = build(stage='fusion')
    sizes = []
    model.flow.encode = lambda img, meta: sizes.append(img.shape) or (
        0, img.shape[-2:])
    losses = model.loss(inputs, samples)
    assert losses['loss_fusion'].isfinite()
    assert sizes == [(1, 3, 50, 80)] * 2


def blobs(rng, num):
    """Return maps of a pair of frames with the same jittered blobs."""
    maps = []
    grid = torch.stack(
        torch.meshgrid(
            torch.linspace(-1, 1, 24),
            torch.linspace(-1, 1, 48),
            indexing='ij'))
    waves = torch.randn(num, 6, 2, generator=rng)
    angle = torch.atan2(grid[0], grid[1])
    radius = grid.norm(dim=0)
    order = torch.randperm(num, generator=rng)
    for rows in (torch.arange(num), order):
        noisy = waves + 0.1 * torch.randn(waves.shape, generator=rng)
        edge = 0.6 + 0.08 * sum(noisy[:, k, :1, None] * torch.cos(k * angle) +
                                noisy[:, k, 1:, None] * torch.sin(k * angle)
                                for k in range(1, 6))
        inside = (radius < edge)[rows]
        numbers = (rows + 1)[:, None, None]
        maps.append((inside * numbers).reshape(-1, 48))
    return maps


def test_embeddings_learn_to_match(build):
    """Behaviour 7 of a smaller kind: blobs and jittered copies."""
    from mmengine.structures import PixelData
    rng = torch.Generator().manual_seed(0)
    model = build(
        segmentor=None,
        instance_head=dict(
            type='InstanceTrackHead',
            canvas_size=(64, 128),
            fc_channels=(256, 256)))
    model.init_weights()
    optimizer = torch.optim.AdamW(model.instance_head.parameters(), lr=5e-4)
    _, samples = testing.fake_clips([[[], []]] * 2)
    accuracies = []
    for _ in range(60):
        for sample in samples:
            for frame, ids in zip(sample, blobs(rng, 12)):
                frame.set_metainfo(
                    dict(img_shape=ids.shape, ori_shape=ids.shape))
                frame.gt_panoptic_seg = PixelData(
                    pan_seg=ids[None].int(),
                    metainfo=dict(segments_info=[
                        dict(id=i, category=0, is_thing=True)
                        for i in range(1, 13)
                    ]))
        losses = model.loss(torch.zeros(2, 2, 0, *ids.shape), samples)
        optimizer.zero_grad()
        losses['loss_match'].backward()
        optimizer.step()
        accuracies.append(float(losses['match_acc']))
    assert sum(accuracies[:5]) / 5 < 0.75
    assert sum(accuracies[-10:]) / 10 > 0.9


def test_flow_feats_of_training_pairs_are_checked(build):
    model = build(stage='fusion')
    model.flow.shift = (float('nan'), 0)
    with pytest.raises(ValueError, match='flow is NaN'):
        model.loss(*clips(IDS[:1]))
