"""mmdet's MaskTrack R-CNN R-50 for YouTube-VIS, which its wheel lacks."""
from mmengine.config import ConfigDict

STRIDES = [4, 8, 16, 32]


def masktrack_rcnn_cfg(num_classes: int = 40,
                       max_per_img: int = 100) -> ConfigDict:
    """Return the config of the model for inference.

    Values are those of ``masktrack-rcnn_mask-rcnn_r50_fpn`` of mmdet;
    nothing is downloaded.

    Args:
        num_classes (int): Classes. Defaults to 40.
        max_per_img (int): Detections per frame. Defaults to 100.

    Returns:
        ConfigDict: Config of ``MaskTrackRCNN``.
    """
    return ConfigDict(
        type='MaskTrackRCNN',
        detector=_detector(num_classes, max_per_img),
        track_head=dict(
            type='RoITrackHead',
            roi_extractor=_roi_extractor(7),
            embed_head=dict(
                type='RoIEmbedHead',
                num_fcs=2,
                roi_feat_size=7,
                in_channels=256,
                fc_out_channels=1024)),
        tracker=dict(
            type='MaskTrackRCNNTracker',
            match_weights=dict(det_score=1.0, iou=2.0, det_label=10.0),
            num_frames_retain=20))


def _roi_extractor(size: int) -> dict:
    return dict(
        type='SingleRoIExtractor',
        roi_layer=dict(type='RoIAlign', output_size=size, sampling_ratio=0),
        out_channels=256,
        featmap_strides=STRIDES)


def _detector(num_classes: int, max_per_img: int) -> dict:
    return dict(
        type='MaskRCNN',
        backbone=dict(
            type='ResNet',
            depth=50,
            num_stages=4,
            out_indices=(0, 1, 2, 3),
            frozen_stages=1,
            norm_cfg=dict(type='BN', requires_grad=True),
            norm_eval=True,
            style='pytorch'),
        neck=dict(
            type='FPN',
            in_channels=[256, 512, 1024, 2048],
            out_channels=256,
            num_outs=5),
        rpn_head=dict(
            type='RPNHead',
            in_channels=256,
            feat_channels=256,
            anchor_generator=dict(
                type='AnchorGenerator',
                scales=[8],
                ratios=[0.5, 1.0, 2.0],
                strides=[*STRIDES, 64]),
            bbox_coder=dict(type='DeltaXYWHBBoxCoder')),
        roi_head=_roi_head(num_classes),
        train_cfg=None,
        test_cfg=dict(
            rpn=dict(
                nms_pre=200,
                max_per_img=200,
                nms=dict(type='nms', iou_threshold=0.7),
                min_bbox_size=0),
            rcnn=dict(
                score_thr=0.01,
                nms=dict(type='nms', iou_threshold=0.5),
                max_per_img=max_per_img,
                mask_thr_binary=0.5)))


def _roi_head(num_classes: int) -> dict:
    return dict(
        type='StandardRoIHead',
        bbox_roi_extractor=_roi_extractor(7),
        bbox_head=dict(
            type='Shared2FCBBoxHead',
            in_channels=256,
            fc_out_channels=1024,
            roi_feat_size=7,
            num_classes=num_classes,
            bbox_coder=dict(
                type='DeltaXYWHBBoxCoder', target_stds=[0.1, 0.1, 0.2, 0.2]),
            reg_class_agnostic=False),
        mask_roi_extractor=_roi_extractor(14),
        mask_head=dict(
            type='FCNMaskHead',
            num_convs=4,
            in_channels=256,
            conv_out_channels=256,
            num_classes=num_classes))
