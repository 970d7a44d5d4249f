_base_ = './inspro-vid_r50_fpn_8xb1-90k_imagenetvid.py'
# The main result of the paper on ImageNet VID.
model = dict(
    backbone=dict(
        depth=101,
        init_cfg=dict(type='Pretrained',
                      checkpoint='torchvision://resnet101')))
# Weights of a COCO pre-training with ResNet-101, for example mmdet's
# sparse-rcnn_r101_fpn_ms-480-800-3x_coco.
load_from = None
