"""Names and shapes of the weights of the official PCAN code (mmdet 2)."""

BUFFERS = ('running_mean', 'running_var')


def layer(name, *shape, bias=True):
    """Return the shapes of a convolution or a linear layer."""
    return {
        f'{name}.weight': shape,
        **({
            f'{name}.bias': shape[:1]
        } if bias else {})
    }


def norm(name, width, buffers=True):
    """Return the shapes of a normalisation."""
    names = ('weight', 'bias') + (BUFFERS if buffers else ())
    counter = {f'{name}.num_batches_tracked': ()} if buffers else {}
    return {**{f'{name}.{key}': (width, ) for key in names}, **counter}


def resnet50():
    """Return the shapes of the backbone as mmdet names it."""
    shapes = {
        **layer('backbone.conv1', 64, 3, 7, 7, bias=False),
        **norm('backbone.bn1', 64)
    }
    width = 64
    for stage, (blocks,
                inner) in enumerate(zip((3, 4, 6, 3), (64, 128, 256, 512)), 1):
        for block in range(blocks):
            name = f'backbone.layer{stage}.{block}'
            kernels = ((inner, width, 1), (inner, inner, 3), (4 * inner, inner,
                                                              1))
            for i, (out, into, side) in enumerate(kernels, 1):
                shapes.update(
                    layer(
                        f'{name}.conv{i}', out, into, side, side, bias=False))
                shapes.update(norm(f'{name}.bn{i}', out))
            if block == 0:
                shapes.update(
                    layer(
                        f'{name}.downsample.0',
                        4 * inner,
                        width,
                        1,
                        1,
                        bias=False))
                shapes.update(norm(f'{name}.downsample.1', 4 * inner))
            width = 4 * inner
    return shapes


def box_stage():
    """Return the shapes of stage 1: QDTrack on Faster R-CNN."""
    shapes, roi = resnet50(), 'roi_head'
    for i, width in enumerate((256, 512, 1024, 2048)):
        shapes.update(layer(f'neck.lateral_convs.{i}.conv', 256, width, 1, 1))
        shapes.update(layer(f'neck.fpn_convs.{i}.conv', 256, 256, 3, 3))
        track = f'{roi}.track_head.convs.{i}'
        shapes.update(layer(f'{track}.conv', 256, 256, 3, 3, bias=False))
        shapes.update(norm(f'{track}.gn', 256, buffers=False))
    return {
        **shapes,
        **layer('rpn_head.rpn_conv', 256, 256, 3, 3),
        **layer('rpn_head.rpn_cls', 3, 256, 1, 1),
        **layer('rpn_head.rpn_reg', 12, 256, 1, 1),
        **layer(f'{roi}.bbox_head.shared_fcs.0', 1024, 12544),
        **layer(f'{roi}.bbox_head.shared_fcs.1', 1024, 1024),
        **layer(f'{roi}.bbox_head.fc_cls', 9, 1024),
        **layer(f'{roi}.bbox_head.fc_reg', 32, 1024),
        **layer(f'{roi}.track_head.fcs.0', 1024, 12544),
        **layer(f'{roi}.track_head.fc_embed', 256, 1024)
    }


def mask_stage():
    """Return the shapes of stage 2: with the mask head."""
    shapes, head = box_stage(), 'roi_head.mask_head'
    for i in range(4):
        shapes.update(layer(f'{head}.convs.{i}.conv', 256, 256, 3, 3))
    return {
        **shapes,
        **layer(f'{head}.upsample', 256, 256, 2, 2),
        **layer(f'{head}.conv_logits', 8, 256, 1, 1)
    }


def pcan_stage(num_protos=30):
    """Return the shapes of stage 3: PCAN."""
    shapes, head = mask_stage(), 'roi_head.refine_head'
    for i in range(3):
        shapes.update(layer(f'{head}.convs.{i}.conv', 256, 256, 3, 3))
    return {
        **shapes,
        **{
            f'mu{i}': (1, 256, num_protos)
            for i in range(5)
        }, f'{head}.pos_mu': (1, 256, 10),
        f'{head}.neg_mu': (1, 256, 10),
        **layer(f'{head}.conv1.conv', 256, 259, 3, 3),
        **layer(f'{head}.conv2.conv', 256, 256, 1, 1),
        **layer(f'{head}.upsample', 256, 256, 2, 2),
        **layer(f'{head}.conv_logits', 1, 256, 1, 1)
    }
