# InsPro with ResNet-50; every value is the paper's (or Sparse R-CNN's /
# CondInst's, which it builds on) unless a comment says otherwise.
num_stages = 6
num_slots = 100
channels = 256
num_classes = 40
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
        depth=50,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=True,
        style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')),
    neck=dict(
        type='FPN',
        in_channels=[256, 512, 1024, 2048],
        out_channels=channels,
        start_level=0,
        add_extra_convs='on_input',
        num_outs=4),
    rpn_head=dict(
        type='EmbeddingRPNHead',
        num_proposals=num_slots,
        proposal_feature_channel=channels),
    roi_head=dict(
        type='InsProHead',
        num_stages=num_stages,
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
            num_ffn_fcs=2,
            num_heads=8,
            num_cls_fcs=1,
            num_reg_fcs=3,
            feedforward_channels=2048,
            in_channels=channels,
            dropout=0.0,
            ffn_act_cfg=dict(type='ReLU', inplace=True),
            dynamic_conv_cfg=dict(
                type='DynamicConv',
                in_channels=channels,
                feat_channels=64,
                out_channels=channels,
                input_feat_shape=7,
                act_cfg=dict(type='ReLU', inplace=True),
                norm_cfg=dict(type='LN')),
            # only read for its sigmoid flag: losses are in the criterion
            loss_cls=dict(type='FocalLoss', use_sigmoid=True)),
        mask_feat_head=dict(
            in_channels=channels,
            feat_channels=128,
            start_level=1,
            end_level=3,
            out_channels=8,
            mask_stride=8,
            num_stacked_convs=4,
            norm_cfg=dict(type='BN')),
        mask_head=dict(type='InsProMaskHead', rel_coord_norm='box'),
        intra_query=dict(type='IntraQueryAttention', embed_dims=channels),
        bank_size=18,
        criterion=dict(
            type='InsProCriterion',
            matcher=dict(type='TemporallyConsistentMatcher'),
            loss_dedup=dict(type='BoxDedupLoss', k=5, beta=0.1))),
    test_cfg=dict(max_per_video=10, frame_score_thr=0.05))
