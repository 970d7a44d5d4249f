import pytest
import torch

from mmvis_plugin import testing

CHECKS = [
    testing.check_windows_agree, testing.check_videos_are_independent,
    testing.check_state_is_bounded, testing.check_nothing_is_dropped,
    testing.check_masks_are_rle
]
STAGES = ['segmenter', 'online', 'offline']
TERMS = {'loss_cls', 'loss_mask', 'loss_dice'}
# names, and the parts that train
EXPECTED = dict(
    segmenter=(TERMS | {f'd{i}.{t}'
                        for i in range(2)
                        for t in TERMS}
               | {'loss_ctx', 'loss_ctx_aux', 'loss_pcc', 'loss_pcc_aux'},
               {'backbone', 'segment_head'}),
    online=(TERMS | {f'd0.{t}'
                     for t in TERMS}
            | {'loss_ref', 'loss_ref_aux'}, {'tracker'}),
    offline=(TERMS | {f'd0.{t}'
                      for t in TERMS}, {'refiner'}))
REF = dict(online=dict(loss_ref=dict(type='ReferenceContrastiveLoss')))


def predict(model, num_frames=4, seed=0):
    inputs, samples = testing.fake_clips([[[]] * num_frames], seed=seed)
    with torch.no_grad():
        return model.predict(inputs, samples)[0]


@pytest.mark.parametrize('check', CHECKS)
@pytest.mark.parametrize('stage', STAGES)
def test_guarantees_of_online_models(build, stage, check):
    check(build(stage))


@pytest.mark.parametrize(
    'ids', [
        [[[], [], []]],
        [[[1], [1], [1]]],
        [[[1, 2], [2], [1, 2]]],
        [[[1, 2], [], [2, 3]], [[], [], []]],
        [[[1, 2]]],
        [[list(range(1, 9)), [3], [9]]],
    ],
    ids=[
        'nothing', 'one object', 'absent', 'empty clip', 'one frame',
        'more than slots'
    ])
@pytest.mark.parametrize('guided', [True, False])
@pytest.mark.parametrize('stage', STAGES)
def test_losses_are_finite_and_reach_what_trains(build, at_iteration, stage,
                                                 guided, ids):
    at_iteration(0 if guided else 60)
    model = build(stage, train=True, **REF.get(stage, {}))
    losses = testing.check_losses_are_finite(model, ids)
    names, parts = EXPECTED[stage]
    assert set(losses) == names
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert {name.split('.')[0] for name in trained} == parts
    frozen = [p for p in model.parameters() if not p.requires_grad]
    assert all(p.grad is None for p in frozen)


@pytest.mark.parametrize('stage', STAGES)
def test_a_video_of_one_frame(build, stage):
    (frame, ) = predict(build(stage), num_frames=1)
    assert len(frame.pred_track_instances) > 0


def test_segmenter_links_queries_that_changed_places(build):
    model = build()
    inputs, samples = testing.fake_clips([[[], []]])
    feats = model.encode(inputs[0, :1])
    order = torch.tensor([3, 0, 5, 1, 2, 4])
    mixed = [x[:, order] for x in feats[:-1]] + [feats[-1]]
    metas = [frame.metainfo for frame in samples[0]]
    with torch.no_grad():
        one, state = model.advance(feats, metas[0], model.init_state(metas[0]))
        two, state = model.advance(mixed, metas[1], state)
    assert torch.equal(one.mask_logits, two.mask_logits)
    torch.testing.assert_close(state.logits, feats.cls_logits[0])


@pytest.mark.parametrize('stage', STAGES)
def test_scores_are_those_of_the_mean_logits(build, stage):
    model = build(stage)
    inputs, samples = testing.fake_clips([[[]] * 3])
    state, logits, slots = model.init_state({}), [], []
    with torch.no_grad():
        for t, frame in enumerate(samples[0]):
            output, state = model.step(inputs[:, t], frame.metainfo, state)
            logits.append(state.logits * (t + 1))
            slots.append((output.slots, output.raw_queries))
        result = model.predict(inputs, samples)[0]
        mean = logits[-1] / 3
        if stage == 'offline':
            embeds = model.refiner(*(torch.stack(x)[None]
                                     for x in zip(*slots)))[-1]
            refined = model.refiner.predict_classes(embeds)[0]
            probs = torch.maximum(refined.softmax(-1), mean.softmax(-1))
        else:
            probs = mean.softmax(-1)
    best = probs[:, :-1].flatten().topk(10)
    wanted = dict(zip(best.indices.tolist(), best.values.tolist()))
    for frame in result:
        found = frame.pred_track_instances
        for track, score in zip(found.instances_id.tolist(), found.scores):
            assert abs(wanted[track] - score) < 1e-5


def test_logits_of_a_video_are_means_over_frames(build):
    model = build()
    inputs, samples = testing.fake_clips([[[]] * 3])
    with torch.no_grad():
        found = model.encode(inputs[0, :1])
        state = model.init_state({})
        for scale in (1., 2., 6.):
            scaled = found._replace(cls_logits=scale * found.cls_logits)
            _, state = model.advance(scaled, samples[0][0].metainfo, state)
    torch.testing.assert_close(state.logits, 3 * found.cls_logits[0])
    assert state.num_frames == 3


def test_online_results_have_the_ids_of_the_video(build):
    model = build('online')
    inputs, samples = testing.fake_clips([[[]] * 3])
    state, results = model.init_state({}), []
    with torch.no_grad():
        for t, frame in enumerate(samples[0]):
            output, state = model.step(inputs[:, t], frame.metainfo, state)
            results.append(model.online_result(output, state))
    last = predict(model, num_frames=3)[2].pred_track_instances
    found = results[-1]
    assert found.instances_id.tolist() == last.instances_id.tolist()
    assert found.masks == last.masks
    for frame in results:
        assert torch.equal(frame.instances_id, frame.slots * 3 + frame.labels)


def test_offline_masks_are_those_of_the_refiner(build):
    online, offline = build('online'), build('offline')
    offline.load_state_dict(online.state_dict(), strict=False)
    offline.stage_record.trained()
    one, two = predict(online), predict(offline)
    assert any(a.pred_track_instances.masks != b.pred_track_instances.masks
               for a, b in zip(one, two))
    inputs, samples = testing.fake_clips([[[]]])
    with torch.no_grad():
        results = [
            m.online_result(
                *m.step(inputs[0], samples[0][0].metainfo, m.init_state({})))
            for m in (online, offline)
        ]
    # before the end of the video, both have the tracker only
    assert results[0].instances_id.equal(results[1].instances_id)
    torch.testing.assert_close(
        results[0].bboxes, results[1].bboxes, atol=2, rtol=0)


@pytest.mark.parametrize('stage', STAGES)
def test_what_is_kept_of_a_frame_is_small_and_on_the_cpu(build, stage):
    model = build(stage)
    inputs, samples = testing.fake_clips([[[]]])
    with torch.no_grad():
        output, _ = model.step(inputs[0], samples[0][0].metainfo,
                               model.init_state({}))
    rows, pixels = (16 if stage == 'offline' else 6), 16 * 24
    kept = [
        x for x in vars(output).values()
        if isinstance(x, torch.Tensor) and x.dim() == 3
    ]
    assert [x.untyped_storage().nbytes() for x in kept] == [2 * rows * pixels]


@pytest.mark.parametrize('stage, iterations', [('online', [0, 49, 50, 99]),
                                               ('offline', [49, 50])])
def test_first_half_is_guided(build, at_iteration, monkeypatch, stage,
                              iterations):
    model = build(stage, train=True)
    inputs, samples = testing.fake_clips([[[1], [1]]])
    for iteration in iterations:
        calls, match = [], model.criterion.match
        monkeypatch.setattr(model.criterion, 'match',
                            lambda *a: calls.append(a) or match(*a))
        at_iteration(iteration)
        model.loss(inputs, samples)
        monkeypatch.undo()
        assert len(calls) == (1 if iteration < 50 else 2)


def test_frozen_parts_stay_in_evaluation_mode(build):
    model = build('offline', train=True)
    assert model.refiner.training
    for part in (model.backbone, model.segment_head, model.tracker):
        assert not any(m.training for m in part.modules())


@pytest.mark.parametrize('stage, overrides, message', [
    ('onlin', dict(parts_of='segmenter'), "stage='onlin' of CAVIS is unknown"),
    ('segmenter', dict(task='pan'), "task='pan' of CAVIS"),
    ('offline', dict(parts_of='online'), "stage='offline' .*refiner=None"),
    ('segmenter', dict(parts_of='online'), "stage='segmenter' .*with tracker"),
])
def test_wrong_settings_are_explained(build, stage, overrides, message):
    with pytest.raises(ValueError, match=message) as info:
        build(stage, **overrides)
    assert '\n' not in str(info.value)
