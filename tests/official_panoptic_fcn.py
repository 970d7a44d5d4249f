"""Names and shapes of the weights that the official PanopticFCN writes."""
NORM = ('weight', 'bias', 'running_mean', 'running_var')
BLOCKS = (3, 4, 6, 3)
COUNTS = dict(
    semantic_fpn=4132352,
    position_head=2266583,
    kernel_head=2365696,
    feature_encoder=222528,
    thing_generator=16448,
    stuff_generator=16448)
PYRAMID = 4524544


def resnet():
    """Return the tensors of a ResNet-50, without the prefix."""
    shapes = conv('stem.conv1', 64, 3, 7)
    width = 64
    for stage, blocks in enumerate(BLOCKS):
        inner, outer = 64 * 2**stage, 256 * 2**stage
        for block in range(blocks):
            name = f'res{stage + 2}.{block}'
            if block == 0:
                shapes.update(conv(f'{name}.shortcut', outer, width, 1))
            shapes.update(conv(f'{name}.conv1', inner, width, 1))
            shapes.update(conv(f'{name}.conv2', inner, inner, 3))
            shapes.update(conv(f'{name}.conv3', outer, inner, 1))
            width = outer
    return shapes


def conv(name, out, width, kernel):
    """Return a convolution with a frozen norm."""
    shapes = {f'{name}.norm.{key}': (out, ) for key in NORM}
    return {**shapes, f'{name}.weight': (out, width, kernel, kernel)}


def biased(name, out, width, kernel):
    """Return a convolution with a bias."""
    return {
        f'{name}.weight': (out, width, kernel, kernel),
        f'{name}.bias': (out, )
    }


def grouped(name, out, width):
    """Return a 3x3 convolution with group norm."""
    return {
        f'{name}.weight': (out, width, 3, 3),
        f'{name}.norm.weight': (out, ),
        f'{name}.norm.bias': (out, )
    }


def official_shapes(things=80, semantic=54, star=False):
    """Return the shape of every tensor by its name.

    Args:
        things (int): Classes of things.
        semantic (int): Classes of the semantic map.
        star (bool): Whether it is the model with the star.
    """
    prefix = 'backbone.bottom_up.'
    shapes = {prefix + name: shape for name, shape in resnet().items()}
    for i in range(2, 6):
        shapes.update(biased(f'backbone.fpn_lateral{i}', 256, 64 * 2**i, 1))
        shapes.update(biased(f'backbone.fpn_output{i}', 256, 256, 3))
    for i in (6, 7):
        shapes.update(biased(f'backbone.top_block.p{i}', 256, 256, 3))
    for p, places in ((2, '0'), (3, '0'), (4, '02'), (5, '024')):
        for i in places:
            shapes.update(grouped(f'semantic_fpn.p{p}.{i}', 256, 256))
    encode = 256 if star else 64
    for i in (1, 2, 3):
        name = f'position_head.position_head.position_head_head_{i}'
        shapes.update(biased(f'{name}.offset_mask_conv', 27, 256, 3))
        shapes.update(grouped(f'{name}.dcnv2', 256, 256))
        name = f'kernel_head.kernel_head.kernel_head_head_{i}'
        shapes.update(grouped(name, 256, 258 if i == 1 else 256))
        name = f'feature_encoder.encode_head.encode_head_head_{i}'
        width = 258 if i == 1 else encode
        if star:
            shapes.update(biased(f'{name}.offset_mask_conv', 27, width, 3))
            name = f'{name}.dcnv2'
        shapes.update(biased(name, encode, width, 3))
    shapes.update(biased('position_head.out_inst', things, 256, 3))
    shapes.update(biased('position_head.out_sem', semantic, 256, 3))
    shapes.update(biased('kernel_head.out_conv', 256, 256, 3))
    for kind in ('thing', 'stuff'):
        shapes.update(
            biased(f'{kind}_generator.embed_extractor', encode, 256, 1))
    return shapes
