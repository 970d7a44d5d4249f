"""Names of the published weights of PanopticFCN (Detectron2)."""
import re
from typing import Optional

from mmvis_plugin.utils.detectron2_names import resnet_name

_HEADS = {
    'position_head': r'position_head\.position_head\.position_head_head',
    'kernel_head': r'kernel_head\.kernel_head\.kernel_head_head',
    'feature_encoder': r'feature_encoder\.encode_head\.encode_head_head',
}
_TOWERS = {
    'position_head': 'position_head.tower',
    'kernel_head': 'kernel_head.tower',
    'feature_encoder': 'feature_encoder',
}


def _tower_rules():
    for head, old in _HEADS.items():
        convs = f'{{head}}{_TOWERS[head]}.convs.{{{{0}}}}'
        for part, new in [(r'offset_mask_conv\.', 'conv.conv_offset.'),
                          (r'dcnv2\.norm\.', 'gn.'), (r'dcnv2\.', 'conv.'),
                          (r'norm\.', 'gn.'), ('', 'conv.')]:
            yield rf'{old}_(\d)\.{part}', 1, f'{convs}.{new}'


# pattern, what to take from its first number, our name
_BACKBONE = 'backbone.bottom_up.'
_RULES = [
    (r'backbone\.fpn_lateral(\d)\.', 2, 'neck.lateral_convs.{{0}}.conv.'),
    (r'backbone\.fpn_output(\d)\.', 2, 'neck.fpn_convs.{{0}}.conv.'),
    (r'backbone\.top_block\.p(\d)\.', 2, 'neck.fpn_convs.{{0}}.conv.'),
    (r'semantic_fpn\.p2\.0\.norm\.', 0,
     '{head}semantic_fpn.levels.0.conv.0.gn.'),
    (r'semantic_fpn\.p2\.0\.', 0, '{head}semantic_fpn.levels.0.conv.0.conv.'),
    *_tower_rules(),
    (r'position_head\.out_(inst|sem)\.', 0, '{head}position_head.out_{{0}}.'),
    (r'kernel_head\.out_conv\.', 0, '{head}kernel_head.out_conv.'),
    (r'(thing|stuff)_generator\.embed_extractor\.', 0, '{head}{{0}}_embed.'),
]


def plugin_name(name: str, head: str = 'panoptic_head.') -> Optional[str]:
    """Return our name of a tensor of a published file.

    Kernels of the embeddings, ``(C, D, 1, 1)`` there, are those of linear
    layers here: flatten them.

    Args:
        name (str): Name under the key ``model`` of the file.
        head (str): Prefix of the heads in the model; '' for
            :class:`PanopticFCNHead` alone. Defaults to 'panoptic_head.'.

    Returns:
        str, optional: None for a name that no rule knows.
    """
    if name.startswith(_BACKBONE):
        new = resnet_name(name[len(_BACKBONE):])
        return new and f'backbone.{new}'
    for old, amount, new in _RULES:
        match = re.match(old, name)
        if match:
            groups = list(match.groups())
            if amount:
                groups[0] = int(groups[0]) - amount
            return new.format(head=head).format(*groups) + name[match.end():]
    match = re.match(r'semantic_fpn\.p(\d)\.(\d)\.(norm\.)?', name)
    if match is None:
        return None
    # odd places of the list are upsamplings
    layer, kind = int(match[2]) // 2, 'gn' if match[3] else 'conv'
    return (f'{head}semantic_fpn.levels.{int(match[1]) - 2}.conv.{layer}.'
            f'{kind}.{name[match.end():]}')
