import pytest
import torch

from mmvis_plugin.models.cavis.weight_names import (is_constant, plugin_name,
                                                    stage_of)
from mmvis_plugin.registry import MODELS
from ...official_cavis import cavis, mask2former

DECODER = 'sem_seg_head.pixel_decoder.'
PREDICTOR = 'sem_seg_head.predictor.'
LAYER = 'segment_head.transformer_decoder.layers.'
ENCODER = 'segment_head.pixel_decoder.encoder.layers.'


# shapes alone would not tell these from their neighbours
@pytest.mark.parametrize('official, ours', [
    (DECODER + 'input_proj.2.0.bias',
     'segment_head.pixel_decoder.input_convs.2.conv.bias'),
    (DECODER + 'input_proj.0.1.bias',
     'segment_head.pixel_decoder.input_convs.0.gn.bias'),
    (DECODER + 'transformer.level_embed',
     'segment_head.pixel_decoder.level_encoding.weight'),
    (DECODER + 'transformer.encoder.layers.5.norm1.weight',
     ENCODER + '5.norms.0.weight'),
    (DECODER + 'transformer.encoder.layers.0.norm2.weight',
     ENCODER + '0.norms.1.weight'),
    (DECODER + 'transformer.encoder.layers.3.self_attn.value_proj.bias',
     ENCODER + '3.self_attn.value_proj.bias'),
    (DECODER + 'transformer.encoder.layers.3.self_attn.output_proj.bias',
     ENCODER + '3.self_attn.output_proj.bias'),
    (DECODER + 'adapter_1.norm.bias',
     'segment_head.pixel_decoder.lateral_convs.0.gn.bias'),
    (DECODER + 'layer_1.norm.bias',
     'segment_head.pixel_decoder.output_convs.0.gn.bias'),
    (DECODER + 'mask_features.bias',
     'segment_head.pixel_decoder.mask_feature.bias'),
    (PREDICTOR +
     'transformer_cross_attention_layers.8.multihead_attn.in_proj_weight',
     LAYER + '8.cross_attn.attn.in_proj_weight'),
    (PREDICTOR +
     'transformer_self_attention_layers.8.self_attn.in_proj_weight',
     LAYER + '8.self_attn.attn.in_proj_weight'),
    (PREDICTOR + 'transformer_cross_attention_layers.1.norm.bias',
     LAYER + '1.norms.0.bias'),
    (PREDICTOR + 'transformer_self_attention_layers.1.norm.bias',
     LAYER + '1.norms.1.bias'),
    (PREDICTOR + 'transformer_ffn_layers.1.norm.bias',
     LAYER + '1.norms.2.bias'),
    (PREDICTOR + 'decoder_norm.bias',
     'segment_head.transformer_decoder.post_norm.bias'),
    (PREDICTOR + 'query_feat.weight', 'segment_head.query_feat.weight'),
    (PREDICTOR + 'static_query.weight', 'segment_head.query_feat.weight'),
    (PREDICTOR + 'query_embed.weight', 'segment_head.query_embed.weight'),
    (PREDICTOR + 'level_embed.weight', 'segment_head.level_embed.weight'),
    (PREDICTOR + 'mask_embed.layers.1.bias', 'segment_head.mask_embed.2.bias'),
    (PREDICTOR + 'reid_embed.layers.1.bias',
     'segment_head.reid_embed.layers.1.bias'),
    ('backbone.stem.conv1.norm.bias', 'backbone.bn1.bias'),
    ('backbone.res2.1.conv1.weight', 'backbone.layer1.1.conv1.weight'),
    ('backbone.res5.0.conv2.norm.weight', 'backbone.layer4.0.bn2.weight'),
    ('backbone.res3.0.shortcut.norm.weight',
     'backbone.layer2.0.downsample.1.weight'),
    ('backbone.norm2.running_var', 'backbone.norm2.running_var'),
    ('backbone.level_embed', 'backbone.level_embed'),
    ('backbone.proposal.weight', None),
    ('sem_seg_head.predictor.ref_proj.weight', None),
    ('roi_heads.box_head.fc1.weight', None),
])
def test_where_a_tensor_goes(official, ours):
    assert plugin_name(official) == ours


@pytest.mark.parametrize('name', [
    'criterion.empty_weight', 'sem_seg_head.predictor.laplacian',
    'backbone.layers.0.blocks.1.attn.relative_position_index'
])
def test_constants_are_known(name):
    assert is_constant(name)
    assert not is_constant('sem_seg_head.predictor.level_embed.weight')


def test_every_tensor_of_a_published_model_has_its_place():
    names = [plugin_name(k) for k in cavis('offline') if not is_constant(k)]
    assert None not in names and len(set(names)) == len(names)
    with torch.device('meta'):
        tracker = MODELS.build(
            dict(type='ContextAwareTracker', num_classes=25))
        refiner = MODELS.build(dict(type='TemporalRefiner', num_classes=25))
    for prefix, module in (('tracker', tracker), ('refiner', refiner)):
        ours = {f'{prefix}.{k}' for k in module.state_dict()}
        assert {n for n in names if n.startswith(prefix)} == ours


@pytest.mark.parametrize('stage', ['segmenter', 'online', 'offline'])
def test_stage_of_a_file(stage):
    names = [plugin_name(k) for k in cavis(stage) if not is_constant(k)]
    assert stage_of(names) == stage
    # a tracker of another system does not make it one of this
    names = [k for k in names if 'ctx_query_embed' not in k]
    assert stage_of(names) == 'segmenter'
    names = [plugin_name(k) for k in mask2former() if not is_constant(k)]
    assert stage_of(names) == 'image'
