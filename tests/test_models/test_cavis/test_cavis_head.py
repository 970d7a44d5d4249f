import pytest
import torch
from mmdet.models.dense_heads import Mask2FormerHead
from mmengine.config import Config, ConfigDict

from mmvis_plugin.models.cavis import surrounding_features
from .conftest import BASE, SMALL
from .recorded_decoder import build_head


@pytest.fixture
def head(build):
    """Return the head of a small model."""
    return build().segment_head


@pytest.fixture
def pyramid():
    """Return maps of two frames of 64 x 96."""
    rng = torch.Generator().manual_seed(0)
    return [
        torch.randn(2, 8 * 2**i, 16 // 2**i, 24 // 2**i, generator=rng)
        for i in range(4)
    ]


def mask2former_of(head):
    """Return the head of mmdet with the weights of ours."""
    cfg = Config(dict(head=BASE.segment_head.to_dict()))
    cfg.merge_from_dict(dict(head=SMALL['segment_head']))
    for key in ('type', 'ctx_kernel_size', 'ctx_filter'):
        cfg.head.pop(key)
    other = Mask2FormerHead(
        **cfg.head,
        loss_cls=ConfigDict(type='CrossEntropyLoss', class_weight=None))
    other.load_state_dict({
        key: value
        for key, value in head.state_dict().items()
        if not key.startswith('reid_embed.')
    })
    return other.eval()


@pytest.mark.parametrize('mode, name', [('avg', 'reid_paper'),
                                        ('channel_sum', 'reid_official')])
@pytest.mark.parametrize('case', [1, 2])
@torch.no_grad()
def test_recorded_decoder(reference, case, mode, name):
    ref = reference(f'decoder_{case}')
    head = build_head(
        ref,
        type='CAVISHead',
        ctx_filter=mode,
        ctx_kernel_size=ref.number('kernel_size'))
    found, layers = head([ref['mask_features']] +
                         [ref[f'feat_res{n}'] for n in (5, 4, 3)])
    wanted = dict(
        cls_logits='pred_logits',
        mask_logits='pred_masks',
        queries='query_norm',
        raw_queries='query_no_norm',
        contexts=name)
    for key, recorded in wanted.items():
        torch.testing.assert_close(
            getattr(found, key), ref[recorded], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        layers[0][1], ref['aux0_masks'], rtol=1e-4, atol=1e-4)


def test_predictions_are_those_of_mask2former(head, pyramid):
    with torch.no_grad():
        found, layers = head(pyramid)
        logits, masks = mask2former_of(head)(pyramid, None)
    assert len(layers) == len(logits) == 3
    for layer, *wanted in zip(layers, logits, masks):
        torch.testing.assert_close(list(layer), wanted, rtol=1e-5, atol=1e-5)
    assert found.cls_logits is layers[-1][0]
    assert found.mask_logits is layers[-1][1]


def test_what_the_later_stages_need(head, pyramid):
    head.transformer_decoder.post_norm.bias.data.fill_(1.)
    with torch.no_grad():
        found, _ = head(pyramid)
        features, _ = head.pixel_decoder(pyramid)
    norm = head.transformer_decoder.post_norm
    torch.testing.assert_close(found.queries, norm(found.raw_queries))
    assert not torch.allclose(found.queries, found.raw_queries)
    torch.testing.assert_close(found.mask_features, features)
    torch.testing.assert_close(found.cls_logits, head.cls_embed(found.queries))
    masks = torch.einsum('fqc,fchw->fqhw', head.mask_embed(found.queries),
                         features)
    torch.testing.assert_close(found.mask_logits, masks, rtol=1e-4, atol=1e-5)
    around = surrounding_features(features, masks, 9, 'avg')
    torch.testing.assert_close(
        found.contexts,
        head.reid_embed(found.queries, around),
        rtol=1e-4,
        atol=1e-5)


def test_frames_are_independent(head, pyramid):
    with torch.no_grad():
        both, _ = head(pyramid)
        one, _ = head([level[1:] for level in pyramid])
    for x, y in zip(both, one):
        torch.testing.assert_close(x[1:], y, rtol=1e-4, atol=1e-5)


def test_embeddings_train_the_pixel_decoder_but_not_through_masks(
        head, pyramid):
    found, _ = head(pyramid)
    found.contexts.square().sum().backward()
    grads = dict(head.named_parameters())
    assert grads['pixel_decoder.mask_feature.weight'].grad.abs().sum() > 0
    assert grads['query_feat.weight'].grad.abs().sum() > 0
    assert grads['mask_embed.4.weight'].grad is None
    assert grads['cls_embed.weight'].grad is None


@pytest.mark.parametrize('overrides', [
    dict(segment_head__ctx_filter='channel_sum'),
    dict(segment_head__ctx_kernel_size=3),
    dict(segment_head__with_context=False)
])
def test_variants_of_the_context_change_nothing_but_embeddings(
        build, head, pyramid, overrides):
    other = build(**overrides).segment_head
    assert set(other.state_dict()) == set(head.state_dict())
    with torch.no_grad():
        one, two = head(pyramid)[0], other(pyramid)[0]
    assert torch.equal(one.mask_logits, two.mask_logits)
    assert not torch.allclose(one.contexts, two.contexts)
    if not other.with_context:
        wanted = other.reid_embed(two.queries, torch.zeros_like(two.queries))
        assert torch.equal(two.contexts, wanted)


def test_a_learnable_filter_begins_as_the_average_and_is_trained(
        build, head, pyramid):
    other = build(segment_head__ctx_filter='learnable').segment_head
    missing = other.load_state_dict(head.state_dict(), strict=False)
    assert missing.missing_keys == ['ctx_conv.weight']
    found = other(pyramid)[0]
    torch.testing.assert_close(
        found.contexts, head(pyramid)[0].contexts, rtol=1e-4, atol=1e-5)
    found.contexts.square().sum().backward()
    assert other.ctx_conv.weight.grad.abs().sum() > 0
    with torch.no_grad():
        other.ctx_conv.weight[:, :, 4, 4] += 1
        changed = other(pyramid)[0]
    assert changed.mask_logits.equal(found.mask_logits)
    assert not torch.allclose(changed.contexts, found.contexts)


def test_unknown_filters_are_refused(build):
    with pytest.raises(ValueError, match="filter 'max' is unknown"):
        build(segment_head__ctx_filter='max')
