_base_ = [
    '../_base_/models/inspro_r50_fpn.py',
    '../_base_/datasets/coco_instance.py', '../_base_/default_runtime.py'
]
# COCO pre-training on single images (InsPro section 4.2, Table 5): 16 images
# per step, 36 epochs. A cheaper start are mmdet's public weights
# sparse_rcnn_r50_fpn_mstrain_480-800_3x_coco, in which all but the mask
# branch and the mask generators is found.
num_classes = 80
model = dict(
    type='InsProImageDetector',
    data_preprocessor=dict(type='DetDataPreprocessor'),
    roi_head=dict(intra_query=None, bbox_head=dict(num_classes=num_classes)),
    test_cfg=dict(max_per_video=100))  # per image

train_cfg = dict(
    type='ResumableIterLoop', max_iters=270000, val_interval=30000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2.5e-5, weight_decay=1e-4),
    clip_grad=dict(max_norm=1.0, norm_type=2))
param_scheduler = [
    dict(
        type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=1000),
    dict(
        type='MultiStepLR',
        by_epoch=False,
        begin=0,
        end=270000,
        milestones=[210000, 250000],
        gamma=0.1)
]
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=30000, max_keep_ckpts=3),
    visualization=dict(_delete_=True, type='DetVisualizationHook', draw=False))
visualizer = dict(type='DetLocalVisualizer')
auto_scale_lr = dict(enable=False, base_batch_size=16)
