import copy

import pytest
import torch

from mmvis_plugin.models.cavis import ContextAwareTracker
from mmvis_plugin.registry import MODELS
from .by_hand import ByHand, track

SMALL = dict(
    num_classes=3,
    embed_dims=8,
    num_heads=2,
    feedforward_channels=12,
    num_layers=2)


def reference_tracker(ref, mode):
    width = len(ref.weights['transformer_ffn_layers.0.linear1.bias'])
    tracker = MODELS.build(
        dict(
            type='ContextAwareTracker',
            num_classes=ref.number('num_classes'),
            embed_dims=ref.number('hidden'),
            num_heads=ref.number('heads'),
            feedforward_channels=width,
            num_layers=ref.number('layers'),
            match_mode=mode))
    tracker.load_state_dict(ref.weights)
    return tracker.eval()


@pytest.mark.parametrize('mode', ['legacy', 'fixed'])
@pytest.mark.parametrize('case', [1, 2])
@torch.no_grad()
def test_reference_values(reference, case, mode):
    ref = reference(f'tracker_{case}')
    tracker = reference_tracker(ref, mode)
    embeds = ref['frame_embeds'].permute(0, 2, 3, 1)
    values = ref['frame_embeds_no_norm'].permute(0, 2, 3, 1)
    inputs = (*embeds.chunk(2, dim=-1), values)
    lengths, state = ref['clip_lengths'].tolist(), None
    for clip, frames in (('clip1', slice(0, lengths[0])),
                         ('clip2', slice(lengths[0], None))):
        tracked, state = tracker(*(x[:, frames] for x in inputs), state)
        logits = tracker.predict_classes(tracked.embeds)
        masks = tracker.predict_masks(tracked.embeds,
                                      ref['mask_features'][:, frames])
        for name, got in (('pred_logits',
                           logits[-1]), ('aux0_pred_logits',
                                         logits[0]), ('pred_masks', masks[-1]),
                          ('aux0_pred_masks',
                           masks[0]), ('pred_embds',
                                       tracked.embeds[-1].permute(0, 3, 1, 2)),
                          ('pred_references',
                           tracked.references.permute(0, 3, 1, 2))):
            expected = ref[f'{mode}/{clip}/{name}']
            torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
        assert torch.equal(tracked.indices[0], ref[f'{mode}/{clip}/indices'])


def random_clips(batch=2, frames=5, queries=6, dims=8, seed=0):
    """Queries, contexts and values, of the same objects in any order."""
    rng = torch.Generator().manual_seed(seed)
    clips = torch.randn(batch, 1, queries, 3 * dims, generator=rng)
    clips = clips + 0.2 * torch.randn(
        batch, frames, queries, 3 * dims, generator=rng)
    for frame in clips.flatten(0, 1):
        frame.copy_(frame[torch.randperm(queries, generator=rng)])
    return clips.chunk(3, dim=-1)


@pytest.fixture
def tracker():
    torch.manual_seed(0)
    return ContextAwareTracker(**SMALL).eval()


@torch.no_grad()
def test_equals_a_batch_by_hand(tracker):
    clips = random_clips(batch=2, frames=4, queries=5)
    tracked, _ = tracker(*clips)
    layers = ByHand(tracker.state_dict(), 2)
    for i in range(2):
        expected = track(layers, 2, *(x[i].double() for x in clips))
        torch.testing.assert_close(
            tracked.embeds[-1, i].double(), expected, rtol=1e-4, atol=1e-4)


def concatenated(tracked):
    return [
        torch.cat(parts, dim=dim)
        for parts, dim in zip(zip(*tracked), (2, 1, 1))
    ]


@pytest.mark.parametrize('mode', ['fixed', 'legacy'])
@pytest.mark.parametrize('window', [1, 2, 3])
@torch.no_grad()
def test_windows_of_any_length_agree(tracker, window, mode):
    tracker.match_mode = mode
    clips = random_clips()
    expected, last = tracker(*clips)
    parts, state = [], None
    for start in range(0, 5, window):
        part, state = tracker(*(x[:, start:start + window] for x in clips),
                              state)
        parts.append(part)
    assert parts[0].references.shape == (2, window - 1, 6, 8)
    for got, exact in zip(concatenated(parts), expected):
        torch.testing.assert_close(got, exact)
    for name, value in vars(last).items():
        torch.testing.assert_close(getattr(state, name), value)


@torch.no_grad()
def test_clips_of_a_batch_do_not_mix(tracker):
    clips = random_clips()
    both, _ = tracker(*clips)
    for i in range(2):
        alone, _ = tracker(*(x[i:i + 1] for x in clips))
        torch.testing.assert_close(both.embeds[:, i:i + 1], alone.embeds)
        assert torch.equal(both.indices[i:i + 1], alone.indices)


@torch.no_grad()
def test_a_step_leaves_its_state_alone(tracker):
    clips = random_clips()
    _, state = tracker.step(*(x[:, 0] for x in clips))
    before = copy.deepcopy(vars(state))
    first, _ = tracker.step(*(x[:, 1] for x in clips), state)
    again, _ = tracker.step(*(x[:, 1] for x in clips), state)
    assert torch.equal(first.embeds, again.embeds)
    for name, value in vars(state).items():
        assert torch.equal(value, before[name])


@torch.no_grad()
def test_order_of_later_queries_does_not_matter(tracker):
    clips = random_clips()
    expected, _ = tracker(*clips)
    order = torch.tensor([3, 4, 0, 2, 5, 1])
    shuffled = [x.clone() for x in clips]
    for x in shuffled:
        x[:, 3] = x[:, 3, order]
    got, _ = tracker(*shuffled)
    torch.testing.assert_close(got.embeds, expected.embeds)
    assert torch.equal(order[got.indices[:, 3]], expected.indices[:, 3])


def test_gradient_flows_through_time(tracker):
    clips = [x.requires_grad_() for x in random_clips()]
    tracked, _ = tracker.train()(*clips)
    tracked.embeds[:, :, -1].sum().backward()
    queries, contexts, values = (x.grad for x in clips)
    assert (contexts[:, 0] != 0).any() and (values[:, 0] != 0).any()
    for grad in (queries, contexts, values):
        assert grad.isfinite().all()
    trained = [
        name for name, p in tracker.named_parameters() if p.grad is not None
    ]
    heads = {'class_embed', 'mask_embed'}
    assert {name.split('.')[0]
            for name, _ in tracker.named_parameters()
            } - {name.split('.')[0]
                 for name in trained} == heads


@torch.no_grad()
def test_without_alignment_contexts_stay_as_they_come(tracker):
    inputs = [x[:, 0] for x in random_clips()]
    aligned = tracker.step(*inputs)[1].contexts
    tracker.align_context = False
    plain = tracker.step(*inputs)[1].contexts
    assert torch.equal(plain, inputs[1]) and not torch.equal(aligned, plain)
    torch.testing.assert_close(aligned.sort(1).values, plain.sort(1).values)


@torch.no_grad()
def test_plain_queries_in_the_attention():
    tracker = ContextAwareTracker(context_attention=False, **SMALL).eval()
    assert tracker.ctx_query_embed.weight.shape == (8, 8)
    queries, contexts, values = random_clips(frames=1)
    first, _ = tracker(queries, contexts, values)
    other, _ = tracker(queries, contexts.flip(2), values)
    assert torch.equal(first.embeds, other.embeds)


def test_parameters_and_names_of_the_released_weights():
    tracker = ContextAwareTracker(num_classes=25)
    assert sum(p.numel() for p in tracker.parameters()) == 9808410
    shapes = {k: tuple(v.shape) for k, v in tracker.state_dict().items()}
    layers = {
        'transformer_self_attention_layers.{}.self_attn': True,
        'transformer_cross_attention_layers.{}.multihead_attn': True,
        'transformer_ffn_layers.{}': False,
    }
    expected = dict(linear('ctx_query_embed', 256, 512))
    expected.update(linear('class_embed', 26, 256))
    expected.update(norm('decoder_norm'))
    for i in range(3):
        expected.update(linear(f'mask_embed.layers.{i}', 256, 256))
    for name, is_attention in layers.items():
        for i in range(6):
            prefix = name.format(i)
            if is_attention:
                expected.update(attention(prefix))
                expected.update(norm(prefix.rsplit('.', 1)[0] + '.norm'))
            else:
                expected.update(linear(prefix + '.linear1', 2048, 256))
                expected.update(linear(prefix + '.linear2', 256, 2048))
                expected.update(norm(prefix + '.norm'))
    assert shapes == expected


def linear(name, out_dims, in_dims):
    return {
        f'{name}.weight': (out_dims, in_dims),
        f'{name}.bias': (out_dims, )
    }


def norm(name):
    return {f'{name}.weight': (256, ), f'{name}.bias': (256, )}


def attention(name):
    return {
        f'{name}.in_proj_weight': (768, 256),
        f'{name}.in_proj_bias': (768, ),
        **linear(f'{name}.out_proj', 256, 256)
    }


def test_init_weights_is_reproducible_and_bounded(tracker):
    tracker.init_weights()
    weight = tracker.transformer_ffn_layers[0].linear1.weight
    limit = (6 / (8 + 12))**0.5
    assert 0.9 * limit < weight.abs().max() <= limit


def test_mixed_precision_steps(tracker):
    clips = random_clips()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        tracked, _ = tracker.train()(*clips)
    tracked.embeds.float().sum().backward()
    assert all(p.grad.isfinite().all() for p in tracker.parameters()
               if p.grad is not None)


def test_unknown_match_mode_is_refused():
    with pytest.raises(ValueError, match="match mode 'old' is unknown"):
        ContextAwareTracker(match_mode='old', **SMALL)
