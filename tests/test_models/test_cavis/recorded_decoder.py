"""A head with the weights of the released decoder."""
import re

from mmengine.config import ConfigDict
from torch import nn

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
        if key == 'laplacian':
            continue
        for pattern, name in NAMES:
            key = re.sub(f'^{pattern}', name, key)
        result[key] = value
    return result


class GivenFeatures(nn.Module):
    """Pixel decoder whose output is given."""

    def forward(self, feats):
        return feats[0], feats[1:]


def build_head(ref, **overrides):
    """Return a head with the weights of a recorded decoder."""
    cfg = dict(
        type='Mask2FormerHead',
        loss_cls=dict(type='CrossEntropyLoss', class_weight=1.))
    cfg = overrides or cfg
    dims, heads = ref.number('hidden'), ref.number('heads')
    width = len(ref.weights['transformer_ffn_layers.0.linear1.bias'])
    attn = dict(embed_dims=dims, num_heads=heads, dropout=0., batch_first=True)
    head = MODELS.build(
        ConfigDict(
            **cfg,
            in_channels=[dims] * 4,
            feat_channels=dims,
            out_channels=dims,
            num_things_classes=ref.number('num_classes'),
            num_stuff_classes=0,
            num_queries=len(ref.weights['query_feat.weight']),
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
    weights = renamed(ref.weights)
    if cfg['type'] == 'Mask2FormerHead':
        weights = {k: v for k, v in weights.items() if 'reid_embed' not in k}
    head.load_state_dict(weights)
    return head.eval()
