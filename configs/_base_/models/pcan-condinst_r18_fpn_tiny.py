# One-stage PCAN small enough to train on two CPU cores in minutes: a narrow
# ResNet-18 from scratch and 64 channels. Frames are 96 x 160, so the pyramid
# starts at stride 4 and masks are predicted at strides 4 and 2.
_base_ = './pcan-condinst_r50_fpn.py'
channels = 64
num_classes = 4
strides = [4, 8, 16]
norm_cfg = dict(type='GN', num_groups=8, requires_grad=True)
model = dict(
    detector=dict(
        backbone=dict(
            depth=18,
            num_stages=3,
            out_indices=(0, 1, 2),
            strides=(1, 2, 2),
            dilations=(1, 1, 1),
            base_channels=32,
            stem_channels=32,
            frozen_stages=-1,
            norm_cfg=norm_cfg,
            norm_eval=False,
            init_cfg=None),
        neck=dict(
            in_channels=[32, 64, 128],
            out_channels=channels,
            start_level=0,
            num_outs=3),
        bbox_head=dict(
            num_classes=num_classes,
            in_channels=channels,
            stacked_convs=2,
            feat_channels=channels,
            strides=strides,
            norm_cfg=norm_cfg,
            regress_ranges=((-1, 24), (24, 48), (48, 1e8))),
        mask_head=dict(
            size_of_interest=4,
            mask_out_stride=2,
            mask_feature_head=dict(
                in_channels=channels,
                feat_channels=channels,
                mask_stride=4,
                num_stacked_convs=2,
                norm_cfg=norm_cfg)),
        mask_roi_extractor=dict(
            out_channels=channels, featmap_strides=strides, finest_scale=28),
        test_cfg=dict(nms_pre=200, max_per_img=30)),
    track_head=dict(
        roi_extractor=dict(
            out_channels=channels, featmap_strides=strides, finest_scale=28),
        embed_head=dict(
            in_channels=channels,
            num_convs=2,
            conv_out_channels=channels,
            fc_out_channels=128,
            embed_channels=64,
            norm_cfg=norm_cfg),
        train_cfg=dict(sampler=dict(num=64))),
    refine_head=dict(in_channels=channels, conv_out_channels=channels),
    frame_pcam=dict(channels=channels, num_levels=3))
