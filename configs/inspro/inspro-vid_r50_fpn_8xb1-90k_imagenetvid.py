_base_ = [
    '../_base_/models/inspro_r50_fpn.py', '../_base_/datasets/imagenet_vid.py',
    '../_base_/schedules/schedule_90k.py', '../_base_/default_runtime.py'
]
# InsPro-VID (InsPro section A.5): boxes only, trained on ImageNet VID and DET.
num_classes = 30
model = dict(
    data_preprocessor=dict(pad_mask=False),
    roi_head=dict(
        bbox_head=dict(num_classes=num_classes, num_mask_params=0),
        mask_feat_head=None,
        mask_head=None,
        criterion=dict(loss_dedup=dict(beta=0.15))),
    test_cfg=dict(max_per_video=100))
# Weights of the COCO pre-training, inspro_r50_fpn_8xb2-ms-480-800-3x_coco.py,
# or mmdet's sparse-rcnn_r50_fpn_ms-480-800-3x_coco. Their mask parts, if any,
# are left out; fc_cls and intra_query start anew.
load_from = None
