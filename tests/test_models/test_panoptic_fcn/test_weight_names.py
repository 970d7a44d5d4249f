import pytest
import torch
from mmdet.registry import MODELS as MMDET_MODELS
from torch import nn

from mmvis_plugin.models.panoptic_fcn import PanopticFCNHead, plugin_name

BLOCKS = (3, 4, 6, 3)
NORM = ('weight', 'bias', 'running_mean', 'running_var')


def backbone_names():
    names = ['stem.conv1.weight'] + [f'stem.conv1.norm.{k}' for k in NORM]
    for stage, num in enumerate(BLOCKS, 2):
        for b in range(num):
            convs = ['conv1', 'conv2', 'conv3'] + ['shortcut'] * (b == 0)
            for conv in convs:
                names.append(f'res{stage}.{b}.{conv}.weight')
                names += [f'res{stage}.{b}.{conv}.norm.{k}' for k in NORM]
    return [f'backbone.bottom_up.{name}' for name in names]


def head_names(star):
    layers = [
        f'backbone.fpn_{kind}{i}' for kind in ('lateral', 'output')
        for i in range(2, 6)
    ]
    layers += ['backbone.top_block.p6', 'backbone.top_block.p7']
    layers += ['position_head.out_inst', 'position_head.out_sem']
    layers += ['kernel_head.out_conv']
    layers += [
        f'{kind}_generator.embed_extractor' for kind in ('thing', 'stuff')
    ]
    names = [f'{layer}.{k}' for layer in layers for k in ('weight', 'bias')]
    normed = ('weight', 'norm.weight', 'norm.bias')
    plain = ('weight', 'bias')
    deform = ('offset_mask_conv.weight', 'offset_mask_conv.bias')
    for p, places in ((2, '0'), (3, '0'), (4, '02'), (5, '024')):
        names += [f'semantic_fpn.p{p}.{i}.{k}' for i in places for k in normed]
    for i in (1, 2, 3):
        name = f'position_head.position_head.position_head_head_{i}'
        names += [f'{name}.{k}' for k in deform]
        names += [f'{name}.dcnv2.{k}' for k in normed]
        name = f'kernel_head.kernel_head.kernel_head_head_{i}'
        names += [f'{name}.{k}' for k in normed]
        name = f'feature_encoder.encode_head.encode_head_head_{i}'
        if star:
            names += [f'{name}.{k}' for k in deform]
            names += [f'{name}.dcnv2.{k}' for k in plain]
        else:
            names += [f'{name}.{k}' for k in plain]
    return names


@pytest.mark.parametrize('star', [False, True])
def test_every_published_tensor_has_its_place(star):
    head = PanopticFCNHead(
        80,
        53,
        'merged_things',
        encode_channels=256 if star else 64,
        encode_deform=star)
    backbone = MMDET_MODELS.build(
        dict(type='mmdet.ResNet', depth=50, style='caffe'))
    neck = MMDET_MODELS.build(
        dict(
            type='mmdet.FPN',
            in_channels=[256, 512, 1024, 2048],
            out_channels=256,
            num_outs=6,
            add_extra_convs='on_output',
            relu_before_extra_convs=True))
    model = nn.ModuleDict(
        dict(backbone=backbone, neck=neck, panoptic_head=head))
    names = backbone_names() + head_names(star)
    ours = [plugin_name(name) for name in names]
    assert len(set(ours)) == len(ours)
    # frozen norms do not count their batches
    expected = {
        name
        for name in model.state_dict() if 'num_batches_tracked' not in name
    }
    assert set(ours) == expected


@pytest.mark.parametrize('name, ours', [
    ('backbone.bottom_up.res3.0.shortcut.norm.bias',
     'backbone.layer2.0.downsample.1.bias'),
    ('backbone.top_block.p7.weight', 'neck.fpn_convs.5.conv.weight'),
    ('semantic_fpn.p5.4.norm.weight',
     'semantic_fpn.levels.3.conv.2.gn.weight'),
    ('kernel_head.kernel_head.kernel_head_head_1.weight',
     'kernel_head.tower.convs.0.conv.weight'),
    ('stuff_generator.embed_extractor.bias', 'stuff_embed.bias'),
    ('pixel_mean', None),
])
def test_single_names(name, ours):
    assert plugin_name(name, head='') == ours


def test_embeddings_are_flattened_kernels():
    torch.manual_seed(0)
    head = PanopticFCNHead(2, 2, position_deform=False)
    kernel = torch.randn(64, 256, 1, 1)
    rows = torch.randn(5, 256)
    head.thing_embed.weight.data = kernel.flatten(1)
    head.thing_embed.bias.data.zero_()
    expected = torch.nn.functional.conv2d(rows[:, :, None, None], kernel)
    torch.testing.assert_close(
        head.thing_embed(rows), expected[..., 0, 0], rtol=1e-4, atol=1e-4)
