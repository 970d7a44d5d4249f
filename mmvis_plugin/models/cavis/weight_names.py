"""Names of the published weights of CAVIS, DVIS and Mask2Former."""
import re
from typing import Iterable, Optional

from mmvis_plugin.utils.detectron2_names import rename, resnet_name

_LAYER = r'transformer_decoder.layers.\1.'
_PREDICTOR = (
    (r'transformer_(\w+)_attention_layers\.(\d+)\.(?:multihead|self)_attn\.',
     r'transformer_decoder.layers.\2.\1_attn.attn.'),
    (r'transformer_cross_attention_layers\.(\d+)\.norm\.',
     _LAYER + 'norms.0.'),
    (r'transformer_self_attention_layers\.(\d+)\.norm\.', _LAYER + 'norms.1.'),
    (r'transformer_ffn_layers\.(\d+)\.norm\.', _LAYER + 'norms.2.'),
    (r'transformer_ffn_layers\.(\d+)\.linear1\.', _LAYER + 'ffn.layers.0.0.'),
    (r'transformer_ffn_layers\.(\d+)\.linear2\.', _LAYER + 'ffn.layers.1.'),
    (r'decoder_norm\.', 'transformer_decoder.post_norm.'),
    (r'class_embed\.', 'cls_embed.'),
    (r'mask_embed\.layers\.0\.', 'mask_embed.0.'),
    (r'mask_embed\.layers\.1\.', 'mask_embed.2.'),
    (r'mask_embed\.layers\.2\.', 'mask_embed.4.'),
    # older files
    (r'static_query\.', 'query_feat.'),
    (r'(query_feat|query_embed|level_embed)\.', r'\1.'),
    (r'reid_embed\.layers\.', 'reid_embed.layers.'),
)
_ENCODER = r'transformer\.encoder\.layers\.(\d+)\.'
_PIXEL_DECODER = (
    (r'input_proj\.(\d)\.0\.', r'input_convs.\1.conv.'),
    (r'input_proj\.(\d)\.1\.', r'input_convs.\1.gn.'),
    (r'transformer\.level_embed$', 'level_encoding.weight'),
    (_ENCODER + r'self_attn\.', r'encoder.layers.\1.self_attn.'),
    (_ENCODER + r'norm1\.', r'encoder.layers.\1.norms.0.'),
    (_ENCODER + r'norm2\.', r'encoder.layers.\1.norms.1.'),
    (_ENCODER + r'linear1\.', r'encoder.layers.\1.ffn.layers.0.0.'),
    (_ENCODER + r'linear2\.', r'encoder.layers.\1.ffn.layers.1.'),
    (r'adapter_1\.norm\.', 'lateral_convs.0.gn.'),
    (r'adapter_1\.', 'lateral_convs.0.conv.'),
    (r'layer_1\.norm\.', 'output_convs.0.gn.'),
    (r'layer_1\.', 'output_convs.0.conv.'),
    (r'mask_features\.', 'mask_feature.'),
)
# those of Swin are named, and re-ordered, by mmdet's own converter
_VIT_ADAPTER = (
    r'(vit_module|spm|interactions|up|norm[1-4])\.',
    r'level_embed$',
)
# Constants of the code, which are no weights.
_CONSTANTS = (r'criterion\.', r'.*\.laplacian$',
              r'.*\.relative_position_index$')
STAGE_PARTS = {
    'segmenter': 'segment_head.reid_embed.',
    'online': 'tracker.ctx_query_embed.',
    'offline': 'refiner.activation_proj.'
}


def decoder_name(name: str) -> Optional[str]:
    """Return our name of a tensor of the transformer decoder.

    Args:
        name (str): Name without ``sem_seg_head.predictor.``.

    Returns:
        str, optional: In :class:`CAVISHead`; None for a name that no rule
        knows.
    """
    return rename(name, _PREDICTOR)


def plugin_name(name: str) -> Optional[str]:
    """Return our name of a tensor of a published file.

    Swin backbones are not in this table.

    Args:
        name (str): Name under the key ``model`` of the file.

    Returns:
        str, optional: In :class:`CAVIS`; None for a name that no rule knows.
    """
    part, _, rest = name.partition('.')
    if part in ('tracker', 'refiner'):
        return name
    if part == 'backbone':
        known = any(re.match(rule, rest) for rule in _VIT_ADAPTER)
        new = rest if known else resnet_name(rest)
        return new and f'backbone.{new}'
    head, _, rest = rest.partition('.')
    if (part, head) == ('sem_seg_head', 'pixel_decoder'):
        new = rename(rest, _PIXEL_DECODER)
        return new and f'segment_head.pixel_decoder.{new}'
    if (part, head) == ('sem_seg_head', 'predictor'):
        new = decoder_name(rest)
        return new and f'segment_head.{new}'
    return None


def is_constant(name: str) -> bool:
    """Tell whether a tensor of a published file is no weight.

    Args:
        name (str): Name in the file.
    """
    return any(re.match(rule, name) for rule in _CONSTANTS)


def stage_of(names: Iterable[str]) -> str:
    """Return the stage that weights were trained in.

    Args:
        names (Iterable[str]): Our names.

    Returns:
        str: 'image' if they lack what CAVIS adds to Mask2Former.
    """
    names, found = list(names), 'image'
    for stage, prefix in STAGE_PARTS.items():
        if not any(name.startswith(prefix) for name in names):
            break
        found = stage
    return found
