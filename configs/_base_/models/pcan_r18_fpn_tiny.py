# PCAN small enough to train on two CPU cores in minutes: a narrow ResNet-18
# from scratch, 64 channels, anchors and proposals for frames of 96 x 160.
# The structure is PCAN's.
_base_ = './pcan_r50_fpn.py'
channels = 64
num_classes = 8
norm_cfg = dict(type='GN', num_groups=8, requires_grad=True)
proposal_cfg = dict(nms_pre=200, max_per_img=100)
model = dict(
    detector=dict(
        backbone=dict(
            depth=18,
            base_channels=32,
            stem_channels=32,
            frozen_stages=-1,
            norm_cfg=norm_cfg,
            norm_eval=False,
            init_cfg=None),
        neck=dict(in_channels=[32, 64, 128, 256], out_channels=channels),
        rpn_head=dict(
            in_channels=channels,
            feat_channels=channels,
            anchor_generator=dict(scales=[4])),
        roi_head=dict(
            bbox_roi_extractor=dict(out_channels=channels, finest_scale=28),
            bbox_head=dict(
                in_channels=channels,
                fc_out_channels=256,
                num_classes=num_classes,
                loss_bbox=dict(_delete_=True, type='L1Loss', loss_weight=2.0)),
            mask_roi_extractor=dict(out_channels=channels, finest_scale=28),
            mask_head=dict(
                num_convs=2,
                in_channels=channels,
                conv_out_channels=channels,
                num_classes=num_classes)),
        train_cfg=dict(
            rpn_proposal=proposal_cfg,
            rcnn=dict(sampler=dict(num=64, pos_fraction=0.5))),
        test_cfg=dict(rpn=proposal_cfg, rcnn=dict(score_thr=0.3))),
    track_head=dict(
        roi_extractor=dict(out_channels=channels, finest_scale=28),
        embed_head=dict(
            in_channels=channels,
            num_convs=2,
            conv_out_channels=channels,
            fc_out_channels=128,
            embed_channels=64,
            norm_cfg=norm_cfg),
        train_cfg=dict(sampler=dict(num=64))),
    # after minutes of training the class of an object changes from frame to
    # frame, and scores stay low
    tracker=dict(with_cats=False, init_score_thr=0.5),
    refine_head=dict(in_channels=channels, conv_out_channels=channels),
    frame_pcam=dict(channels=channels))
