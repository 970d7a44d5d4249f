# PanopticFCN small enough to train on two CPU cores in minutes: a narrow
# ResNet-18 from scratch and 64 channels. The structure is that of PanopticFCN.
_base_ = './panoptic-fcn_r50_fpn.py'
channels = 64
norm_cfg = dict(type='GN', num_groups=8, requires_grad=True)
model = dict(
    data_preprocessor=dict(std=[58.0, 58.0, 58.0]),
    backbone=dict(
        depth=18,
        base_channels=32,
        stem_channels=32,
        frozen_stages=-1,
        norm_cfg=norm_cfg,
        norm_eval=False,
        style='pytorch',
        init_cfg=None),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=channels),
    panoptic_head=dict(
        semantic_mode='all',
        in_channels=channels,
        feat_channels=channels,
        norm_cfg=norm_cfg,
        encode_channels=32,
        position_deform=False,
        # things are small here: most belong to P3, a few cells each
        scales=((1, 48), (32, 96), (64, 192), (128, 384), (256, 768)),
        overlap=0.5,
        position_weight=5.0,
        mask_weight=4.0,
        test_cfg=dict(mask_thr=0.5, stuff_area=64, min_thing_area=16)))
