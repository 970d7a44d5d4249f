import pytest
import torch

from mmvis_plugin.models.cavis import TemporalRefiner
from mmvis_plugin.registry import MODELS
from .by_hand import ByHand, refine

SMALL = dict(
    num_classes=3,
    embed_dims=8,
    num_heads=2,
    feedforward_channels=12,
    num_layers=2)


def reference_refiner(ref, **kwargs):
    width = len(ref.weights['transformer_ffn_layers.0.linear1.bias'])
    refiner = MODELS.build(
        dict(
            type='TemporalRefiner',
            num_classes=ref.number('num_classes'),
            embed_dims=ref.number('hidden'),
            num_heads=ref.number('heads'),
            feedforward_channels=width,
            num_layers=ref.number('layers'),
            **kwargs))
    refiner.load_state_dict(ref.weights)
    return refiner


@pytest.mark.parametrize('chunk_size', [None, 1, 2, 100])
@pytest.mark.parametrize('case', [1, 2])
@torch.no_grad()
def test_reference_values(reference, case, chunk_size):
    ref = reference(f'refiner_{case}')
    refiner = reference_refiner(ref, chunk_size=chunk_size)
    slots, frames = (
        ref[name].permute(0, 2, 3, 1)
        for name in ('instance_embeds', 'frame_embeds'))
    embeds = refiner(slots, frames)
    last = refiner.eval()(slots, frames)
    assert len(embeds) == ref.number('layers') and len(last) == 1
    exact = dict(rtol=1e-4, atol=1e-4)
    for layer, prefix in ((embeds[-1], ''), (last[0], ''), (embeds[0],
                                                            'aux0_')):
        # the released code repeats the logits over the frames
        logits = refiner.predict_classes(layer)[:, None].expand_as(
            ref[f'{prefix}pred_logits'])
        torch.testing.assert_close(logits, ref[f'{prefix}pred_logits'],
                                   **exact)
        masks = refiner.predict_masks(layer, ref['mask_features'])
        torch.testing.assert_close(masks, ref[f'{prefix}pred_masks'], **exact)
    torch.testing.assert_close(last[0].permute(0, 3, 1, 2), ref['pred_embds'],
                               **exact)


def random_inputs(batch=2, frames=7, slots=5, dims=8, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(2, batch, frames, slots, dims, generator=rng)


@pytest.fixture
def refiner():
    torch.manual_seed(0)
    return TemporalRefiner(**SMALL).eval()


@pytest.mark.parametrize('frames', [1, 4])
@torch.no_grad()
def test_equals_a_batch_by_hand(refiner, frames):
    inputs = random_inputs(frames=frames, slots=3)
    refined = refiner(*inputs)[-1]
    layers = ByHand(refiner.state_dict(), 2)
    for i in range(2):
        expected = refine(layers, 2, *inputs[:, i].double())
        torch.testing.assert_close(
            refined[i].double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('chunk_size', [1, 2, 3, 5, 50])
@torch.no_grad()
def test_result_does_not_depend_on_the_chunk_size(refiner, chunk_size):
    inputs = random_inputs()
    expected = refiner(*inputs)
    refiner.chunk_size = chunk_size
    torch.testing.assert_close(refiner(*inputs), expected)


@torch.no_grad()
def test_clips_of_a_batch_do_not_mix(refiner):
    inputs = random_inputs()
    both = refiner(*inputs)
    for i in range(2):
        alone = refiner(*(x[i:i + 1] for x in inputs))
        torch.testing.assert_close(both[:, i:i + 1], alone)


@torch.no_grad()
def test_slots_follow_their_order_and_frame_queries_have_none(refiner):
    slots, frames = random_inputs()
    order = torch.tensor([3, 0, 4, 1, 2])
    expected = refiner(slots, frames)[..., order, :]
    got = refiner(slots[:, :, order], frames.flip(2))
    torch.testing.assert_close(got, expected)


@torch.no_grad()
def test_all_frames_count(refiner):
    slots, frames = random_inputs()
    expected = refiner(slots, frames)
    changed = slots.clone()
    changed[:, -1] += 1
    assert not torch.allclose(
        refiner(changed, frames)[:, :, 0], expected[:, :, 0])


@torch.no_grad()
def test_class_logits_are_pooled_over_time(refiner):
    embeds = random_inputs()[0]
    got = refiner.predict_classes(embeds)
    for b in range(2):
        for q in range(5):
            z = embeds[b, :, q]
            weights = refiner.activation_proj(z).exp()
            pooled = (weights * z).sum(0) / weights.sum()
            torch.testing.assert_close(got[b, q], refiner.class_embed(pooled))


@pytest.mark.parametrize('frames', [1, 2, 9])
def test_all_parameters_learn_at_any_length(refiner, frames):
    inputs = random_inputs(frames=frames)
    features = torch.randn(2, frames, 8, 4, 6)
    embeds = refiner.train()(*inputs)
    logits = refiner.predict_classes(embeds)
    masks = refiner.predict_masks(embeds, features)
    assert logits.shape == (2, 2, 5, 4)
    assert masks.shape == (2, 2, 5, frames, 4, 6)
    (logits.square().sum() + masks.square().sum()).backward()
    for name, param in refiner.named_parameters():
        assert param.grad is not None and param.grad.isfinite().all(), name


def test_overfits_a_class_that_only_time_shows(refiner):
    # two slots that are equal but for the order of their frames
    rng = torch.Generator().manual_seed(3)
    slot = torch.randn(6, 8, generator=rng)
    inputs = torch.stack([slot, slot.flip(0)], dim=1)[None]
    target = torch.tensor([[0, 1]])
    optimizer = torch.optim.Adam(refiner.train().parameters(), 1e-2)
    for _ in range(40):
        logits = refiner.predict_classes(refiner(inputs, inputs)[-1])
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1


def test_parameters_and_names_of_the_released_weights():
    refiner = TemporalRefiner(num_classes=25)
    assert sum(p.numel() for p in refiner.parameters()) == 14411291
    shapes = {k: tuple(v.shape) for k, v in refiner.state_dict().items()}
    for i in range(6):
        for kind, attn in (('time_self_attention',
                            'self_attn'), ('obj_self_attention', 'self_attn'),
                           ('cross_attention', 'multihead_attn')):
            prefix = f'transformer_{kind}_layers.{i}'
            assert shapes.pop(f'{prefix}.{attn}.in_proj_weight') == (768, 256)
            assert shapes.pop(f'{prefix}.{attn}.in_proj_bias') == (768, )
            assert shapes.pop(f'{prefix}.{attn}.out_proj.weight') == (256, 256)
            assert shapes.pop(f'{prefix}.{attn}.out_proj.bias') == (256, )
            pop_norm(shapes, f'{prefix}.norm')
        prefix = f'transformer_ffn_layers.{i}'
        pop_linear(shapes, f'{prefix}.linear1', (2048, 256))
        pop_linear(shapes, f'{prefix}.linear2', (256, 2048))
        pop_norm(shapes, f'{prefix}.norm')
        prefix = f'conv_short_aggregate_layers.{i}'
        pop_linear(shapes, f'{prefix}.0', (256, 256, 5))
        pop_linear(shapes, f'{prefix}.2', (256, 256, 3))
        pop_norm(shapes, f'conv_norms.{i}')
    pop_norm(shapes, 'decoder_norm')
    pop_linear(shapes, 'class_embed', (26, 256))
    pop_linear(shapes, 'activation_proj', (1, 256))
    for i in range(3):
        pop_linear(shapes, f'mask_embed.layers.{i}', (256, 256))
    assert not shapes


def pop_linear(shapes, name, size):
    assert shapes.pop(f'{name}.weight') == size
    assert shapes.pop(f'{name}.bias') == size[:1]


def pop_norm(shapes, name):
    assert shapes.pop(f'{name}.weight') == (256, )
    assert shapes.pop(f'{name}.bias') == (256, )


def test_wrong_chunk_size_is_refused():
    with pytest.raises(ValueError, match='chunk_size=0'):
        TemporalRefiner(chunk_size=0, **SMALL)
