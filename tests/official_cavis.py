"""Names and shapes of the weights of the official CAVIS code
(Detectron2)."""
from .official_pcan import layer, norm

FROZEN = ('weight', 'bias', 'running_mean', 'running_var')
PYRAMIDS = dict(
    r50=(256, 512, 1024, 2048), swin=(192, 384, 768, 1536), vit=(1024, ) * 4)


def frozen_norm(name, width):
    """Return the shapes of a frozen batch normalisation."""
    return {f'{name}.{key}': (width, ) for key in FROZEN}


def resnet50():
    """Return the shapes of Detectron2's ResNet-50."""
    shapes = layer('backbone.stem.conv1', 64, 3, 7, 7, bias=False)
    shapes.update(frozen_norm('backbone.stem.conv1.norm', 64))
    width = 64
    for stage, num, inner in zip(
            range(2, 6), (3, 4, 6, 3), (64, 128, 256, 512)):
        for block in range(num):
            name = f'backbone.res{stage}.{block}'
            convs = dict(
                conv1=(inner, width, 1, 1),
                conv2=(inner, inner, 3, 3),
                conv3=(4 * inner, inner, 1, 1))
            if block == 0:
                convs['shortcut'] = (4 * inner, width, 1, 1)
            for key, shape in convs.items():
                shapes.update(layer(f'{name}.{key}', *shape, bias=False))
                shapes.update(frozen_norm(f'{name}.{key}.norm', shape[0]))
            width = 4 * inner
    return shapes


def swin(dims=192,
         depths=(2, 2, 18, 2),
         heads=(6, 12, 24, 48),
         window=12,
         prefix='backbone.'):
    """Return the shapes of a Swin transformer."""
    shapes = {
        **layer('patch_embed.proj', dims, 3, 4, 4),
        **norm('patch_embed.norm', dims, False)
    }
    for stage, (depth, num) in enumerate(zip(depths, heads)):
        for block in range(depth):
            name = f'layers.{stage}.blocks.{block}'
            for key, out, into in (('attn.qkv', 3 * dims,
                                    dims), ('attn.proj', dims,
                                            dims), ('mlp.fc1', 4 * dims, dims),
                                   ('mlp.fc2', dims, 4 * dims)):
                shapes.update(layer(f'{name}.{key}', out, into))
            for key in ('norm1', 'norm2'):
                shapes.update(norm(f'{name}.{key}', dims, False))
            shapes[f'{name}.attn.relative_position_bias_table'] = ((
                2 * window - 1)**2, num)
            shapes[f'{name}.attn.relative_position_index'] = (window**2, ) * 2
        shapes.update(norm(f'norm{stage}', dims, False))
        if stage + 1 < len(depths):
            name = f'layers.{stage}.downsample'
            shapes.update(
                layer(f'{name}.reduction', 2 * dims, 4 * dims, bias=False))
            shapes.update(norm(f'{name}.norm', 4 * dims, False))
            dims *= 2
    return {prefix + name: shape for name, shape in shapes.items()}


def vit(dims=1024, depth=24, patch=16, prefix='backbone.vit_module.'):
    """Return the shapes of the ViT of DINOv2."""
    shapes = {
        'cls_token': (1, 1, dims),
        'pos_embed': (1, 1370, dims),
        'mask_token': (1, dims),
        **layer('patch_embed.proj', dims, 3, patch, patch),
        **norm('norm', dims, False)
    }
    for block in range(depth):
        name = f'blocks.{block}'
        for key in ('norm1', 'norm2'):
            shapes.update(norm(f'{name}.{key}', dims, False))
        shapes.update(layer(f'{name}.attn.qkv', 3 * dims, dims))
        shapes.update(layer(f'{name}.attn.proj', dims, dims))
        shapes.update(layer(f'{name}.mlp.fc1', 4 * dims, dims))
        shapes.update(layer(f'{name}.mlp.fc2', dims, 4 * dims))
        shapes.update({f'{name}.ls{i}.gamma': (dims, ) for i in (1, 2)})
    return {prefix + name: shape for name, shape in shapes.items()}


def vit_adapter(dims=1024, stem=64):
    """Return the shapes of the adapter around the ViT."""
    shapes = {'level_embed': (3, dims), **layer('up', dims, dims, 2, 2)}
    for i, into in ((0, 3), (3, stem), (6, stem)):
        shapes.update(layer(f'spm.stem.{i}', stem, into, 3, 3, bias=False))
        shapes.update(norm(f'spm.stem.{i + 1}', stem))
    widths = (stem, 2 * stem, 4 * stem, 4 * stem)
    for i, (into, out) in enumerate(zip(widths, widths[1:]), 2):
        shapes.update(layer(f'spm.conv{i}.0', out, into, 3, 3, bias=False))
        shapes.update(norm(f'spm.conv{i}.1', out))
    for i, width in enumerate(widths, 1):
        shapes.update(layer(f'spm.fc{i}', dims, width, 1, 1))
        shapes.update(norm(f'norm{i}', dims))
    for name in [f'{i}.extractor' for i in range(4)
                 ] + ['3.extra_extractors.0', '3.extra_extractors.1']:
        name = f'interactions.{name}'
        for key in ('query_norm', 'feat_norm', 'ffn_norm'):
            shapes.update(norm(f'{name}.{key}', dims, False))
        for key, out in (('sampling_offsets', dims // 8), ('attention_weights',
                                                           dims // 16),
                         ('value_proj', dims), ('output_proj', dims)):
            shapes.update(layer(f'{name}.attn.{key}', out, dims))
        shapes.update(layer(f'{name}.ffn.fc1', dims // 4, dims))
        shapes.update(layer(f'{name}.ffn.dwconv.dwconv', dims // 4, 1, 3, 3))
        shapes.update(layer(f'{name}.ffn.fc2', dims, dims // 4))
    return {f'backbone.{name}': shape for name, shape in shapes.items()}


def pixel_decoder(widths):
    """Return the shapes of the pixel decoder."""
    shapes = {'transformer.level_embed': (3, 256)}
    for i, width in enumerate(widths[:0:-1]):
        shapes.update(layer(f'input_proj.{i}.0', 256, width, 1, 1))
        shapes.update(norm(f'input_proj.{i}.1', 256, False))
    for i in range(6):
        name = f'transformer.encoder.layers.{i}'
        for key, out, into in (('self_attn.sampling_offsets', 192,
                                256), ('self_attn.attention_weights', 96, 256),
                               ('self_attn.value_proj', 256,
                                256), ('self_attn.output_proj', 256, 256),
                               ('linear1', 1024, 256), ('linear2', 256, 1024)):
            shapes.update(layer(f'{name}.{key}', out, into))
        for key in ('norm1', 'norm2'):
            shapes.update(norm(f'{name}.{key}', 256, False))
    for key, into, side in (('adapter_1', widths[0], 1), ('layer_1', 256, 3)):
        shapes.update(layer(key, 256, into, side, side, bias=False))
        shapes.update(norm(f'{key}.norm', 256, False))
    shapes.update(layer('mask_features', 256, 256, 1, 1))
    return {f'sem_seg_head.pixel_decoder.{k}': v for k, v in shapes.items()}


def attention(name, kind):
    """Return the shapes of an attention layer and its norm."""
    return {
        f'{name}.{kind}.in_proj_weight': (768, 256),
        f'{name}.{kind}.in_proj_bias': (768, ),
        **layer(f'{name}.{kind}.out_proj', 256, 256),
        **norm(f'{name}.norm', 256, False)
    }


def layers(num, *kinds):
    """Return the shapes of transformer layers: attention, then FFN."""
    shapes = {}
    for i in range(num):
        for kind in kinds:
            inner = 'multihead_attn' if kind == 'cross' else 'self_attn'
            shapes.update(
                attention(f'transformer_{kind}_attention_layers.{i}', inner))
        name = f'transformer_ffn_layers.{i}'
        shapes.update(layer(f'{name}.linear1', 2048, 256))
        shapes.update(layer(f'{name}.linear2', 256, 2048))
        shapes.update(norm(f'{name}.norm', 256, False))
    return shapes


def heads(classes):
    """Return the shapes of the norm and the heads of a decoder."""
    shapes = {
        **norm('decoder_norm', 256, False),
        **layer('class_embed', classes + 1, 256)
    }
    for i in range(3):
        shapes.update(layer(f'mask_embed.layers.{i}', 256, 256))
    return shapes


def mask2former(backbone='r50', classes=25, queries=100):
    """Return the shapes of Mask2Former."""
    shapes = dict(
        r50=resnet50, swin=swin, vit=lambda: {
            **vit(),
            **vit_adapter()
        })[backbone]()
    predictor = {
        **layers(9, 'cross', 'self'),
        **heads(classes), 'query_feat.weight': (queries, 256),
        'query_embed.weight': (queries, 256),
        'level_embed.weight': (3, 256)
    }
    shapes.update(pixel_decoder(PYRAMIDS[backbone]))
    shapes.update({
        f'sem_seg_head.predictor.{k}': v
        for k, v in predictor.items()
    })
    return {**shapes, 'criterion.empty_weight': (classes + 1, )}


def cavis(stage, **kwargs):
    """Return the shapes of a stage of CAVIS."""
    classes = kwargs.get('classes', 25)
    prefix, shapes = 'sem_seg_head.predictor.', mask2former(**kwargs)
    shapes[f'{prefix}laplacian'] = (1, 1, 3, 3)
    for i, width in enumerate((512, 256, 256)):
        shapes.update(layer(f'{prefix}reid_embed.layers.{i}', 256, width))
    if stage == 'segmenter':
        return shapes
    tracker = {
        **layers(6, 'cross', 'self'),
        **heads(classes),
        **layer('ctx_query_embed', 256, 512)
    }
    shapes.update({f'tracker.{k}': v for k, v in tracker.items()})
    if stage == 'online':
        return shapes
    refiner = {
        **layers(6, 'time_self', 'obj_self', 'cross'),
        **heads(classes),
        **layer('activation_proj', 1, 256)
    }
    for i in range(6):
        name = f'conv_short_aggregate_layers.{i}'
        refiner.update(layer(f'{name}.0', 256, 256, 5))
        refiner.update(layer(f'{name}.2', 256, 256, 3))
        refiner.update(norm(f'conv_norms.{i}', 256, False))
    return {**shapes, **{f'refiner.{k}': v for k, v in refiner.items()}}
