import copy
import re

import pytest
import torch

from mmvis_plugin.models.backbones import ViTAdapter
from mmvis_plugin.registry import MODELS
from .naive_vit_adapter import NaiveViTAdapter

IMAGE = (32, 64)


def images(number=2, size=IMAGE):
    rng = torch.Generator().manual_seed(1)
    return torch.randn(number, 3, *size, generator=rng)


def losses(maps):
    return sum(
        (x * torch.linspace(-1, 1, x.numel()).view_as(x)).sum() for x in maps)


@torch.no_grad()
def test_equals_the_network_by_hand(build):
    model = build().double().eval()
    batch = images().double()
    maps = model(batch)
    by_hand = NaiveViTAdapter(model.state_dict(), 4, 2)
    for item, image in enumerate(batch):
        for found, wanted in zip(maps, by_hand(image)):
            assert found[item].shape == wanted.shape
            torch.testing.assert_close(
                found[item], wanted, rtol=1e-9, atol=1e-9)


def expected_keys():
    """Return names and shapes of the released weights."""

    def affine(name, *shape):
        return {f'{name}.weight': shape, f'{name}.bias': shape[:1]}

    def batch_norm(name, channels):
        return {
            **affine(name, channels), f'{name}.running_mean': (channels, ),
            f'{name}.running_var': (channels, ),
            f'{name}.num_batches_tracked': ()
        }

    dims = 1024
    vit = dict(
        cls_token=(1, 1, dims),
        pos_embed=(1, 1370, dims),
        mask_token=(1, dims),
        **affine('patch_embed.proj', dims, 3, 16, 16),
        **affine('norm', dims))
    for i in range(24):
        vit.update(
            affine(f'blocks.{i}.norm1', dims)
            | affine(f'blocks.{i}.attn.qkv', 3072, dims)
            | affine(f'blocks.{i}.attn.proj', dims, dims)
            | affine(f'blocks.{i}.norm2', dims)
            | affine(f'blocks.{i}.mlp.fc1', 4096, dims)
            | affine(f'blocks.{i}.mlp.fc2', dims, 4096))
        vit.update({f'blocks.{i}.ls{j}.gamma': (dims, ) for j in (1, 2)})
    keys = {f'vit_module.{k}': v for k, v in vit.items()}
    keys['level_embed'] = (3, dims)
    for i, inputs in ((0, 3), (3, 64), (6, 64)):
        keys[f'spm.stem.{i}.weight'] = (64, inputs, 3, 3)
        keys.update(batch_norm(f'spm.stem.{i + 1}', 64))
    for i, inputs, outputs in ((2, 64, 128), (3, 128, 256), (4, 256, 256)):
        keys[f'spm.conv{i}.0.weight'] = (outputs, inputs, 3, 3)
        keys.update(batch_norm(f'spm.conv{i}.1', outputs))
    for i, inputs in ((1, 64), (2, 128), (3, 256), (4, 256)):
        keys.update(affine(f'spm.fc{i}', dims, inputs, 1, 1))
    names = [f'interactions.{i}.extractor' for i in range(4)]
    names += [f'interactions.3.extra_extractors.{i}' for i in range(2)]
    for name in names:
        for norm in ('query_norm', 'feat_norm', 'ffn_norm'):
            keys.update(affine(f'{name}.{norm}', dims))
        for part, rows in (('sampling_offsets', 128), ('attention_weights',
                                                       64),
                           ('value_proj', dims), ('output_proj', dims)):
            keys.update(affine(f'{name}.attn.{part}', rows, dims))
        keys.update(affine(f'{name}.ffn.fc1', 256, dims))
        keys.update(affine(f'{name}.ffn.dwconv.dwconv', 256, 1, 3, 3))
        keys.update(affine(f'{name}.ffn.fc2', dims, 256))
    keys.update(affine('up', dims, dims, 2, 2))
    for i in range(1, 5):
        keys.update(batch_norm(f'norm{i}', dims))
    return keys


def test_names_and_shapes_are_those_of_the_released_weights():
    with torch.device('meta'):
        model = MODELS.build(dict(type='ViTAdapter'))
    found = {k: tuple(v.shape) for k, v in model.state_dict().items()}
    assert found == expected_keys()
    assert all(p.requires_grad != name.startswith('vit_module.')
               for name, p in model.named_parameters())


def test_the_transformer_does_not_see_the_adapter(build):
    model = build().eval()
    before = [x.clone() for x in model.vit_module(images())]
    maps = model(images())
    with torch.no_grad():
        for name, p in model.named_parameters():
            if not name.startswith('vit_module.'):
                p.mul_(-2).add_(1)
    seen = []
    for interaction in model.interactions:
        interaction.register_forward_pre_hook(
            lambda _, args: seen.append(args[2]))
    changed = model(images())
    assert all(x.equal(y) for x, y in zip(before, seen)) and len(seen) == 4
    assert not any(x.equal(y) for x, y in zip(maps, changed))


def test_a_frozen_transformer_has_no_graph_and_no_gradients(build):
    model = build().train()
    assert not model.vit_module.training and model.spm.training
    groups = []
    model.vit_module.register_forward_hook(
        lambda _, args, output: groups.extend(output))
    losses(model(images())).backward()
    assert len(groups) == 4
    assert all(x.grad_fn is None and not x.requires_grad for x in groups)
    for name, p in model.named_parameters():
        assert (p.grad is None) == name.startswith('vit_module.'), name


def test_a_trained_transformer_gets_all_gradients(build):
    model = build(freeze_vit=False).train()
    assert model.vit_module.training
    losses(model(images())).backward()
    without = [n for n, p in model.named_parameters() if p.grad is None]
    assert sorted(without) == [
        f'vit_module.{name}'
        for name in ('mask_token', 'norm.bias', 'norm.weight')
    ]


@pytest.mark.parametrize('freeze_vit', [True, False])
def test_checkpoints_change_memory_only(build, freeze_vit):
    plain = build(freeze_vit=freeze_vit).train()
    saving = build(freeze_vit=freeze_vit, with_cp=True).train()
    calls = []
    for module in saving.modules():
        if re.search('Extractor|_Block', type(module).__name__):
            module.register_forward_pre_hook(lambda m, _: calls.append(m))
    grads = []
    for model in (plain, saving):
        losses(model(images())).backward()
        grads.append({n: p.grad for n, p in model.named_parameters()})
    # extractors run again for the gradient, and so do trained blocks
    assert len(calls) == (2 * 6 + 8 if freeze_vit else 2 * (6 + 8))
    for name, grad in grads[0].items():
        if grad is not None:
            torch.testing.assert_close(grads[1][name], grad)
    assert plain.norm1.running_mean.equal(saving.norm1.running_mean)
    assert saving.norm1.num_batches_tracked == 1


def test_batch_norm_is_that_of_a_single_process(build):
    model = build().train()
    plain = build(norm_cfg=dict(type='BN')).train()
    assert isinstance(model.norm1, torch.nn.SyncBatchNorm)
    assert type(plain.norm1) is torch.nn.BatchNorm2d
    for x, y in zip(model(images()), plain(images())):
        torch.testing.assert_close(x, y)


@pytest.mark.parametrize('with_cp', [False, True])
def test_mixed_precision_trains(build, with_cp):
    model = build(with_cp=with_cp).train()
    full = model(images())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        mixed = model(images())
    for x, y in zip(mixed, full):
        error = (x.float() - y).square().mean() / y.square().mean()
        assert 0 < error < 1e-2
    losses([x.float() for x in mixed]).backward()
    for name, p in model.named_parameters():
        assert not p.requires_grad or p.grad.isfinite().all(), name


def test_deformable_attention_starts_on_its_grid():
    model = ViTAdapter(
        vit=dict(embed_dims=16, depth=4, num_heads=2, img_size=64),
        stem_channels=4,
        num_heads=4)
    fresh = copy.deepcopy(model.interactions[3].extra_extractors[1].attn)
    model.init_weights()
    attn = model.interactions[3].extra_extractors[1].attn
    assert attn.sampling_offsets.bias.abs().amax() == 4
    for name in ('sampling_offsets', 'attention_weights'):
        assert not getattr(attn, name).weight.any()
        assert getattr(attn, name).bias.equal(getattr(fresh, name).bias), name


def test_sides_that_do_not_fit_are_named(build):
    with pytest.raises(ValueError, match='80 x 96 .*ViTAdapter.*of 32.*pad_'):
        build()(images(size=(80, 96)))
