# One-stage PCAN on CondInst, our design: the model of the paper (on SipMask)
# was not published. Frame-level fusion with learned similarity on P3-P5, the
# refine head of the two-stage model on masks that CondInst predicts.
_base_ = './pcan_r50_fpn.py'
channels = 256
num_classes = 40
strides = [8, 16, 32]
model = dict(
    detector=dict(
        _delete_=True,
        type='PCANCondInst',
        backbone=dict(
            type='ResNet',
            depth=50,
            num_stages=4,
            out_indices=(0, 1, 2, 3),
            frozen_stages=1,
            norm_cfg=dict(type='BN', requires_grad=True),
            norm_eval=True,
            style='pytorch',
            init_cfg=dict(
                type='Pretrained', checkpoint='torchvision://resnet50')),
        neck=dict(
            type='FPN',
            in_channels=[256, 512, 1024, 2048],
            out_channels=channels,
            start_level=1,
            add_extra_convs='on_output',
            num_outs=5,
            relu_before_extra_convs=True),
        bbox_head=dict(
            type='CondInstBboxHead',
            num_params=169,
            num_classes=num_classes,
            in_channels=channels,
            stacked_convs=4,
            feat_channels=channels,
            strides=[*strides, 64, 128],
            norm_on_bbox=True,
            centerness_on_reg=True,
            dcn_on_last_conv=False,
            center_sampling=True,
            conv_bias=True,
            loss_cls=dict(
                type='FocalLoss',
                use_sigmoid=True,
                gamma=2.0,
                alpha=0.25,
                loss_weight=1.0),
            loss_bbox=dict(type='GIoULoss', loss_weight=1.0),
            loss_centerness=dict(
                type='CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0)),
        mask_head=dict(
            type='CondInstMaskHead',
            num_layers=3,
            feat_channels=8,
            size_of_interest=8,
            mask_out_stride=4,
            max_masks_to_train=300,
            mask_feature_head=dict(
                in_channels=channels,
                feat_channels=128,
                start_level=0,
                end_level=2,
                out_channels=8,
                mask_stride=8,
                num_stacked_convs=4,
                norm_cfg=dict(type='BN', requires_grad=True)),
            loss_mask=dict(
                type='DiceLoss',
                use_sigmoid=True,
                activate=True,
                eps=5e-6,
                loss_weight=1.0)),
        mask_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=0),
            out_channels=channels,
            featmap_strides=strides),
        assigner=dict(
            type='MaxIoUAssigner',
            pos_iou_thr=0.5,
            neg_iou_thr=0.5,
            min_pos_iou=0.5,
            match_low_quality=False,
            ignore_iof_thr=-1),
        test_cfg=dict(
            nms_pre=1000,
            min_bbox_size=0,
            score_thr=0.05,
            nms=dict(type='nms', iou_threshold=0.6),
            max_per_img=100,
            mask_thr=0.5)),
    track_head=dict(roi_extractor=dict(featmap_strides=strides)),
    # a video is scored as a whole: weak detections may start a track
    tracker=dict(
        init_score_thr=0.3, obj_score_thr=0.1, memo_tracklet_frames=100000),
    frame_pcam=dict(
        mode='similarity', levels=(0, 1, 2), with_current_readout=False))
