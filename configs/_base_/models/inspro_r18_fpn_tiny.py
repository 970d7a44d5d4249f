# InsPro small enough to train on two CPU cores in minutes: a narrow ResNet-18
# from scratch, 64 channels, 3 stages, 20 slots. The structure is InsPro's.
# Frames are 96 x 160, so masks are predicted at strides 4 and 2 instead of 8
# and 4. Group norm, because the frames of a clip are no batch to speak of.
channels = 64
num_slots = 20
num_classes = 4
norm_cfg = dict(type='GN', num_groups=8, requires_grad=True)
model = dict(
    type='InsPro',
    data_preprocessor=dict(
        type='TrackDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_mask=True,
        pad_size_divisor=32),
    backbone=dict(
        type='ResNet',
        depth=18,
        base_channels=32,
        stem_channels=32,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        frozen_stages=-1,
        norm_cfg=norm_cfg,
        norm_eval=False,
        style='pytorch'),
    neck=dict(
        type='FPN',
        in_channels=[32, 64, 128, 256],
        out_channels=channels,
        start_level=0,
        num_outs=4),
    rpn_head=dict(
        type='EmbeddingRPNHead',
        num_proposals=num_slots,
        proposal_feature_channel=channels),
    roi_head=dict(
        type='InsProHead',
        num_stages=3,
        roi_extractor=dict(
            type='StaticRoIExtractor',
            roi_size=7,
            sampling_ratio=2,
            out_channels=channels,
            featmap_strides=[4, 8, 16, 32]),
        bbox_head=dict(
            type='InsProDIIHead',
            num_classes=num_classes,
            num_mask_params=169,
            num_heads=4,
            num_cls_fcs=1,
            num_reg_fcs=2,
            feedforward_channels=256,
            in_channels=channels,
            ffn_act_cfg=dict(type='ReLU', inplace=True),
            dynamic_conv_cfg=dict(
                type='DynamicConv',
                in_channels=channels,
                feat_channels=32,
                out_channels=channels,
                input_feat_shape=7,
                act_cfg=dict(type='ReLU', inplace=True),
                norm_cfg=dict(type='LN')),
            loss_cls=dict(type='FocalLoss', use_sigmoid=True)),
        mask_feat_head=dict(
            in_channels=channels,
            feat_channels=64,
            start_level=0,
            end_level=2,
            out_channels=8,
            mask_stride=4,
            num_stacked_convs=2,
            norm_cfg=norm_cfg),
        mask_head=dict(
            type='InsProMaskHead',
            feat_stride=4,
            out_stride=2,
            rel_coord_norm='box',
            min_size=32.),
        intra_query=dict(type='IntraQueryAttention', embed_dims=channels),
        bank_size=18,
        criterion=dict(
            type='InsProCriterion',
            matcher=dict(type='TemporallyConsistentMatcher'),
            loss_dedup=dict(type='BoxDedupLoss', k=5, beta=0.1))),
    test_cfg=dict(max_per_video=10, frame_score_thr=0.05))
