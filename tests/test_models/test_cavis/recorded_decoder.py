"""A head with the weights of the released decoder."""
from mmengine.config import ConfigDict
from torch import nn

from mmvis_plugin.models.cavis.weight_names import decoder_name, is_constant
from mmvis_plugin.registry import MODELS


def renamed(weights):
    """Return the weights of the decoder under the names of mmdet."""
    return {
        decoder_name(key): value
        for key, value in weights.items() if not is_constant(f'.{key}')
    }


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
