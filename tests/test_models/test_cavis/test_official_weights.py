import pytest
import torch
import torch.nn.functional as F
from mmdet.models.backbones import SwinTransformer
from mmdet.models.layers import PatchMerging

from mmvis_plugin.models.cavis import ContextEmbed
from mmvis_plugin.models.cavis.official_weights import (convert_official,
                                                        inspect_columns)
from mmvis_plugin.utils.errors import CheckpointError
from ...official_cavis import swin, vit

SMALL_SWIN = dict(dims=8, depths=(1, 2), heads=(2, 4), window=3)


def drawn(shapes):
    """Return random tensors of some shapes."""
    return {name: torch.randn(shape) for name, shape in shapes.items()}


def test_swin_loads_strictly():
    official = drawn(swin(**SMALL_SWIN))
    found = convert_official(official)
    assert not found.unknown
    model = SwinTransformer(
        embed_dims=8,
        depths=(1, 2),
        num_heads=(2, 4),
        strides=(4, 2),
        window_size=3,
        out_indices=(0, 1))
    index = {
        name: value.clone()
        for name, value in model.state_dict().items()
        if name.endswith('relative_position_index')
    }
    model.load_state_dict(
        {
            k.split('.', 1)[1]: v
            for k, v in found.weights.items()
        }, strict=True)
    state = model.state_dict()
    # theirs is a constant that the file may hold in any form
    assert all(state[name].equal(value) for name, value in index.items())
    for ours, theirs in (('stages.1.blocks.0.norm2.bias',
                          'layers.1.blocks.0.norm2.bias'),
                         ('stages.0.blocks.0.ffn.layers.1.weight',
                          'layers.0.blocks.0.mlp.fc2.weight'),
                         ('stages.1.blocks.1.attn.w_msa.qkv.bias',
                          'layers.1.blocks.1.attn.qkv.bias'), ('norm1.weight',
                                                               'norm1.weight'),
                         ('patch_embed.projection.bias',
                          'patch_embed.proj.bias')):
        assert torch.equal(state[ours], official[f'backbone.{theirs}'])


def test_swin_merges_patches_as_the_official_one():
    official = drawn(swin(**SMALL_SWIN))
    found = convert_official(official).weights
    prefix = 'backbone.{}.0.downsample.'
    merge = PatchMerging(8, 16)
    merge.load_state_dict({
        name: found[prefix.format('stages') + name]
        for name in ('norm.weight', 'norm.bias', 'reduction.weight')
    })
    x = torch.randn(1, 4, 6, 8)
    rows, _ = merge(x.flatten(1, 2), (4, 6))
    old = prefix.format('layers')
    parts = [x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)]
    wanted = F.layer_norm(
        torch.cat(parts, -1), (32, ), official[old + 'norm.weight'],
        official[old + 'norm.bias']) @ official[old + 'reduction.weight'].t()
    torch.testing.assert_close(rows, wanted.flatten(1, 2))


def test_vit_of_dinov2_alone():
    official = drawn(vit(dims=16, depth=2, patch=14, prefix=''))
    found = convert_official(official)
    assert set(found.weights) == set(vit(dims=16, depth=2))
    name = 'backbone.vit_module.patch_embed.proj.weight'
    old, new = official['patch_embed.proj.weight'], found.weights[name]
    assert new.shape == (16, 3, 16, 16)
    # corners stay, and a kernel that is a plane stays one
    for i in (0, -1):
        torch.testing.assert_close(new[..., i, i], old[..., i, i])
    slope = torch.linspace(0, 1, 14).expand(16, 3, 14, 14)
    official['patch_embed.proj.weight'] = slope
    new = convert_official(official).weights[name]
    torch.testing.assert_close(new, torch.linspace(0, 1, 16).expand_as(new))


def test_patches_of_16_stay_as_they_are():
    official = drawn(vit(dims=16, depth=1))
    found = convert_official(official).weights
    assert all(found[name] is value for name, value in official.items())


def test_two_tensors_of_one_name_are_refused():
    prefix, value = 'sem_seg_head.predictor.', torch.zeros(1)
    with pytest.raises(CheckpointError, match='which another tensor') as info:
        convert_official({
            f'{prefix}query_feat.weight': value,
            f'{prefix}static_query.weight': value
        })
    assert '\n' not in str(info.value)


@pytest.mark.parametrize('mode', ['avg', 'channel_sum'])
def test_columns_tell_the_filter_of_the_training(mode):
    torch.manual_seed(0)
    embed, dims = ContextEmbed(64), 64
    optimizer = torch.optim.AdamW(
        embed.parameters(), lr=1e-3, weight_decay=0.05)
    target = torch.randn(2 * dims, dims) / 10
    for _ in range(400):
        queries, around = torch.randn(2, 32, dims)
        if mode == 'channel_sum':
            around = around.mean(dim=1, keepdim=True).expand(-1, dims)
        wanted = torch.cat([queries, around], dim=1) @ target
        loss = F.mse_loss(embed(queries, around), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seen = inspect_columns(embed.layers[0].weight.detach())
    assert seen.ctx_filter == mode
    assert seen.drawn_std == 128**-0.5
    if mode == 'channel_sum':
        assert seen.std < seen.drawn_std and abs(seen.kurtosis - 1.8) < 0.05


@pytest.mark.parametrize('scale, power, verdict', [
    (0.86, 1, 'channel_sum'),
    (1.2, 1, 'avg'),
    (0.86, 3, 'avg'),
    (0.86, 1.2, None),
])
def test_numbers_of_the_columns(scale, power, verdict):
    rows = torch.rand(256, 512) * 2 - 1
    rows = rows.sign() * rows.abs()**power
    rows = rows / rows.std() * scale * 512**-0.5
    # what all columns of a row share does not count
    seen = inspect_columns(rows + torch.randn(256, 1))
    assert abs(seen.std - scale * 512**-0.5) < 2e-4
    assert seen.ctx_filter == verdict
