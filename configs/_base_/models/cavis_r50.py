# CAVIS with a ResNet-50 and 100 queries: the segmenter. A config of a later
# stage adds `tracker` and `refiner` to the model, with the width of the head.
num_things_classes = 40
num_stuff_classes = 0
num_classes = num_things_classes + num_stuff_classes
self_attn_cfg = dict(
    embed_dims=256, num_heads=8, dropout=0.0, batch_first=True)
positional_encoding = dict(num_feats=128, normalize=True)
model = dict(
    type='CAVIS',
    stage='segmenter',
    task='vis',
    data_preprocessor=dict(
        type='VideoDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32),
    backbone=dict(
        type='ResNet',
        depth=50,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        frozen_stages=-1,
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        style='pytorch',
        # it comes with the weights that a recipe starts from
        init_cfg=None),
    segment_head=dict(
        type='CAVISHead',
        ctx_kernel_size=9,
        ctx_filter='avg',
        in_channels=[256, 512, 1024, 2048],
        strides=[4, 8, 16, 32],
        feat_channels=256,
        out_channels=256,
        num_things_classes=num_things_classes,
        num_stuff_classes=num_stuff_classes,
        num_queries=100,
        pixel_decoder=dict(
            type='MSDeformAttnPixelDecoder',
            num_outs=3,
            norm_cfg=dict(type='GN', num_groups=32),
            act_cfg=dict(type='ReLU'),
            encoder=dict(
                num_layers=6,
                layer_cfg=dict(
                    self_attn_cfg=dict(
                        embed_dims=256,
                        num_heads=8,
                        num_levels=3,
                        num_points=4,
                        dropout=0.0,
                        batch_first=True),
                    ffn_cfg=dict(
                        embed_dims=256,
                        feedforward_channels=1024,
                        num_fcs=2,
                        ffn_drop=0.0,
                        act_cfg=dict(type='ReLU', inplace=True)))),
            positional_encoding=positional_encoding),
        positional_encoding=positional_encoding,
        transformer_decoder=dict(
            return_intermediate=True,
            num_layers=9,
            layer_cfg=dict(
                self_attn_cfg=self_attn_cfg,
                cross_attn_cfg=self_attn_cfg,
                ffn_cfg=dict(
                    embed_dims=256,
                    feedforward_channels=2048,
                    num_fcs=2,
                    ffn_drop=0.0,
                    act_cfg=dict(type='ReLU', inplace=True))))),
    criterion=dict(
        type='SlotCriterion', num_classes=num_classes, num_points=12544),
    loss_ctx=dict(
        type='EmbeddingContrastiveLoss', loss_weight=2.0, aux_weight=2.0),
    loss_pcc=dict(type='PCCLoss', loss_weight=2.0, aux_weight=2.0),
    test_cfg=dict(topk=10, score_thr=0.8, overlap_thr=0.8))
