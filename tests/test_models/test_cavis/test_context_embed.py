import re

import pytest
import torch
from mmengine.config import ConfigDict
from torch import nn

from mmvis_plugin.models.cavis import ContextEmbed, surrounding_features
from mmvis_plugin.registry import MODELS

# names of the released decoder to those of Mask2FormerHead
NAMES = [
    (r'transformer_(\w+)_attention_layers\.(\d+)\.(?:multihead|self)_attn\.',
     r'transformer_decoder.layers.\2.\1_attn.attn.'),
    (r'transformer_cross_attention_layers\.(\d+)\.norm\.',
     r'transformer_decoder.layers.\1.norms.0.'),
    (r'transformer_self_attention_layers\.(\d+)\.norm\.',
     r'transformer_decoder.layers.\1.norms.1.'),
    (r'transformer_ffn_layers\.(\d+)\.linear1\.',
     r'transformer_decoder.layers.\1.ffn.layers.0.0.'),
    (r'transformer_ffn_layers\.(\d+)\.linear2\.',
     r'transformer_decoder.layers.\1.ffn.layers.1.'),
    (r'transformer_ffn_layers\.(\d+)\.norm\.',
     r'transformer_decoder.layers.\1.norms.2.'),
    (r'decoder_norm\.', 'transformer_decoder.post_norm.'),
    (r'class_embed\.', 'cls_embed.'),
    (r'mask_embed\.layers\.0\.', 'mask_embed.0.'),
    (r'mask_embed\.layers\.1\.', 'mask_embed.2.'),
    (r'mask_embed\.layers\.2\.', 'mask_embed.4.'),
]


def renamed(weights):
    """Return the weights of the decoder under the names of mmdet."""
    result = {}
    for key, value in weights.items():
        if key == 'laplacian' or key.startswith('reid_embed'):
            continue
        for pattern, name in NAMES:
            key = re.sub(f'^{pattern}', name, key)
        result[key] = value
    return result


class GivenFeatures(nn.Module):
    """Pixel decoder whose output is given."""

    def forward(self, feats):
        return feats[0], feats[1:]


def build_head(ref):
    dims, heads = ref.number('hidden'), ref.number('heads')
    width = len(ref.weights['transformer_ffn_layers.0.linear1.bias'])
    attn = dict(embed_dims=dims, num_heads=heads, dropout=0., batch_first=True)
    head = MODELS.build(
        ConfigDict(
            type='Mask2FormerHead',
            in_channels=[dims] * 4,
            feat_channels=dims,
            out_channels=dims,
            num_things_classes=ref.number('num_classes'),
            num_stuff_classes=0,
            num_queries=len(ref.weights['query_feat.weight']),
            loss_cls=dict(type='CrossEntropyLoss', class_weight=1.),
            pixel_decoder=dict(
                type='MSDeformAttnPixelDecoder',
                num_outs=3,
                norm_cfg=dict(type='GN', num_groups=4),
                encoder=dict(
                    num_layers=1,
                    layer_cfg=dict(
                        self_attn_cfg=dict(
                            embed_dims=dims, num_heads=heads, num_levels=3),
                        ffn_cfg=dict(embed_dims=dims)))),
            positional_encoding=dict(num_feats=dims // 2, normalize=True),
            transformer_decoder=dict(
                return_intermediate=True,
                num_layers=ref.number('layers'),
                layer_cfg=dict(
                    self_attn_cfg=attn,
                    cross_attn_cfg=attn,
                    ffn_cfg=dict(embed_dims=dims,
                                 feedforward_channels=width)))))
    head.pixel_decoder = GivenFeatures()
    head.load_state_dict(renamed(ref.weights))
    return head.eval()


@pytest.mark.parametrize('case', [1, 2])
@torch.no_grad()
def test_reference_decoder(reference, case):
    ref = reference(f'decoder_{case}')
    head = build_head(ref)
    raw = []
    head.transformer_decoder.layers[-1].register_forward_hook(
        lambda module, args, output: raw.append(output))
    logits, masks = head([ref['mask_features']] +
                         [ref[f'feat_res{n}'] for n in (5, 4, 3)], None)
    norm = head.transformer_decoder.post_norm(raw[0])
    exact = dict(rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(logits[-1], ref['pred_logits'], **exact)
    torch.testing.assert_close(logits[0], ref['aux0_logits'], **exact)
    torch.testing.assert_close(masks[-1], ref['pred_masks'], **exact)
    torch.testing.assert_close(masks[0], ref['aux0_masks'], **exact)
    torch.testing.assert_close(raw[0], ref['query_no_norm'], **exact)
    torch.testing.assert_close(norm, ref['query_norm'], **exact)

    embed = ContextEmbed(ref.number('hidden'))
    embed.load_state_dict({
        key[len('reid_embed.'):]: value
        for key, value in ref.weights.items() if key.startswith('reid_embed.')
    })
    for mode, name in (('avg', 'reid_paper'), ('channel_sum',
                                               'reid_official')):
        around = surrounding_features(ref['mask_features'], masks[-1],
                                      ref.number('kernel_size'), mode)
        torch.testing.assert_close(embed(norm, around), ref[name], **exact)


def test_shapes_of_the_weights():
    shapes = {
        k: tuple(v.shape)
        for k, v in ContextEmbed().state_dict().items()
    }
    assert shapes == {
        'layers.0.weight': (256, 512),
        'layers.0.bias': (256, ),
        'layers.1.weight': (256, 256),
        'layers.1.bias': (256, ),
        'layers.2.weight': (256, 256),
        'layers.2.bias': (256, ),
    }


def test_queries_come_first_and_no_activation_last():
    embed, zero = ContextEmbed(4), torch.zeros(1, 4)
    one = torch.ones(1, 4)
    with torch.no_grad():
        embed.layers[0].weight[:, :4] = 0
        assert torch.equal(embed(one, zero), embed(zero, zero))
        assert not torch.equal(embed(zero, one), embed(zero, zero))
        embed.layers[2].bias.fill_(-9.)
        assert (embed(zero, zero) == -9).all()


def test_start_of_the_training():
    torch.manual_seed(0)
    embed = ContextEmbed(64)
    for layer in embed.layers:
        assert (layer.bias == 0).all()
        limit = (3 / layer.in_features)**0.5
        assert 0.99 * limit < layer.weight.abs().max() <= limit
